"""For the tests of the kit's way to a card and back: games, a pack of them, what its command says,
a clock."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

import gpu
from gocnn.games.importing import import_games
from tests.conftest import once, play_randomly, sgf_text


@pytest.fixture(scope="session")
def games(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of games from two sources (`train.games`) and one to validate on that
    shares a game with it (`valid.games`)."""
    return once(tmp_path_factory, "trip-games", make_games)


def make_games(folder: Path) -> None:
    ranks = [
        "BR[9d]WR[9d]RE[B+R]",
        "BR[3d]WR[9d]RE[W+3.5]",
        "",
        "HA[2]AB[pd][dp]BR[1p]WR[1p]PL[W]KM[0.5]DT[2011-05-31]PC[TYGEM]PB[黑]PW[白]",
    ]
    for name, numbers in (("a", range(8)), ("b", range(8, 24)), ("v", [3, *range(30, 34)])):
        (folder / name).mkdir()
        for i in numbers:
            header = ranks[i % 4].replace("AB[pd][dp]", "AB[aa][ss]" if i % 4 == 3 else "")
            moves = play_randomly(i, 30 + i)
            if i % 4 == 3:
                moves = [(index, 3 - colour) for index, colour in moves if index not in (0, 360)]
            text = sgf_text(moves, header)
            (folder / name / f"{i}.sgf").write_bytes(text)
    import_games([str(folder / "a"), str(folder / "b")], folder / "train.games", jobs=1, quiet=True)
    import_games([str(folder / "v")], folder / "valid.games", jobs=1, quiet=True)


@pytest.fixture(scope="session")
def packed(games: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those games, packed in several parts."""

    def make(folder: Path) -> None:
        store, valid = str(games / "train.games"), str(games / "valid.games")
        words = ["pack", store, "--valid", valid, "--out", str(folder / "trip"), "--part", "0.001"]
        assert gpu.main(words) == 0

    return once(tmp_path_factory, "trip-pack", make) / "trip"


@pytest.fixture(autouse=True)
def a_command_begins_with_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here many commands are one process, whose age is not theirs."""
    monkeypatch.setattr("gpukit.train.BEGAN", time.perf_counter())


@pytest.fixture
def says(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the kit's command, which has to end with that code; returns what it said, a single
    sentence if it is bad input."""

    def call(code: int, *arguments: object) -> str:
        capsys.readouterr()
        assert gpu.main([str(a) for a in arguments]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        errors = [line for line in err.splitlines() if line.startswith("Error: ")]
        assert len(errors) == (code == 1)
        return errors[0] if errors else out + err

    return call


class Clock:
    """A clock that goes on by a second each time it is looked at."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now
