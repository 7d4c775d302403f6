"""What a network is told of the game beside the board, from the record to the command line."""

from pathlib import Path

import numpy as np
import pytest

from gocnn import modelfile
from gocnn.board import BLACK, Board
from gocnn.commands import style_option
from gocnn.engine.game import Game
from gocnn.engine.player import Player
from gocnn.errors import UserError
from gocnn.features import conditioning
from gocnn.features.planes import DEFAULT_GROUPS, offsets, plane_count
from gocnn.games.store import Store
from gocnn.policy.conditioning import check_style, conditioning_of_games
from gocnn.policy.predictions import PolicyPredictions, predictions
from gocnn.policy.suggestion import suggest
from tests.conftest import play_randomly, sgf_text
from tests.go_trained import BUDGET, TRAIN
from tests.typed import good, refused


class Listener:
    """An evaluator that keeps what it was shown and prefers nothing."""

    name, has_value_head, scores = "listener", False, False
    plane_groups: tuple[str, ...] = ("board", "handicap", "style")

    def __init__(self) -> None:
        self.shown: list[list[int]] = []

    def logits(self, batch: np.ndarray) -> np.ndarray:
        return self.outputs(batch).logits

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        self.shown += batch[:, :, 0, 0].tolist()
        return predictions(np.zeros((len(batch), 362), np.float32))


def test_a_player_tells_the_network_its_style() -> None:
    game = Game()
    game.give_handicap([60, 300])
    for style, told in [
        ("any", [0, 0, 0, 0]),
        ("tom", [0, 1, 0, 0]),
        ("professional", [0, 0, 0, 1]),
    ]:
        listener = Listener()
        Player(listener, style=style).probabilities(game, BLACK)
        assert listener.shown == [[1, 1, *told]]
    listener = Listener()
    suggest(listener, Board())
    assert listener.shown == [[1, 0, 0, 0, 0, 0]]


def test_the_styles_that_can_be_asked_for() -> None:
    assert tuple(conditioning.STYLES) == style_option.STYLES


def test_a_style_needs_a_network_that_was_shown_it() -> None:
    listener = Listener()
    check_style(listener, "fox")
    listener.plane_groups = ("board",)
    check_style(listener, "any")
    with pytest.raises(UserError, match="not shown where"):
        check_style(listener, "fox")


def test_conditioning_of_records(tmp_path: Path) -> None:
    headers = {
        "RE[B+R]PC[TYGEM]BR[9d]WR[9d]": conditioning.BLACK_WON | conditioning.TYGEM,
        "RE[W+3.5]PC[TOM]BR[9p]WR[1p]": (
            conditioning.WHITE_WON
            | conditioning.TOM
            | conditioning.BLACK_PROFESSIONAL
            | conditioning.WHITE_PROFESSIONAL
        ),
        "RE[0]PC[Tokyo]": 0,
        "HA[2]AB[dd][pp]RE[?]": conditioning.HANDICAP,
    }
    for number, header in enumerate(headers):
        (tmp_path / f"{number}.sgf").write_bytes(
            sgf_text(play_randomly(number, 30 + number), header) + b")"
        )
    good("go-import", tmp_path, "--out", tmp_path / "x.games")
    store = Store(tmp_path / "x.games")
    records = store.records()
    found = dict(
        zip(
            records["moves"].tolist(),
            conditioning_of_games(store, np.arange(len(store)), records).tolist(),
            strict=True,
        )
    )
    assert found == {30 + number: fact for number, fact in enumerate(headers.values())}


def test_from_games_to_a_network_that_listens(tmp_path: Path, sample_store: Path) -> None:
    """A model begun from another and shown more answers as that one did, until it has learned; the
    commands pass on what they are told."""
    first, second = tmp_path / "first", tmp_path / "second"
    good("go-train", sample_store, "--out", first, *TRAIN, "--planes", ",".join(DEFAULT_GROUPS))
    assert "not shown where" in refused(1, "go-suggest", "--model", first, "--style", "fox")
    assert "too; name them" in refused(
        2,
        "go-train",
        sample_store,
        "--out",
        second,
        "--from",
        first,
        *BUDGET,
        "--planes",
        "board,style",
    )
    still = ["--learning-rate", "1e-9", "--weight-decay", "0", "--ema", "0"]
    good(
        "go-train",
        sample_store,
        "--out",
        second,
        "--from",
        first,
        *BUDGET,
        *still,
        "--planes",
        "style,default,handicap",
    )
    before, after = modelfile.load(first, "go-policy"), modelfile.load(second, "go-policy")
    assert after.config["groups"] == ["style", *before.config["groups"], "handicap"]
    at = int(offsets(after.config["groups"])[0])
    stem = after.tensors["stem.0.weight"]
    assert np.allclose(
        stem[:, at : at + plane_count(before.config["groups"])],
        before.tensors["stem.0.weight"],
        atol=1e-6,
    )
    assert abs(stem[:, :at]).max() < 1e-6
    good("go-suggest", "--model", second, "--style", "professional")
    assert "conditioning: origin" in good(
        "go-eval", sample_store, "--model", second, "--positions", "200", "--conditioning", "origin"
    )
