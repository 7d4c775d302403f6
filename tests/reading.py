"""Games read from SGF, and SGF that is damaged at random."""

import random

from gocnn.games import sources
from gocnn.games.reader import Reader, ReadGame, Skipped
from gocnn.games.words import decode


def read(data: bytes) -> list[ReadGame | Skipped]:
    return list(Reader().games(sources.Blob("x.sgf", data)))


def one(data: bytes) -> ReadGame:
    games = read(data)
    assert len(games) == 1, games
    assert isinstance(games[0], ReadGame), games[0]
    return games[0]


def moves_of(game: ReadGame) -> list[tuple[int, int]]:
    return decode(game.words[int(game.record["setup"]) :])


PIECES = [
    b"[",
    b"]",
    b"(",
    b")",
    b";",
    b"\\",
    b"B[aa]",
    b"AB[dd][pp]",
    b"AE[dd]",
    b"W[]",
    b"B[tt]",
    b"B[zz]",
    b" ",
    b"\n",
    b"C[a\\]b]",
    b"PL[W]",
    b"(;B[ab])",
    b"SZ[9]",
    b"SZ[19:19]",
    b"PB[]",
    b"b[cc]",
    b"B[ee]W[ff]",
    b"AB[gg:hi]",
]


def mutated(rng: random.Random, files: list[bytes], longest: int = 4000) -> bytes:
    """A game, perhaps cut short, with up to three things put in, taken out or changed."""
    data = bytearray(rng.choice(files)[: rng.choice([120, 400, longest])])
    if data.count(b"(") > data.count(b")"):
        data += b")"
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data))
        kind = rng.randrange(3)
        if kind == 0:
            data[at:at] = rng.choice(PIECES)
        elif kind == 1:
            del data[at : at + rng.randrange(1, 6)]
        else:
            data[at] = rng.randrange(256)
    return bytes(data)
