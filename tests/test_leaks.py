"""No validation game is trained on, turned or mirrored either: checked by comparing all moves under
all eight symmetries, without hashes."""

from pathlib import Path

import numpy as np
import pytest

from gocnn.games.importing import import_games
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.words import index_of, is_white
from gocnn.policy import data
from tests.conftest import CORPORA, SAMPLES, main_line, sgf_text


def turned(place: int, turn: int) -> int:
    """The place after a quarter turn for each of the low two bits' count, mirrored if the third bit
    is set; a pass stays one."""
    if place == 361:
        return place
    row, column = divmod(place, 19)
    for _ in range(turn & 3):
        row, column = column, 18 - row
    return row * 19 + (18 - column if turn & 4 else column)


TURNS = np.array([[turned(place, turn) for place in range(362)] for turn in range(8)], np.int16)


def games_of(chosen: data.GameSelection) -> list[bytes]:
    """Each game as text that is the same for the same game, however it is turned: the least of the
    eight."""
    result = []
    g = chosen.games
    for start, setup, moves in zip(g.start, g.setup, g.moves, strict=True):
        words = g.words[start : start + setup + moves]
        places, colours = index_of(words), is_white(words).astype(int)
        stones = [
            sorted(zip(TURNS[t][places[:setup]].tolist(), colours[:setup].tolist(), strict=True))
            for t in range(8)
        ]
        lines = np.stack(
            [TURNS[:, places[setup:]], np.broadcast_to(colours[setup:], (8, moves))], 2
        )
        result.append(min(repr(stones[t]).encode() + lines[t].tobytes() for t in range(8)))
    return result


def opened(path: Path, *sources: Path) -> data.GameSelection:
    import_games([str(s) for s in sources], path, quiet=True)
    return data.select_games([Store(path)], GameFilter())


def check(training: data.GameSelection, held: data.GameSelection) -> int:
    """Checks what `without` leaves; returns how many games it took out."""
    validation = set(games_of(held))
    left, shared = data.without(training, held)
    before = games_of(training)
    assert shared == sum(game in validation for game in before)
    assert games_of(left) == [game for game in before if game not in validation]
    return shared


def write_turned(folder: Path, records: list[bytes]) -> None:
    """The games again, each turned another way."""
    folder.mkdir()
    for i, record in enumerate(records):
        moves = [(int(TURNS[i % 8][place]), colour) for place, colour in main_line(record)]
        (folder / f"{i}.sgf").write_bytes(sgf_text(moves))


def test_on_the_sample_games(tmp_path: Path, sample_files: list[Path]) -> None:
    some = [path.read_bytes() for path in sample_files[::10]]
    write_turned(tmp_path / "turned", some)
    held = opened(tmp_path / "valid.games", tmp_path / "turned")
    assert check(opened(tmp_path / "train.games", SAMPLES), held) == len(held.games) == len(some)


@pytest.mark.slow
def test_on_real_games(tmp_path: Path, real_games: list[bytes]) -> None:
    archives = CORPORA / "games"
    write_turned(tmp_path / "turned", real_games[:400:10])
    training = opened(
        tmp_path / "train.games", archives / "train" / "fox-pro.tar.xz", tmp_path / "turned"
    )
    (tmp_path / "tygem").mkdir()
    for i, record in enumerate(real_games):
        (tmp_path / "tygem" / f"{i}.sgf").write_bytes(record)
    held = opened(
        tmp_path / "valid.games", archives / "valid" / "fox-pro.tar.xz", tmp_path / "tygem"
    )
    assert check(training, held) >= 40
