"""A 3x3 convolution with 3.6 times fewer multiplications: Winograd's F(4x4, 3x3) (Lavin and Gray
2015, https://arxiv.org/abs/1509.09308).

Float32, on CPUs. A few samples at a time go through all of it, so that their tiles stay in the
processor's cache; the products are torch's, the transforms compiled (`gocnn.training.tiles`).
Backward is the adjoint, of which both gradients share the first transform; the input's tiles are
made anew rather than kept, which would take two and a half times the memory of the maps. For
torch.compile these are operators that it does not look into.
"""

import contextlib
import functools
import importlib
from typing import Any

import numba
import torch
from torch import Tensor

from gocnn.training import tiles

CHUNK = 200
"""Tiles that are worked on at a time."""

_G = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


def convolution(x: Tensor, weight: Tensor) -> Tensor:
    """`conv2d(x, weight, padding=1)` for `x` `(N, in, H, W)` and `weight` `(out, in, 3, 3)`,
    float32 and on the CPU; the result has channels last.

    It differs from conv2d by rounding: by some 1e-5 of the largest value (the transforms cost about
    two bits).
    """
    result: Tensor = _forward(x, weight)
    return result


def _maps(x: Tensor) -> Tensor:
    """As `(N, H, W, C)`, contiguous."""
    return x.detach().permute(0, 2, 3, 1).contiguous()


def _filters(weight: Tensor) -> Tensor:
    """G w G^T as `(36, in, out)`."""
    outputs, inputs = weight.shape[:2]
    return (_both_ways() @ weight.detach().permute(2, 3, 1, 0).reshape(9, inputs * outputs)).view(
        36, inputs, outputs
    )


@functools.cache
def _both_ways() -> Tensor:
    """G down and across at once, `(36, 9)`."""
    g = torch.tensor(_G)
    return torch.kron(g, g)


@functools.cache
def _launch() -> int:
    """Start numba's threads, from now on this process's; how many there can be.

    Its OpenMP layer works with the threads that torch computes with. Others would wait for a core
    while torch's, done with a product, spin on it.
    """
    with contextlib.suppress(ImportError):
        importlib.import_module("numba.np.ufunc.omppool")

        numba.config.THREADING_LAYER = "omp"  # type: ignore[attr-defined]
    before = torch.get_num_threads()
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(most)
    torch.set_num_threads(before)  # which starting numba's had changed
    return most


def _chunks(x: Tensor) -> tuple[int, list[tuple[int, int]]]:
    """Tiles of a sample, and the samples that are worked on together."""
    numba.set_num_threads(min(_launch(), torch.get_num_threads()))
    samples, height, width, _ = x.shape
    each = ((height + 3) // 4) * ((width + 3) // 4)
    step = max(1, CHUNK // each)
    return each, [(first, min(samples, first + step)) for first in range(0, samples, step)]


@torch.library.custom_op("gocnn::winograd", mutates_args=())
def _forward(x: Tensor, weight: Tensor) -> Tensor:
    maps, filters = _maps(x), _filters(weight)
    each, chunks = _chunks(maps)
    y = maps.new_empty(*maps.shape[:3], weight.shape[0])
    v, m = _buffers(maps, chunks, each, weight.shape[1], weight.shape[0])
    for first, last in chunks:
        count = (last - first) * each
        inputs, outputs = _part(v, count), _part(m, count)
        tiles.maps_to_tiles(maps[first:last].numpy(), inputs.numpy())
        torch.bmm(inputs, filters, out=outputs)
        tiles.tiles_to_maps(outputs.numpy(), y[first:last].numpy())
    return y.permute(0, 3, 1, 2)


def _buffers(x: Tensor, chunks: list[tuple[int, int]], each: int, *channels: int) -> list[Tensor]:
    largest = max((last - first for first, last in chunks), default=0) * each
    return [x.new_empty(36 * largest * c).view(36, largest, c) for c in channels]


def _part(buffer: Tensor, count: int) -> Tensor:
    """The beginning of the buffer, for so many tiles, contiguous."""
    channels = buffer.shape[2]
    return buffer.view(-1)[: 36 * count * channels].view(36, count, channels)


@torch.library.custom_op("gocnn::winograd_backward", mutates_args=())
def _backward(
    grad: Tensor, x: Tensor, weight: Tensor, of_x: bool, of_weight: bool
) -> tuple[Tensor, Tensor]:
    maps, given = _maps(x), _maps(grad)
    outputs, inputs = weight.shape[:2]
    each, chunks = _chunks(maps)
    back = _filters(weight).transpose(1, 2).contiguous()
    dx = torch.empty_like(maps) if of_x else maps.new_empty(0)
    du = maps.new_zeros(36, inputs, outputs)
    v, m = _buffers(maps, chunks, each, inputs, outputs)
    for first, last in chunks:
        count = (last - first) * each
        tiled, dm = _part(v, count), _part(m, count)
        tiles.gradient_to_tiles(given[first:last].numpy(), dm.numpy())
        if of_weight:
            tiles.maps_to_tiles(maps[first:last].numpy(), tiled.numpy())
            du.baddbmm_(tiled.transpose(1, 2), dm)
        if of_x:
            torch.bmm(dm, back, out=tiled)
            tiles.tiles_to_gradient(tiled.numpy(), dx[first:last].numpy())
    dw = maps.new_empty(0)
    if of_weight:
        dw = (
            (_both_ways().t() @ du.view(36, -1))
            .view(3, 3, inputs, outputs)
            .permute(3, 2, 0, 1)
            .contiguous()
        )
    return (dx.permute(0, 3, 1, 2) if of_x else dx), dw


@_forward.register_fake
def _(x: Tensor, weight: Tensor) -> Tensor:
    n, _, height, width = x.shape
    return x.new_empty(n, height, width, weight.shape[0]).permute(0, 3, 1, 2)


@_backward.register_fake
def _(
    _grad: Tensor, x: Tensor, weight: Tensor, of_x: bool, of_weight: bool
) -> tuple[Tensor, Tensor]:
    n, channels, height, width = x.shape
    dx = x.new_empty(n, height, width, channels).permute(0, 3, 1, 2) if of_x else x.new_empty(0)
    return dx, weight.new_empty(tuple(weight.shape)) if of_weight else weight.new_empty(0)


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    del output  # torch gives it by that name
    ctx.save_for_backward(*inputs)


def _gradients(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
    x, weight = ctx.saved_tensors
    of_x, of_weight = ctx.needs_input_grad
    dx, dw = _backward(grad, x, weight, of_x, of_weight)
    return (dx if of_x else None), (dw if of_weight else None)


_forward.register_autograd(_gradients, setup_context=_keep)
