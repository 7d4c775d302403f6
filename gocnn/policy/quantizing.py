"""A policy network in eight bits: the convolutions of its blocks, which are nearly all of its
arithmetic, multiply integers of 8 bits by weights of 7, which processors do several times as fast
as floats; all else stays float32. Jacob et al. 2018, https://arxiv.org/abs/1712.05877; the work is
onnxruntime's (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).

Weights have 7 bits because processors without VNNI add two products of 8 by 8 bits in 16 bits,
where they overflow; with 7 all processors compute the same.
"""

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.libraries import onnxruntime
from gocnn.policy.samples import Games
from gocnn.policy.source import PositionSource
from gocnn.wording import counted

POSITIONS, BATCH = 384, 16
"""Positions by which the range of what each convolution is shown is measured, and how many at a
time."""


LATE, LATE_POSITIONS = 100, 50
"""Positions after that move that the games must have. Ranges that openings alone give are too
narrow later: of 500 positions of people's games, the worst is 0.08 nats from the distribution of
`small` where the games go on to move 120 or further, 1.4 where they end at 80, and 4 where at 3."""


def of_games(
    games: Games, plane_groups: Sequence[str], positions: int = POSITIONS, *, seed: int = 1
) -> npt.NDArray[np.uint8]:
    """Planes, uint8 `(positions, C, 19, 19)`, of positions drawn from games. Raises UserError if
    there are none, or too few late ones (`LATE_POSITIONS`)."""
    late = int(np.maximum(games.moves - LATE, 0).sum())
    if late < LATE_POSITIONS:
        raise UserError(
            f"{counted(late, 'position')} after move {LATE} in these games, and int8 needs"
            f" {LATE_POSITIONS}, or it would answer wrongly from there on; give --games more games,"
            " played to their end"
        )
    source = PositionSource(games, plane_groups, positions, seed, augment=False)
    planes: npt.NDArray[np.uint8] = source.batch(0)[0]
    return planes


def quantized(data: bytes, planes: npt.NDArray[np.uint8]) -> bytes:
    """An ONNX file in float32 (its bytes, as `gocnn.onnxwriting.onnx_of` makes them) in eight bits.

    planes: uint8 `(N, C, 19, 19)`, positions as the network meets them: what lies beyond the values
    seen there is cut. Raises UserError if the network has no convolution that this is for, if the
    package onnx is missing, or if there is no room for temporary files.
    """
    try:
        import onnx
        from onnxruntime.quantization import (
            CalibrationDataReader,
            QuantFormat,
            QuantType,
            quantize_static,
        )
    except ImportError as error:
        raise UserError(
            f"--precision int8 needs the package onnx ({error}); install it with: pip install onnx"
        ) from error
    onnxruntime()  # silenced

    class Reader(CalibrationDataReader):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self._parts = _parts(planes)

        def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
            return next(self._parts, None)

    graph = onnx.load_from_string(data)
    nodes = _convolutions(graph)
    if not nodes:
        raise UserError(
            "the convolutions of this network's blocks see one point or one channel each (--block"
            " mobile or large), so int8 gains nothing; choose fp16"
        )
    told = [(entry.key, entry.value) for entry in graph.metadata_props]
    logging.disable(logging.WARNING)  # its advice is for those who call it by hand
    try:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "int8.onnx"
            quantize_static(
                graph,
                target,
                Reader(),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                nodes_to_quantize=nodes,
                op_types_to_quantize=["Conv"],
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
            done = onnx.load(target)
    except OSError as error:
        raise UserError(
            f"--precision int8 needs room for temporary files ({error.strerror or error}); make"
            " room where they are kept, or name another folder in the environment variable TMPDIR"
        ) from error
    finally:
        logging.disable(logging.NOTSET)
    del done.metadata_props[:]  # what onnxruntime notes there is of no use
    for key, value in told:
        done.metadata_props.add(key=key, value=value)
    done.producer_name = "gocnn"
    result: bytes = done.SerializeToString()
    return result


def _parts(planes: npt.NDArray[np.uint8]) -> Iterator[dict[str, npt.NDArray[np.float32]]]:
    for begin in range(0, len(planes), BATCH):
        yield {"planes": planes[begin : begin + BATCH].astype(np.float32)}


def _convolutions(graph: Any) -> list[str]:
    """The names of the convolutions to change: those wider than a point and of all channels, but
    not the first, which sees planes of zeros and ones and is a small part of the work."""
    shapes = {tensor.name: list(tensor.dims) for tensor in graph.graph.initializer}
    found = []
    for node in graph.graph.node:
        if node.op_type != "Conv" or node.input[0] == "planes":
            continue
        shape = shapes.get(node.input[1], [])
        whole = all(a.i == 1 for a in node.attribute if a.name == "group")
        if len(shape) == 4 and shape[2] > 1 and whole:
            found.append(node.name)
    return found
