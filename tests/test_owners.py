"""Whose each point will be: what the samples say of it, against a plain loop over points, and
networks that learn it from games that are known."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gocnn import modelfile
from gocnn.board import symmetry
from gocnn.commands import go_train
from gocnn.errors import UserError
from gocnn.games import labels, store_writer
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.games.words import colour_of
from gocnn.policy import data, samples
from gocnn.policy.source import OWN_SHARE, PositionSource
from tests.labelled import random_labels, toy_store
from tests.typed import good, refused

PLANES = ["board", "history"]
GO = [
    "--batch",
    "8",
    "--valid-positions",
    "100",
    "--precision",
    "fp32",
    "--blocks",
    "1",
    "--channels",
    "8",
    "--validations",
    "1",
    "--planes",
    "stones",
]
QUIET = [*GO, "--quiet"]


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_store(tmp_path_factory.mktemp("toys") / "toys.games", 40, 6)


@pytest.fixture(scope="module")
def at_random(
    tmp_path_factory: pytest.TempPathFactory, sample_store: Path
) -> tuple[samples.Games, np.ndarray]:
    path = tmp_path_factory.mktemp("labels") / "random.games"
    shutil.copy(sample_store, path)
    owner = random_labels(path, 5)
    opened = Store(path)
    return samples.games_of(opened, np.arange(len(opened))), owner


# --- samples
# -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", range(8))
def test_owners_are_turned_and_seen_by_the_side_to_play(
    at_random: tuple[samples.Games, np.ndarray], turn: int
) -> None:
    """Against a plain loop over points: each symmetry, both colours, unknown points, games without
    a label."""
    games, owner = at_random
    games = replace(games, label=np.where(np.arange(len(games)) % 5 == 4, -1, games.label))
    which, plies = samples.choose_positions(games, 60, seed=turn)
    found = samples.positions(games, PLANES, which, plies, symmetry_number=turn, score=True)[3]
    assert found.dtype == np.int8
    sides = set()
    for row, game, ply in zip(found, which, plies, strict=True):
        word = int(games.words[games.start[game] + games.setup[game] + ply])
        side = colour_of(word)
        sides.add(side)
        for point in range(361):
            theirs = int(owner[game, point]) if game % 5 < 4 else 3
            wanted = (
                samples.UNKNOWN_OWNER
                if theirs == 3
                else 0
                if theirs == 0
                else 1
                if theirs == side
                else -1
            )
            assert row[symmetry.permutation(turn)[point]] == wanted
    assert sides == {1, 2}


def test_batches_of_others_are_as_they_were(toys: Path, tmp_path: Path) -> None:
    """A network without score draws the same with labels and networks' games as without; so do the
    moves and planes of one with score, of people's."""
    bare = Store(toy_store(tmp_path / "bare.games", 40, 0, labelled=False))
    plain, full = (samples.games_of(s, np.arange(len(s))) for s in (bare, Store(toys)))
    assert (full.own.sum(), plain.own.sum()) == (6, 0)
    options: dict[str, Any] = {"plane_groups": PLANES, "batch": 32, "seed": 3, "future": 1}
    one, other = (PositionSource(games, outcome=True, **options) for games in (plain, full))
    scored = PositionSource(full.subset(~full.own), score=True, **options)
    for i in (0, 7, 130):
        assert len(one.batch(i)) == 3
        assert all((a == b).all() for a, b in zip(one.batch(i), other.batch(i), strict=True))
        assert all((a == b).all() for a, b in zip(one.batch(i), scored.batch(i)[:3], strict=True))
        assert set(np.unique(scored.batch(i)[3])) == {-1, 1}


def test_a_small_share_of_networks_games_is_not_rounded_to_none(toys: Path) -> None:
    games = samples.games_of(Store(toys), np.arange(46))
    source = PositionSource(games, PLANES, 256, 1, score=True, own_share=0.002)
    own = [(source.batch(i)[1] == -1).mean() for i in range(8 * source.block)]
    assert np.mean(own) == pytest.approx(0.002, rel=0.1)


def test_go_trains_share_of_networks_games_is_the_sources() -> None:
    option = next(one for one in go_train.command.params if one.name == "own_share")
    assert option.default == OWN_SHARE


@pytest.mark.parametrize("share", [OWN_SHARE, 0.4])
def test_games_of_networks_have_their_share_and_teach_no_move(toys: Path, share: float) -> None:
    games = samples.games_of(Store(toys), np.arange(46))
    options: dict[str, Any] = {"seed": 1, "future": 2, "score": True, "own_share": share}
    source = PositionSource(games, PLANES, 64, **options)
    batches = [source.batch(i) for i in range(2 * source.block)]
    moves = np.concatenate([b[1] for b in batches])
    own = (moves[:, 0] == -1).mean()
    assert own == pytest.approx(share, abs=0.01)
    assert (moves[moves[:, 0] == -1] == -1).all()
    assert not (np.concatenate([b[3] for b in batches]) == samples.UNKNOWN_OWNER).any()
    parts = [PositionSource(games, PLANES, 64, part=(r, 2), **options) for r in range(2)]
    assert all(
        (np.concatenate([p.batch(5)[k] for p in parts]) == batches[5][k]).all() for k in range(4)
    )


@pytest.mark.parametrize(
    ("people", "said"), [(0, "holds only games that a network played"), (2, "loosen them")]
)
def test_there_must_be_games_of_people(tmp_path: Path, people: int, said: str) -> None:
    """No filter is to blame where a store has none."""
    store = Store(toy_store(tmp_path / "few.games", people, 2))
    with pytest.raises(UserError, match=said):
        data.select_games([store], GameFilter(min_moves=1000), own=False)


def test_games_of_networks_are_never_held_back(toys: Path) -> None:
    everything, people = (
        data.select_games([Store(toys)], GameFilter(), own=own) for own in (True, False)
    )
    assert (len(everything.games), len(people.games)) == (46, 40)
    assert everything.fingerprint() == people.fingerprint()
    training, held = data.split(everything, 0.3)
    assert not held.games.own.any()
    assert training.games.own.sum() == 6
    # filters are for people's games
    assert (
        data.select_games([Store(toys)], GameFilter(result="black"), own=True).games.own.sum() == 6
    )
    joined = data.select_games([Store(toys), Store(toys)], GameFilter(), own=True)
    assert len(joined.games) == 46
    assert everything.labels() == data.LabelCounts(40, 6, joined.labels().fingerprint)


# --- training
# ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_tiny_network_learns_whose_the_points_are(toys: Path, tmp_path: Path) -> None:
    """Black's stones are above white's: half a minute of counting for a person, a few dozen steps
    for two blocks."""
    run = tmp_path / "run"
    heard = good(
        "go-train",
        toys,
        "--out",
        run,
        *GO[2:],
        "--batch",
        "32",
        "--steps",
        "60",
        "--learning-rate",
        "0.02",
    )
    assert "learning the score from " in heard
    assert "labelled games, 6 that a network played" in heard
    figures = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    last = [line for line in figures if line["kind"] == "valid"][-1]
    assert last["owner"] > 0.9
    assert last["score_error"] < 40
    assert modelfile.load(run, "go-policy").config["score"] is True
    onnx = tmp_path / "network.onnx"
    assert "largest difference" in good("go-export", run, "--onnx", onnx)


def test_games_without_labels_train_without(tmp_path: Path) -> None:
    bare = toy_store(tmp_path / "bare.games", 10, 0, labelled=False)
    for extra in ([], ["--score"]):
        run = tmp_path / f"run{len(extra)}"
        heard = good("go-train", bare, "--out", run, *GO, *extra, "--steps", "1")
        assert heard.count("the network does not learn the score") == 1
        assert modelfile.load(run, "go-policy").config["score"] is False
    assert "--score needs --value" in refused(
        2, "go-train", bare, "--out", tmp_path / "x", "--score", "--no-value", "--steps", "1"
    )


def test_a_run_goes_on_with_more_labels_not_with_fewer(tmp_path: Path, toys: Path) -> None:
    games = shutil.copy(toys, tmp_path / "toys.games")
    bare = toy_store(tmp_path / "bare.games", 40, 0, labelled=False)
    other = Store(games)
    store_writer.add_labels(
        bare,
        np.arange(30),
        labels.COUNTED,
        np.stack([other.words[i : i + 46] for i in other.labels()[:30]]),
        "{}",
    )
    run, fixed = tmp_path / "run", tmp_path / "fixed"
    good("go-train", bare, "--out", run, *QUIET, "--steps", "2")
    good("go-train", bare, "--out", fixed, *QUIET, "--steps", "2", "--deterministic")
    good("go-train", games, "--out", run, "--resume", "--steps", "4", "--quiet")
    assert json.loads((run / "run.json").read_text())["labels"]["own"] == 6
    assert "which is --deterministic" in refused(
        1, "go-train", games, "--out", fixed, "--resume", "--steps", "4", "--quiet"
    )
    assert "here are" in refused(
        1, "go-train", bare, "--out", run, "--resume", "--steps", "6", "--quiet"
    )


@pytest.mark.slow
def test_a_model_with_score_goes_on_without_where_nothing_is_labelled(
    tmp_path: Path, toys: Path
) -> None:
    bare = toy_store(tmp_path / "bare.games", 10, 0, labelled=False)
    first, second, third = (tmp_path / name for name in "abc")
    good("go-train", toys, "--out", first, *QUIET, "--steps", "1")
    more = [
        "--steps",
        "1",
        "--batch",
        "8",
        "--valid-positions",
        "100",
        "--precision",
        "fp32",
        "--quiet",
    ]
    good("go-train", bare, "--from", first, "--out", second, *more)
    good("go-train", toys, "--from", second, "--out", third, *more)
    assert [modelfile.load(run, "go-policy").config["score"] for run in (first, second, third)] == [
        True,
        False,
        True,
    ]


# --- judging
# -----------------------------------------------------------------------------------------------------------------------------


def test_go_eval_tells_of_owners_and_scores(toys: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    good("go-train", toys, "--out", run, *QUIET, "--steps", "1")
    said = good("go-eval", toys, "--model", run, "--positions", "200", "--symmetries", "8")
    for words in (
        "points that the score is off",
        "owners foreseen",
        "winner by value, by score, by both",
        "lopsided",
    ):
        assert words in said
    figures = json.loads(good("go-eval", toys, "--model", run, "--positions", "200", "--json"))
    assert figures["all"]["scored"] == figures["all"]["positions"] == 200
    assert figures["all"]["winner_by"].keys() == {"positions", "share", "value", "score", "both"}
    assert 0 <= figures["owner_calibration_error"] <= 1
