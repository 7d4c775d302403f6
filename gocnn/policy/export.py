"""A trained policy network as an ONNX file, for onnxruntime here and for programs in other
languages.

Input `planes`, float32 `(N, C, 19, 19)`; output `logits`, float32 `(N, 362)`: the points by flat
index, then the pass; and `value`, float32 `(N,)`, the logit of the side to play winning, if the
network has that, and `owner` and `score` if it has those (`gocnn.policy.network.PolicyNetwork`).
The metadata holds `kind`, `config` (with the groups of planes, in order) and `provenance`, as in
the model file. Batch norms are folded into the convolutions.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from gocnn.board import Board
from gocnn.board.coords import SIZE
from gocnn.features.planes import plane_count
from gocnn.files import write_bytes
from gocnn.modelfile import describing
from gocnn.onnxwriting import onnx_of
from gocnn.policy import KIND, quantizing
from gocnn.policy.model import Policy
from gocnn.policy.predictions import SCORE_SCALE
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.samples import Games
from gocnn.policy.suggestion import Evaluator, log_softmax, planes_of, recent_moves


def export(
    policy: Policy, target: Path, precision: str = "fp32", *, games: Games | None = None
) -> float:
    """Write the network as ONNX, whole or not at all; returns the largest difference of a
    log-probability from torch's (`difference`).

    precision: fp32; fp16, which keeps the weights in half precision (half the file) and computes in
    float32; or int8, which computes mostly in integers (`gocnn.policy.quantizing`) and needs games,
    from which it draws positions. Raises UserError if the file cannot be written, or if a package
    is missing.
    """
    outputs = [
        "logits",
        *(["value"] if policy.has_value_head else []),
        *(["owner", "score"] if policy.scores else []),
    ]
    example = torch.zeros(2, plane_count(policy.plane_groups), SIZE, SIZE, device=policy.device)
    metadata = describing(KIND, policy.config_json(), policy.provenance)
    floats = "fp32" if precision == "int8" else precision
    data = onnx_of(policy.network, example, "planes", outputs, metadata, precision=floats)
    if precision == "int8":
        assert games is not None
        data = quantizing.quantized(data, quantizing.of_games(games, policy.plane_groups))
    write_bytes(target, data)
    return difference(policy, OnnxPolicy(target))


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
