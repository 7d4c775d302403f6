"""A trained policy network as an ONNX file, for onnxruntime here and for programs in other
languages.

Input `planes`, float32 `(N, C, 19, 19)`; output `logits`, float32 `(N, 362)`: the points by flat
index, then the pass; and `value`, float32 `(N,)`, the logit of the side to play winning, if the
network has that, and `owner` and `score` if it has those (`gocnn.policy.network.PolicyNetwork`).
The metadata holds `kind`, `config` (with the groups of planes, in order) and `provenance`, as in
the model file. Batch norms are folded into the convolutions.
"""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.board import Board
from gocnn.board.coords import SIZE
from gocnn.errors import UserError
from gocnn.features.planes import plane_count
from gocnn.files import write_bytes
from gocnn.modelfile import describing
from gocnn.policy import KIND
from gocnn.policy.model import Policy
from gocnn.policy.predictions import SCORE_SCALE
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.suggestion import Evaluator, log_softmax, planes_of, recent_moves

OPSET = 17


def export(policy: Policy, target: Path, precision: str = "fp32") -> float:
    """Write the network as ONNX, whole or not at all; returns the largest difference of a
    log-probability from torch's (`difference`).

    precision: fp32, or fp16, which keeps the weights in half precision (half the file) and computes
    in float32. Raises UserError if the file cannot be written, or if a package is missing.
    """
    outputs = [
        "logits",
        *(["value"] if policy.has_value_head else []),
        *(["owner", "score"] if policy.scores else []),
    ]
    example = torch.zeros(2, plane_count(policy.plane_groups), SIZE, SIZE, device=policy.device)
    metadata = describing(KIND, policy.config_json(), policy.provenance)
    write_bytes(target, onnx_of(policy.network, example, outputs, metadata, precision))
    return difference(policy, OnnxPolicy(target))


def onnx_of(
    network: nn.Module,
    example: Tensor,
    outputs: list[str],
    metadata: dict[str, str],
    precision: str = "fp32",
) -> bytes:
    """Any network as the bytes of an ONNX file: input `planes` like `example`, float32 `(N, ...)`
    with any N, and the outputs by their names, in order. metadata: as
    `gocnn.modelfile.describing` makes it. precision: as for `export`. Raises UserError if a package
    is missing.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise UserError(
            "writing ONNX needs the package onnx; install it with: pip install onnx"
        ) from error
    stream: Any = io.BytesIO()  # the annotation of export knows names of files only
    with warnings.catch_warnings():
        # The exporter through TorchScript says that it is the old one; it needs no further package,
        # and this network is within what it can do.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            stream,
            input_names=["planes"],
            output_names=outputs,
            opset_version=OPSET,
            dynamic_axes={name: {0: "n"} for name in ("planes", *outputs)},
            dynamo=False,
        )
    graph: Any = onnx.load_from_string(stream.getvalue())
    graph.producer_name = "gocnn"
    for key, value in metadata.items():
        graph.metadata_props.add(key=key, value=value)
    if precision == "fp16":
        casts = []
        for tensor in list(graph.graph.initializer):
            values = numpy_helper.to_array(tensor)
            if values.dtype == np.float32 and values.size > 1:
                half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
                casts.append(
                    onnx.helper.make_node(
                        "Cast", [half.name], [tensor.name], to=onnx.TensorProto.FLOAT
                    )
                )
                graph.graph.initializer.remove(tensor)
                graph.graph.initializer.append(half)
        nodes = [*casts, *graph.graph.node]
        del graph.graph.node[:]
        graph.graph.node.extend(nodes)
    onnx.checker.check_model(graph)
    data: bytes = graph.SerializeToString()
    return data


def difference(one: Evaluator, other: Evaluator, positions: int = 64) -> float:
    """The largest difference of a log-probability (nats) between two networks, over positions of
    random games and all moves, of a probability to win, of an ownership, or of a lead (in scores of
    points)."""
    rng = np.random.default_rng(0)
    stacks: list[npt.NDArray[np.uint8]] = []
    board = Board()
    while len(stacks) < positions:
        for _ in range(int(rng.integers(1, 30))):
            board.play(int(rng.choice(np.flatnonzero(board.legal()))))
        stacks.append(planes_of(board, recent_moves(board), one.plane_groups)[0])
        if len(board.moves) > 250:
            board = Board()
    batch = np.stack(stacks)
    mine, theirs = one.outputs(batch), other.outputs(batch)
    parts = [np.abs(log_softmax(mine.logits) - log_softmax(theirs.logits)).max()]
    if one.has_value_head:
        parts.append(np.abs(mine.win - theirs.win).max())
    if one.scores:
        parts += [
            np.abs(mine.owner - theirs.owner).max(),
            np.abs(mine.lead - theirs.lead).max() / SCORE_SCALE,
        ]
    return float(max(parts))
