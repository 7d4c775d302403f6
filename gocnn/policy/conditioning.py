"""What the records of a store tell of its games, for the planes that show it."""

import numpy as np
import numpy.typing as npt

from gocnn.features.conditioning import (
    BLACK_PROFESSIONAL,
    BLACK_WON,
    HANDICAP,
    SERVERS,
    WHITE_PROFESSIONAL,
    WHITE_WON,
)
from gocnn.games import results, text
from gocnn.games.store import Store


def known_of(
    store: Store, chosen: npt.NDArray[np.int64], records: npt.NDArray[np.void]
) -> npt.NDArray[np.int64]:
    """int64 `(G,)`: the facts (`gocnn.features.conditioning`) of the games numbered `chosen`;
    `records` are the store's, of all its games.

    A game is of a server if its place (`PC`), or else the file it came from, begins with the
    server's name. A game won by nobody, or nobody knows by whom, has no outcome.
    """
    table = records[chosen]
    known = np.zeros(len(table), np.int64)
    for fact, holds in (
        (HANDICAP, table["handicap"] > 0),
        (BLACK_WON, table["winner"] == results.BLACK_WON),
        (WHITE_WON, table["winner"] == results.WHITE_WON),
        (BLACK_PROFESSIONAL, table["black_rank"] > text.PRO),
        (WHITE_PROFESSIONAL, table["white_rank"] > text.PRO),
    ):
        known |= np.where(holds, fact, 0)
    servers = np.zeros(len(table), np.int64)
    for key in ("place", "source"):
        numbers, names = store.column(key)
        facts = np.array([_server(name) for name in names], np.int64)
        servers = np.where(servers > 0, servers, facts[numbers[chosen]])
    return known | servers


def _server(name: str) -> int:
    return next((fact for server, fact in SERVERS.items() if name.lower().startswith(server)), 0)
