"""A trained policy network, ready to be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gocnn.board import Board, ladder, planes, symmetry
from gocnn.board.coords import PASS, SIZE
from gocnn.errors import UserError
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.training import KIND
from gocnn.training import modelfile

Floats = npt.NDArray[np.float32]


@dataclass
class Policy:
    """A network in evaluation mode on its device, with where it comes from."""

    network: PolicyNetwork
    config: PolicyConfig
    provenance: dict[str, Any]
    path: Path
    device: torch.device

    @torch.inference_mode()
    def logits(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """Logits, float32 `(N, 362)`, of planes, uint8 `(N, C, 19, 19)`."""
        x = torch.from_numpy(batch).to(self.device).to(torch.float32, memory_format=torch.channels_last)
        result: Floats = self.network(x).float().cpu().numpy()
        return result


def load(path: str | Path, device: str = "cpu") -> Policy:
    """Load a policy model: a file, or a run's folder. Raises UserError."""
    network, file, place = modelfile.load_network(path, KIND, lambda config: PolicyNetwork(PolicyConfig.from_json(config)), device)
    return Policy(network, network.config, file.provenance, file.path, place)


def planes_of(
    board: Board, recent: Sequence[int], groups: Sequence[str], handicap: bool = False, symmetries: Sequence[int] = (0,)
) -> npt.NDArray[np.uint8]:
    """Planes, uint8 `(S, C, 19, 19)`, of a 19x19 position for the side to play, one for each symmetry. `recent`: flat indices, the latest first."""
    count = planes.plane_count(groups)
    out = np.empty((len(symmetries), count, SIZE * SIZE), np.uint8)
    last = np.full(planes.HISTORY, planes.NO_MOVE, np.int16)
    last[: len(recent[: planes.HISTORY])] = recent[: planes.HISTORY]
    libs = np.empty(planes.LIBERTIES_SHAPE, np.int16)
    scratch = ladder.new_scratch()
    for row, s in zip(out, symmetries, strict=True):
        planes.fill(board.state, board.to_play, last, handicap, planes.offsets(groups), symmetry.permutation(s), libs, scratch, row)
    return out.reshape(len(symmetries), count, SIZE, SIZE)


def mean_over_symmetries(logits: Floats, symmetries: Sequence[int]) -> Floats:
    """The geometric mean of the distributions of turned boards, turned back: log-probabilities, float32 `(N, 362)`.

    `logits`: float32 `(S, N, 362)`, row `s` of a board after `symmetries[s]`.
    """
    turned = np.stack([part[:, symmetry.permutation(s).astype(np.int64)] for part, s in zip(logits, symmetries, strict=True)])
    mean: Floats = log_softmax(log_softmax(turned).mean(0))
    return mean


def log_softmax(logits: Floats) -> Floats:
    """Log-probabilities over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    result: Floats = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return result


def suggest(policy: Policy, board: Board, handicap: bool = False, symmetries: int = 1) -> Floats:
    """Probabilities, float32 `(362,)`, of the moves of the side to play; illegal ones are 0 and the rest sum to 1. `symmetries`: 1 or 8."""
    turns = range(symmetries)
    recent = [index for index, _ in reversed(board.moves[-planes.HISTORY :])]
    logits = policy.logits(planes_of(board, recent, policy.config.groups, handicap, turns))
    log_probabilities = mean_over_symmetries(logits[:, None], turns)[0].astype(np.float64)
    legal = board.legal()
    assert legal[PASS]
    probabilities = np.where(legal, np.exp(log_probabilities - log_probabilities[legal].max()), 0.0)
    result: Floats = (probabilities / probabilities.sum()).astype(np.float32)
    return result


SHIPPED = Path(__file__).parent / "weights" / "small.safetensors"


def default_model() -> Path:
    """The model that ships with the package. Raises UserError if there is none."""
    if not SHIPPED.exists():
        raise UserError("no model ships with this version; train one with: cli.py go-train GAMES --out RUN, and give it with --model RUN")
    return SHIPPED
