"""The conditioning of games (`gocnn.features.conditioning`): what a store's records say of them,
and what a network that plays in a style is asked for."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.features.conditioning import (
    BLACK_PROFESSIONAL,
    BLACK_WON,
    HANDICAP,
    SERVERS,
    STYLES,
    WHITE_PROFESSIONAL,
    WHITE_WON,
)
from gocnn.games import results, text
from gocnn.policy.suggestion import Evaluator

if TYPE_CHECKING:  # who plays needs no store
    from gocnn.games.store import Store


def conditioning_of_games(
    store: "Store", chosen: npt.NDArray[np.int64], records: npt.NDArray[np.void]
) -> npt.NDArray[np.int64]:
    """int64 `(G,)`: the conditioning of the games numbered `chosen`; `records` are the store's, of
    all its games.

    A game is of a server if its place (`PC`), or else the file it came from, begins with the
    server's name. A game won by nobody, or nobody knows by whom, has no outcome.
    """
    table = records[chosen]
    conditioning = np.zeros(len(table), np.int64)
    for bit, holds in (
        (HANDICAP, table["handicap"] > 0),
        (BLACK_WON, table["winner"] == results.BLACK_WON),
        (WHITE_WON, table["winner"] == results.WHITE_WON),
        (BLACK_PROFESSIONAL, table["black_rank"] > text.PRO),
        (WHITE_PROFESSIONAL, table["white_rank"] > text.PRO),
    ):
        conditioning |= np.where(holds, bit, 0)
    servers = np.zeros(len(table), np.int64)
    for key in ("place", "source"):
        numbers, names = store.column(key)
        bits = np.array([_server(name) for name in names], np.int64)
        servers = np.where(servers > 0, servers, bits[numbers[chosen]])
    return conditioning | servers


def _server(name: str) -> int:
    return next((bit for server, bit in SERVERS.items() if name.lower().startswith(server)), 0)


def conditioning_of_style(style: str, handicap: bool) -> int:
    """The conditioning that asks for `style`, a key of `STYLES`, in a game with or without handicap
    stones."""
    return STYLES[style] | (HANDICAP if handicap else 0)


def check_style(evaluator: Evaluator, style: str) -> None:
    """Refuse a style that the network cannot be asked for. Raises UserError if it was not shown
    where games were played."""
    if style != "any" and "style" not in evaluator.plane_groups:
        wanted = "--planes default,style"
        raise UserError(
            f"{evaluator.name} was not shown where games were played; leave out --style, or train a"
            f" network with {wanted}"
        )
