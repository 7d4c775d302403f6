"""Station 4: a position as pooling leaves it, and what little networks with and without pooling
make of it. It needs no torch."""

import threading
from functools import partial
from importlib import resources
from pathlib import Path

from msgspec import Struct
from starlette.routing import BaseRoute

from gocnn.board import BLACK, WHITE
from gocnn.board.coords import POINTS
from gocnn.policy.merging import Merging, merged
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.suggestion import evaluate
from gocnn.serve.endpoints import post
from gocnn.serve.failures import Refusal
from gocnn.serve.messages import Position, game_of, rounded
from gocnn.serve.sharing import Share
from gocnn.serve.state import ServeState
from gocnn.statistics import wilson

FOLDER = resources.files("gocnn.serve.lesson").joinpath("networks")

NETWORKS: dict[Merging, str] = {
    "none": "no-pooling",
    "max": "max-pooling",
    "min": "min-pooling",
    "mean": "mean-pooling",
    "every-second": "every-second-point",
}
"""The files of the little networks (`benchmarks/lecture.py --export`), by what they do to the
board."""


class AskedPooling(Struct):
    """A position to be pooled."""

    position: Position


class LittleNetwork(Struct):
    """What a network without or with pooling makes of the position. merging: how it shrinks its
    maps (`none`, `max`, `min`, `mean`, `every-second`); policy: 362 probabilities of the side to
    play's moves, 0 for illegal ones. Of its training: samples it has seen; positions of later games
    it was asked, the shares of those where the move played was its first choice (top1, between low
    and high with 95 % confidence) and among its first five (top5)."""

    merging: Merging
    policy: list[float]
    samples: int
    positions: int
    top1: float
    low: float
    high: float
    top5: float


class MergedBoard(Struct):
    """The stones after a merging. side: 19 or 10; black, white: how much of them is at each point,
    from 0 to 1, side x side numbers, the lowest row first."""

    merging: Merging
    side: int
    black: list[float]
    white: list[float]


class PooledPosition(Struct):
    """All mergings of a position, and the networks that work with them."""

    boards: list[MergedBoard]
    networks: list[LittleNetwork]


class LittleNetworks:
    """The little networks, opened when first asked for. May be used from several threads."""

    def __init__(self, threads: int | None = None) -> None:
        self._threads, self._lock = threads, threading.Lock()
        self._open: dict[Merging, OnnxPolicy] = {}

    def __getitem__(self, merging: Merging) -> OnnxPolicy:
        """Raises Refusal if its file is missing, UserError if it is damaged."""
        with self._lock:
            if merging not in self._open:
                file = Path(str(FOLDER.joinpath(f"{NETWORKS[merging]}.onnx")))
                if not file.is_file():
                    raise Refusal(
                        503,
                        f"the little network {file.name} is missing from this installation; install"
                        " gocnn again",
                    )
                self._open[merging] = OnnxPolicy(file, self._threads)
            return self._open[merging]


def pooling(state: ServeState, networks: LittleNetworks, asked: AskedPooling) -> PooledPosition:
    """A position as each way of pooling leaves it, and where networks that pool so, and one that
    does not, expect the next move."""
    board = game_of(asked.position).board
    stones = board.stones()
    boards, said = [], []
    for merging in NETWORKS:
        black, white = (merged(stones == colour, merging) for colour in (BLACK, WHITE))
        boards.append(
            MergedBoard(merging, len(black), rounded(black.ravel(), 2), rounded(white.ravel(), 2))
        )
        network = networks[merging]
        with state.sharing.turns.turn(Share()):
            policy = evaluate(network, board).probabilities
        facts = network.provenance
        low, high = wilson(round(facts["top1"] * facts["positions"]), facts["positions"])
        said.append(
            LittleNetwork(
                merging,
                rounded(policy, 6),
                facts["samples"],
                facts["positions"],
                round(facts["top1"], 5),
                round(low, 5),
                round(high, 5),
                round(facts["top5"], 5),
            )
        )
    assert len(said[0].policy) == POINTS + 1
    return PooledPosition(boards, said)


def routes(state: ServeState) -> list[BaseRoute]:
    """The route of station 4."""
    networks = LittleNetworks(state.config.threads)
    return [post("/api/lesson/pooling", partial(pooling, state, networks))]
