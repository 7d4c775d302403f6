"""Station 6: how strongly the loss pulls at the blocks of a deep network, with and without
shortcuts, on positions of the game; and how such networks learnt (`benchmarks/residual.py`)."""

import json
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct
from starlette.routing import BaseRoute

from gocnn.errors import UserError
from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.policy.suggestion import planes_of, recent_moves
from gocnn.serve.endpoints import get, post
from gocnn.serve.failures import Refusal
from gocnn.serve.lesson.networks import Networks
from gocnn.serve.messages import Position, game_of
from gocnn.serve.threads import importing

if TYPE_CHECKING:
    from gocnn.nn.depth import Shortcuts

RECORDED = resources.files("gocnn.serve.lesson").joinpath("residual.json")
"""What the benchmark has recorded."""

CHANNELS = 16
POSITIONS = 24
"""Positions of the game, at most, that the gradient is of."""

SEED = 1


class AskedGradients(Struct):
    """position: with the moves that led to it, the last 24 of which the network is asked for;
    blocks: how many it has; seed: of its weights."""

    position: Position
    blocks: Annotated[int, Meta(ge=1, le=32)] = 16
    seed: Annotated[int, Meta(ge=0, le=1 << 31)] = SEED


class Arriving(Struct):
    """shortcuts: `none`, `identity`, or `zero` (each block begins by adding nothing); norms: of the
    loss's gradient by what each block is given, from the first one on, and by what the last one
    gives; loss: nats, before any training."""

    shortcuts: str
    norms: list[float]
    loss: float


class Gradients(Struct):
    """positions: how many the loss is a mean over; channels: of each block; parameters: of all
    blocks together, with or without shortcuts."""

    positions: int
    channels: int
    parameters: int
    networks: list[Arriving]


class RecordedCurve(Struct):
    """A network's training. steps, loss: in training (nats, means since the line before); tested,
    top1: at validation, the share of first choices that were right; best: the best of them, between
    low and high with 95 % confidence."""

    shortcuts: str
    blocks: int
    parameters: int
    seconds: float
    steps: list[int]
    loss: list[float]
    tested: list[int]
    top1: list[float]
    best: float
    low: float
    high: float


class Recorded(Struct):
    """How networks of two depths learnt with and without shortcuts. budget: of each, in words;
    batch: positions a step; positions: how many were asked at validation; when: the date."""

    budget: str
    batch: int
    channels: int
    positions: int
    when: str
    curves: list[RecordedCurve]


def gradients(networks: Networks, asked: AskedGradients) -> Gradients:
    """How strongly the loss pulls at each block of a fresh network, with and without shortcuts: the
    network is asked for the last moves of the game, before it has learnt anything."""
    planes, answers = inputs(asked.position)
    with networks.computing():
        with importing:
            import torch
            from torch.nn import functional

            from gocnn.board.coords import POINTS
            from gocnn.nn import ConvNormAct, PointHead, initialise
            from gocnn.nn.depth import SHORTCUTS, blocks, gradient_norms
            from gocnn.nn.seeds import seeded

        x, y = torch.from_numpy(planes).float(), torch.from_numpy(answers)
        found: list[Arriving] = []
        parameters = 0
        kinds: tuple[Shortcuts, ...] = SHORTCUTS
        for shortcuts in kinds:
            with seeded(asked.seed):
                stem, head = ConvNormAct(x.shape[1], CHANNELS, 5), PointHead(CHANNELS, POINTS)
                initialise(stem)
                initialise(head)
                trunk = blocks(shortcuts, asked.blocks, CHANNELS)
            said: list[float] = []

            def loss(
                features: torch.Tensor, head: Any = head, said: list[float] = said
            ) -> torch.Tensor:
                value = functional.cross_entropy(head(features), y)
                said.append(float(value.detach()))
                return value

            with torch.no_grad():
                first = stem(x)
            norms = gradient_norms(trunk, first, loss)
            found.append(Arriving(shortcuts, [float(f"{each:.6g}") for each in norms], said[0]))
            parameters = sum(each.numel() for each in trunk.parameters())
    return Gradients(len(answers), CHANNELS, parameters, found)


def inputs(
    position: Position,
) -> tuple["np.ndarray[Any, np.dtype[np.uint8]]", "np.ndarray[Any, np.dtype[np.int64]]"]:
    """What a network is shown before each of the last moves that led to a position, uint8 `(N, C,
    19, 19)`, and those moves, int64 `(N,)`. Raises UserError if there are none."""
    game = game_of(position)
    count = len(position.moves)
    if count == 0:
        raise UserError(
            "position: there is no move yet that a network could be asked for; play one"
        )
    planes, answers = [], []
    moves = game.board.moves[-count:]
    for k in range(max(0, count - POSITIONS), count):
        before = msgspec.structs.replace(
            position, moves=position.moves[:k], to_play=position.moves[k][0]
        )
        board = game_of(before).board
        planes.append(planes_of(board, recent_moves(board), DEFAULT_GROUPS)[0])
        answers.append(moves[k][0])
    return np.stack(planes), np.array(answers, np.int64)


def recorded() -> Recorded:
    """How networks with and without shortcuts learnt, as `benchmarks/residual.py` has recorded
    it."""
    try:
        return msgspec.convert(json.loads(RECORDED.read_text(encoding="utf-8")), Recorded)
    except OSError:
        raise Refusal(
            503, "residual.json is missing from this installation; install gocnn again"
        ) from None


def routes(networks: Networks) -> list[BaseRoute]:
    """The routes of station 6."""
    return [
        post("/api/lesson/gradients", partial(gradients, networks)),
        get("/api/lesson/residual", recorded),
    ]
