"""A trained policy network as an ONNX file, for onnxruntime here and for programs in other
languages.

Input `planes`, float32 `(N, C, 19, 19)`; output `logits`, float32 `(N, 362)`: the points by flat
index, then the pass; and `value`, float32 `(N,)`, the logit of the side to play winning, if the
network has that, and `owner` and `score` if it has those (`gocnn.policy.network.PolicyNetwork`).
The metadata holds `kind`, `config` (with the groups of planes, in order) and `provenance`, as in
the model file. Batch norms are folded into the convolutions.
"""

from pathlib import Path
from typing import NamedTuple

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
    from which it draws positions. Raises UserError if the file cannot be written, if a package is
    missing, or if int8 is not for this network or these games (`quantizing.quantized`).
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
        shown = quantizing.of_games(games, policy.plane_groups)
        data = quantizing.quantized(data, shown)
    write_bytes(target, data)
    return difference(policy, OnnxPolicy(target))


class Agreement(NamedTuple):
    """How a network answers beside another one, over some positions. first: the share of them in
    which the likeliest move is the same. divergence: of its moves' probabilities from the other's
    (Kullback and Leibler), in nats, on average."""

    first: float
    divergence: float


def agreement(one: Evaluator, other: Evaluator, planes: npt.NDArray[np.uint8]) -> Agreement:
    """How `other` answers beside `one`, by planes, uint8 `(N, C, 19, 19)`, of positions."""
    mine, theirs = (log_softmax(each.outputs(planes).logits) for each in (one, other))
    return Agreement(
        float((mine.argmax(1) == theirs.argmax(1)).mean()),
        float((np.exp(mine) * (mine - theirs)).sum(1).mean()),
    )


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
