"""go-suggest as a person types it: every legal move once and none that the board refuses, from
records, typed moves and standard input; what cannot be asked is one sentence."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

from gocnn.commands.go_suggest import _contrary
from gocnn.engine.ownership import OwnershipEstimate
from tests.typed import good, refused


def test_suggestion_json(tiny_run: Path, game: Path) -> None:
    answer = json.loads(good("go-suggest", game, "--at", "30", "--model", tiny_run, "--json"))
    assert answer["ply"] == 30
    assert answer["to_play"] == "black"
    shares = [m["probability"] for m in answer["moves"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=1e-4)
    assert len({m["move"] for m in answer["moves"]}) == len(answer["moves"]) > 300
    assert answer["moves"][answer["played"]["rank"] - 1]["move"] == answer["played"]["move"]
    assert (
        len(
            json.loads(good("go-suggest", game, "--model", tiny_run, "--json", "--top", "3"))[
                "moves"
            ]
        )
        == 3
    )


def test_suggestion_for_people(tiny_run: Path, game: Path, tmp_path: Path) -> None:
    text = good(
        "go-suggest",
        game,
        "--at",
        "30",
        "--model",
        tiny_run,
        "--top",
        "5",
        "--no-colour",
        "--picture",
        tmp_path / "p.svg",
    )
    assert "black to play, ply 30" in text
    assert "played: " in text
    assert "   A B C D E F G H J K" in text
    assert (tmp_path / "p.svg").read_text().count("<path") > 100
    assert "\x1b[48;5;179m" in good("go-suggest", game, "--model", tiny_run, "--colour")


def test_suggestion_from_moves_and_standard_input(tiny_run: Path, game: Path) -> None:
    answer = json.loads(
        good("go-suggest", "--moves", "B D4 W Q16 q4, pass D16", "--model", tiny_run, "--json")
    )
    assert (answer["ply"], answer["to_play"]) == (5, "white")
    assert (
        json.loads(good("go-suggest", "--moves", "B D4 B Q16 W", "--model", tiny_run, "--json"))[
            "to_play"
        ]
        == "white"
    )
    assert (
        json.loads(
            good(
                "go-suggest",
                "-",
                "--at",
                "9",
                "--model",
                tiny_run,
                "--json",
                stdin=game.read_bytes(),
            )
        )["ply"]
        == 9
    )
    assert json.loads(good("go-suggest", "--model", tiny_run, "--json"))["ply"] == 0


def test_symmetries_make_a_symmetric_answer(tiny_run: Path) -> None:
    answer = json.loads(good("go-suggest", "--model", tiny_run, "--symmetries", "8", "--json"))
    shares = {m["move"]: m["probability"] for m in answer["moves"]}
    assert shares["D4"] == pytest.approx(shares["Q16"], rel=1e-3)
    assert shares["C4"] == pytest.approx(shares["Q17"], rel=1e-3)


def test_bad_suggestions(tiny_run: Path, game: Path, tmp_path: Path) -> None:
    assert "has" in refused(1, "go-suggest", game, "--at", "9999", "--model", tiny_run)
    assert "--at needs a game" in refused(2, "go-suggest", "--at", "3", "--model", tiny_run)
    assert "move 2" in refused(1, "go-suggest", "--moves", "B D4 W D4", "--model", tiny_run)
    assert "occupied" in refused(1, "go-suggest", "--moves", "B D4 W D4", "--model", tiny_run)
    assert "'Z99'" in refused(1, "go-suggest", "--moves", "B Z99", "--model", tiny_run)
    assert ".svg or .pdf" in refused(
        2, "go-suggest", game, "--model", tiny_run, "--picture", tmp_path / "x.bmp"
    )
    assert "does not exist" in refused(
        1, "go-suggest", tmp_path / "nothing.sgf", "--model", tiny_run
    )
    assert "not SGF" in refused(1, "go-suggest", "-", "--model", tiny_run, stdin=b"hello")


def suggestions_are_legal(run: Path, games: list[bytes], each: int) -> int:
    """For some positions of every game: nothing illegal has a probability, and every legal move is
    there."""
    from gocnn.games.position import at_ply
    from gocnn.games.reader import Reader, ReadGame
    from gocnn.games.sources import Blob
    from gocnn.policy.model import load
    from gocnn.policy.suggestion import suggest

    policy, rng, count = load(run), random.Random(0), 0
    for data in games:
        read = next(iter(Reader().games(Blob("x", data))))
        assert isinstance(read, ReadGame)
        for _ in range(each):
            board = at_ply(read, rng.randrange(int(read.record["moves"]) + 1)).board
            probabilities = suggest(policy, board)
            for index in probabilities.nonzero()[0]:
                board.copy().play(int(index))
            assert (probabilities[~board.legal()] == 0).all()
            assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
            count += 1
    return count


def test_no_illegal_suggestion_on_the_sample_games(
    tiny_run: Path, sample_files: list[Path]
) -> None:
    assert suggestions_are_legal(tiny_run, [p.read_bytes() for p in sample_files[:20]], 1) == 20


@pytest.mark.slow
def test_no_illegal_suggestion_on_500_real_games(tiny_run: Path, real_games: list[bytes]) -> None:
    assert suggestions_are_legal(tiny_run, real_games[::4], 1) == 500


def test_ko_and_suicide_get_no_probability(tiny_run: Path) -> None:
    out = json.loads(
        good(
            "go-suggest",
            "--moves",
            "B B1 B A2 B B3 W C1 W C3 W D2 B C2 W B2",
            "--model",
            tiny_run,
            "--json",
        )
    )
    assert "C2" not in {m["move"] for m in out["moves"]}
    out = json.loads(good("go-suggest", "--moves", "B A2 B B1 W", "--model", tiny_run, "--json"))
    assert "A1" not in {m["move"] for m in out["moves"]}


def test_a_lead_of_the_side_that_loses_is_not_sure() -> None:
    owner = np.zeros(361, np.float32)
    for win, lead, doubt in ((0.49, 22.4, True), (0.51, 22.4, False), (0.51, -22.4, True)):
        said = _contrary(OwnershipEstimate(owner, win, lead, 100.0, 0))
        assert ("disagree" in said) == doubt
    assert _contrary(OwnershipEstimate(owner, 0.51, -1.0, 20.0, 0)) == " (about even)"
    assert not _contrary(OwnershipEstimate(owner, 0.51, 1.0, 20.0, 0))
