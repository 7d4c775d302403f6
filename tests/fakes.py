"""Tensors on devices that are not there, and what would wait for them.

torch's fake tensors have a device, a shape and a type, and no numbers: whatever a program would do
on CUDA or on Apple's `mps` is done on any machine, as far as the operators' own checks go.
`pretended` is the mode; `Trace` notes each operator for which the program would wait for the
device, or which the device does not have.
"""

import contextlib
import ctypes
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Network = TypeVar("Network", bound=torch.nn.Module)

aten = torch.ops.aten
HERE = Path(__file__).parents[1]
SLOTS = {"cuda": 1, "mps": 13}
"""Places of the device types in torch's register of device guards (`c10::DeviceType`)."""

REGISTRY = "_ZN3c104impl26device_guard_impl_registryE"
READS = {aten._local_scalar_dense.default, aten.equal.default}
SIZED_BY_CONTENT = {
    aten.nonzero.default,
    aten.masked_select.default,
    aten.bincount.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.repeat_interleave.Tensor,
}
COPIES = {aten._to_copy.default, aten.copy_.default}
INDEXED = {
    aten.index.Tensor,
    aten.index_put_.default,
    aten.index_put.default,
    aten._unsafe_index.Tensor,
}
ZEROS = 0
"""torch's number for `padding_mode="zeros"` of `grid_sample`; Apple's GPUs have no border, and a
reflection of their own."""


class _Mode(FakeTensorMode):
    """Never asks for the device itself, whatever is said of there being one."""

    avoid_device_init = property(lambda self: True, lambda self, value: None)


def _guards() -> Any:
    """torch's register of device guards, an array of pointers. Skips the test where it cannot be
    found."""
    suffix = {"linux": "so", "darwin": "dylib"}.get(sys.platform)
    path = Path(torch.__file__).parent / "lib" / f"libc10.{suffix}"
    try:
        return (ctypes.c_void_p * 16).in_dll(ctypes.CDLL(str(path)), REGISTRY)
    except (OSError, ValueError):
        pytest.skip(f"no device guard can be registered here: {path} does not show {REGISTRY}")


@contextlib.contextmanager
def pretended(kind: str) -> Iterator[torch.device]:
    """Within: tensors can be made on `cuda` or `mps` and computed with, also backward and in
    autocast, as if such a device were there (bf16 and all).

    Modules are to be built inside, in `with torch.device(kind)`. Everything is as it was
    afterwards.
    """
    guards, slot = _guards(), SLOTS[kind]
    before = guards[slot]
    with contextlib.ExitStack() as stack:
        stack.callback(guards.__setitem__, slot, before)
        guards[slot] = guards[0]  # the CPU's, which does nothing
        stack.enter_context(_Mode(allow_non_fake_inputs=True))
        for name, stand_in in {
            "torch._subclasses.fake_tensor.init_gpu_context": lambda device: None,
            "torch.cuda.is_available": lambda: kind == "cuda",
            "torch.cuda.is_bf16_supported": lambda including_emulation=True: True,
            "torch.cuda.device": lambda device: contextlib.nullcontext(),
            "torch.cuda.is_current_stream_capturing": lambda: False,
            "torch.cuda.manual_seed": lambda seed: None,
            "torch.backends.mps.is_available": lambda: kind == "mps",
            "torch.backends.mps.is_macos_or_newer": lambda major, minor: True,
            "torch.mps.manual_seed": lambda seed: None,
            "torch.Tensor.__deepcopy__": _copied,
            "torch.Tensor.backward": backward,
            "torch.autograd.backward": _no_engine,
            "torch.autograd.grad": gradients,
        }.items():
            stack.enter_context(patch(name, stand_in))
        yield torch.device(kind, 0)  # with its number, which the CPU's guard does not know


def _copied(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """torch's own copies the whole mode along with a buffer, which ends in a crash some time
    later."""
    if id(self) not in memo:
        memo[id(self)] = self.detach().clone()
    return memo[id(self)]


# --- backward, without the engine, which keeps a thread for each device that there is
# --------------------------------------------------


def _no_engine(*arguments: Any, **options: Any) -> None:
    raise AssertionError("torch's own engine cannot work on devices that are not there")


@torch.no_grad()
def backward(loss: Tensor, gradient: Tensor | None = None) -> None:
    """`Tensor.backward`, node by node of the recorded graph, each after all those that it gets
    gradients from."""
    root = loss.grad_fn
    assert root is not None
    waiting: dict[Any, int] = {root: 0}
    stack = [root]
    while stack:
        for node, _ in stack.pop().next_functions:
            if node is not None:
                if node not in waiting:
                    waiting[node] = 0
                    stack.append(node)
                waiting[node] += 1
    first = torch.ones_like(loss) if gradient is None else gradient
    collected = {root: _add([None] * len(root._input_metadata), loss.output_nr, first)}
    ready = [root]
    while ready:
        node = ready.pop()
        inputs = collected.pop(node)
        # torch's own, or an `autograd.Function` in Python
        apply = node if callable(node) else getattr(node, "apply")  # noqa: B009 - torch declares it on some nodes only
        results: Any = (
            (None,) * len(node.next_functions) if all(t is None for t in inputs) else apply(*inputs)
        )
        for (following, place), result in zip(
            node.next_functions, results if isinstance(results, tuple) else (results,), strict=False
        ):
            if following is not None:
                wanted = following._input_metadata
                # as the engine does it: what was broadcast or cast is summed and cast back
                if result is not None:
                    result = result.sum_to_size(wanted[place].shape).to(wanted[place].dtype)
                _add(collected.setdefault(following, [None] * len(wanted)), place, result)
                waiting[following] -= 1
                if not waiting[following]:
                    ready.append(following)


def _add(sums: list[Tensor | None], place: int, gradient: Tensor | None) -> list[Tensor | None]:
    if gradient is not None:
        before = sums[place]
        sums[place] = gradient if before is None else before + gradient
    return sums


def gradients(
    output: Tensor, inputs: Tensor | Sequence[Tensor], retain_graph: bool | None = None
) -> tuple[Tensor, ...]:
    """`torch.autograd.grad` by leaves; the graph is kept in any case."""
    leaves = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    for leaf in leaves:
        leaf.grad = None
    backward(output)
    return tuple(leaf.grad for leaf in leaves if leaf.grad is not None)


# --- what would wait
# -------------------------------------------------------------------------------------------------------------------


class Trace(TorchDispatchMode):
    """Notes in `found`, with the line of ours that did it, what would wait for the device or is not
    to be had there.

    Numbers that are read come out as 1, and masks as if they were set everywhere, so that what
    comes after is seen too.
    """

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self.kind = device.type
        self.found: list[str] = []
        self._pinned: list[Tensor] = []

    def _note(self, what: str) -> None:
        frame: FrameType | None = sys._getframe(1)
        ours = ""
        while frame is not None and not ours:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(HERE) and ".venv" not in path.parts and path != Path(__file__):
                ours = f" ({path.relative_to(HERE)}:{frame.f_lineno})"
            frame = frame.f_back
        self.found.append(what + ours)

    def _there(self, tensor: Any) -> bool:
        return isinstance(tensor, Tensor) and tensor.device.type == self.kind

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        there = any(self._there(t) for t in tensors)
        if func in READS:
            if there:
                self._note(f"{func} reads from {self.kind}")
            return 1.0 if args[0].is_floating_point() else 1
        if func in SIZED_BY_CONTENT:
            if there:
                self._note(f"{func} waits for {self.kind}: its size depends on what is there")
            if func is aten.nonzero.default:
                return torch.zeros(
                    args[0].numel(), args[0].ndim, dtype=torch.long, device=args[0].device
                )
            if func is aten.masked_select.default:
                return (
                    args[0].expand(torch.broadcast_shapes(args[0].shape, args[1].shape)).flatten()
                )
        if func in INDEXED:
            args = (args[0], self._indices(func, args[0], args[1]), *args[2:])
        if func in COPIES:
            self._copied(func, args, kwargs)
        elif func not in INDEXED and len({t.device.type for t in tensors if t.ndim}) > 1:
            self._note(f"{func} mixes devices")
        if self.kind == "mps" and there:
            self._missing_on_mps(func, args)
        if func is aten._pin_memory.default:
            self._pinned.append(args[0].clone())
            return self._pinned[-1]
        result = func(*args, **kwargs)
        if self.kind == "mps" and any(
            self._there(t) and t.dtype in (torch.float64, torch.complex128)
            for t in tree_leaves(result)
        ):
            self._note(f"{func} makes doubles, which mps has not")
        return result

    def _indices(
        self, func: Any, x: Tensor, indices: Sequence[Tensor | None]
    ) -> list[Tensor | None]:
        plain: list[Tensor | None] = []
        for index in indices:
            if index is not None and index.dtype in (torch.bool, torch.uint8):
                if self._there(x) or self._there(index):
                    self._note(f"{func} waits for {self.kind}: a mask chooses")
                plain += [
                    torch.zeros(index.numel(), dtype=torch.long, device=index.device)
                ] * index.ndim
            else:
                plain.append(index)
            if self._there(x) and index is not None and not self._there(index):
                self._note(f"{func} copies its index to {self.kind}")
        return plain

    def _copied(self, func: Any, args: Any, kwargs: Any) -> None:
        if func is aten.copy_.default:
            target, source = args[0].device, args[1]
            non_blocking = args[2] if len(args) > 2 else kwargs.get("non_blocking", False)
        else:
            source = args[0]
            target, non_blocking = (
                torch.device(kwargs.get("device") or source.device),
                kwargs.get("non_blocking", False),
            )
        if source.device.type != target.type and self.kind in (source.device.type, target.type):
            if target.type == "cpu":
                self._note(f"{func} copies from {self.kind}")
            elif not (non_blocking and any(source is t for t in self._pinned)):
                self._note(f"{func} copies to {self.kind}")

    def _missing_on_mps(self, func: Any, args: Any) -> None:
        if func is aten.grid_sampler_2d.default and args[3] != ZEROS:
            self._note(f"{func} with another padding than zeros is not to be had on mps")


def laid_out(module: Network, layout: torch.memory_format) -> Network:
    """The module with its convolutions' weights laid out so: what `.to(memory_format=layout)` does,
    which fake parameters do not allow."""
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None and parameter.ndim == 4:
                there = parameter.detach().contiguous(memory_format=layout)
                part._parameters[name] = torch.nn.Parameter(there, parameter.requires_grad)
    return module
