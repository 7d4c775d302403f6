"""How a network is asked to play: what it is told of the game, from the record to the command line."""

from pathlib import Path

import numpy as np
import pytest

from gocnn.board import BLACK, WHITE, Board, facts
from gocnn.board.planes import offsets, plane_count
from gocnn.errors import UserError
from gocnn.games.facts import known_of
from gocnn.games.store import Store
from gocnn.play.game import Game
from gocnn.play.player import Player
from gocnn.policy.manner import Manner, manner_for
from gocnn.training import modelfile
from tests.conftest import play_randomly, sgf_text
from tests.test_cli import good, refused
from tests.test_go_train import BUDGET, TRAIN


class Listener:
    """An evaluator that keeps what it was shown and prefers nothing."""

    name, groups = "listener", ("board", "handicap", "outcome", "style")

    def __init__(self) -> None:
        self.shown: list[list[int]] = []

    def logits(self, batch: np.ndarray) -> np.ndarray:
        self.shown += batch[:, :, 0, 0].tolist()
        return np.zeros((len(batch), 362), np.float32)


def test_a_player_tells_the_network_its_manner() -> None:
    game = Game()
    game.give_handicap([60, 300])
    for colour in (BLACK, WHITE):
        for manner, told in [
            (Manner(), [0, 0, 0, 0, 0, 0]),
            (Manner(outcome="win"), [1, 0, 0, 0, 0, 0]),
            (Manner("tom", "loss"), [0, 1, 0, 1, 0, 0]),
            (Manner("professional", "win"), [1, 0, 0, 0, 0, 1]),
        ]:
            listener = Listener()
            Player(listener, manner=manner).probabilities(game, colour)
            assert listener.shown == [[1, 1, *told]]


def test_a_manner_needs_a_network_that_was_shown_it() -> None:
    listener = Listener()
    assert manner_for(listener, None, None, Manner(outcome="win")) == Manner("any", "win")
    assert manner_for(listener, "fox", "unknown", Manner(outcome="win")) == Manner("fox", "unknown")
    listener.groups = ("board", "outcome")
    assert manner_for(listener, None, "loss") == Manner("any", "loss")
    with pytest.raises(UserError, match="not shown the style"):
        manner_for(listener, "fox", None)


def test_facts_of_records(tmp_path: Path) -> None:
    headers = {
        "RE[B+R]PC[TYGEM]BR[9d]WR[9d]": facts.BLACK_WON | facts.TYGEM,
        "RE[W+3.5]PC[TOM]BR[9p]WR[1p]": facts.WHITE_WON | facts.TOM | facts.BLACK_PROFESSIONAL | facts.WHITE_PROFESSIONAL,
        "RE[0]PC[Tokyo]": 0,
        "HA[2]AB[dd][pp]RE[?]": facts.HANDICAP,
    }
    for number, header in enumerate(headers):
        (tmp_path / f"{number}.sgf").write_bytes(sgf_text(play_randomly(number, 30 + number), header) + b")")
    good("go-import", tmp_path, "--out", tmp_path / "x.games")
    store = Store(tmp_path / "x.games")
    records = store.records()
    known = dict(zip(records["moves"].tolist(), known_of(store, np.arange(len(store)), records).tolist(), strict=True))
    assert known == {30 + number: fact for number, fact in enumerate(headers.values())}


def test_from_games_to_a_network_that_listens(tmp_path: Path, sample_store: Path) -> None:
    """A model begun from another and shown more answers as that one did, until it has learned; the commands pass on what they are told."""
    first, second = tmp_path / "first", tmp_path / "second"
    good("go-train", sample_store, "--out", first, *TRAIN)
    assert "not shown the outcome" in refused(1, "go-suggest", "--model", first, "--outcome", "win")
    assert "too; name them" in refused(2, "go-train", sample_store, "--out", second, "--from", first, *BUDGET, "--planes", "board,outcome")
    still = ["--learning-rate", "1e-9", "--weight-decay", "0", "--ema", "0"]
    good("go-train", sample_store, "--out", second, "--from", first, *BUDGET, *still, "--planes", "style,default,outcome")
    before, after = modelfile.load(first, "go-policy"), modelfile.load(second, "go-policy")
    assert after.config["groups"] == ["style", *before.config["groups"], "outcome"]
    at = int(offsets(after.config["groups"])[0])
    stem = after.tensors["stem.0.weight"]
    assert np.allclose(stem[:, at : at + plane_count(before.config["groups"])], before.tensors["stem.0.weight"], atol=1e-6)
    assert abs(stem[:, :at]).max() < 1e-6
    good("go-suggest", "--model", second, "--outcome", "win", "--style", "professional")
    assert "told: all" in good("go-eval", sample_store, "--model", second, "--positions", "200", "--told", "all")


def test_a_board_tells_nothing() -> None:
    listener = Listener()
    from gocnn.policy.suggestion import suggest

    suggest(listener, Board())
    assert listener.shown == [[1, 0, 0, 0, 0, 0, 0, 0]]
