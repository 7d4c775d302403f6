"""Games written for stores, and files that are damaged at random."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from gocnn.games.importing import import_games
from tests.conftest import play_randomly, sgf_text

HEADERS = [
    "PB[Honinbo]PW[聂卫平]BR[9p]WR[9p]DT[1985-08-27]RE[B+R]KM[5.5]PC[Tokyo]",
    "PB[a]PW[b]BR[5k]WR[3k]DT[2011-02-03]RE[W+2.5]KM[6.5]PC[KGS]",
    "PB[a]PW[c]BR[2d]WR[1d]DT[2012]RE[0]PC[TYGEM]",
    "PB[d]PW[b]HA[2]AB[pd][dp]",
]


def write_games(folder: Path, count: int, moves: int = 40, first: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(first, first + count):
        header = HEADERS[i % 3]
        (folder / f"{i:04d}.sgf").write_bytes(sgf_text(play_randomly(i, moves), header) + b")")
    return folder


@pytest.fixture
def made(tmp_path: Path) -> Path:
    write_games(tmp_path / "games", 12)
    (tmp_path / "games" / "handicap.sgf").write_bytes(
        f"(;GM[1]SZ[19]{HEADERS[3]};W[dd];B[pp])".encode()
    )
    import_games([str(tmp_path / "games")], tmp_path / "a.games", quiet=True)
    return tmp_path / "a.games"


def mutate(path: Path, times: int) -> Iterator[None]:
    """Rewrite a file so often, each time with other bytes of it changed at random, half of the time
    cut short."""
    whole, rng = path.read_bytes(), random.Random(1)
    for _ in range(times):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 20)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice([len(data), rng.randrange(len(data))])])
        yield
