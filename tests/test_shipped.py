"""The networks that ship: which is taken, and what the strongest of them knows, on positions that
anybody can count."""

import json
from pathlib import Path

import numpy as np
import pytest

import gocnn
from gocnn.games import labels
from gocnn.games.store import Store
from gocnn.policy import shipped
from gocnn.policy.runtime import OnnxPolicy, open_evaluator
from gocnn.policy.samples import games_of, positions
from gocnn.serve.config import ServeConfig
from gocnn.serve.state import ServeState
from tests.conftest import ROOT
from tests.typed import good, refused

GAMES = ROOT / "data" / "games" / "network"
PICTURE = ROOT / "data" / "images" / "training" / "fried_egg" / "044.jpg"


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(shipped.VARIABLE)


def test_what_is_taken_where_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped.NAMES == ("base", "base8", "small")
    assert shipped.find() == shipped.find("shipped") == shipped.WEIGHTS / "base.onnx"
    assert shipped.find("small", ".safetensors") == shipped.WEIGHTS / "small.safetensors"
    monkeypatch.setenv(shipped.VARIABLE, "small")
    assert shipped.find().name == "small.onnx"
    assert ServeState(ServeConfig()).model_names == ["small", "base", "base8"]
    monkeypatch.setenv(shipped.VARIABLE, "mine.onnx")
    with pytest.raises(
        gocnn.UserError, match=r"GOCNN_MODEL names mine\.onnx, which does not exist"
    ):
        shipped.find()
    assert "GOCNN_MODEL names mine.onnx" in refused(1, "serve", "--port", 0)
    Path("mine.onnx").touch()
    assert shipped.find() == Path("mine.onnx")
    assert ServeState(ServeConfig()).model_names == ["mine", "base", "base8", "small"]
    monkeypatch.setenv(shipped.VARIABLE, "  ")
    assert shipped.find().name == "base.onnx"
    with pytest.raises(gocnn.UserError, match="empty"):
        shipped.find("")


def test_a_file_of_that_name_goes_first(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    assert shipped.find("base") == Path("base")
    assert shipped.find().name == "base.onnx"  # nobody named that one
    assert "base holds no model" in refused(1, "go-suggest", "--model", "base")


def test_a_slip_in_a_name_is_answered_with_the_names() -> None:
    """Wherever a model is asked for: who types `smal` sees what there is."""
    boards = [
        ("go-suggest", "--model", "smal"),
        ("go-show", "smal"),
        ("go-export", "smal", "--onnx", "x.onnx"),
        ("go-train", GAMES, "--out", "run", "--from", "smal", "--steps", 1),
        ("serve", "--port", 0, "--model", "smal"),
    ]
    for arguments in boards:
        assert refused(1, *arguments).endswith(
            "smal does not exist; give a model file, the folder of a training run, base, base8 or"
            " small"
        )
    for arguments in (
        ("img-predict", PICTURE, "--model", "foood"),
        ("img-explain", PICTURE, "--model", "foood", "--filters", "x.png"),
        ("serve", "--port", 0, "--image-model", "foood"),
    ):
        assert refused(1, *arguments).endswith(
            "foood does not exist; give a model file, the folder of a training run, or food"
        )
    assert "`gocnn describe --help` lists" in refused(1, "describe", "smal")
    assert sorted(Path().iterdir()) == []


@pytest.mark.slow
def test_names_are_taken_wherever_a_model_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in shipped.NAMES:
        assert f"({name}.onnx)" in good("go-suggest", "--model", name)
        assert "ownership" in json.loads(good("go-suggest", "--json", "--model", name))
        assert len(gocnn.load(name).suggest(gocnn.position(), 1)) == 1
        assert "block 1 " in good("go-show", name)
        assert "fp32" in good("go-export", name, "--onnx", tmp_path / "out.onnx")
        chosen = ServeState(ServeConfig(models=(shipped.find(name),)))
        assert chosen.model_names == [name, *(n for n in shipped.NAMES if n != name)]
    monkeypatch.setenv(shipped.VARIABLE, "gone.onnx")
    assert "gone.onnx" in refused(1, "go-suggest")
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    assert "does not come with this installation" in refused(1, "go-suggest", "--model", "small")


def test_base_knows_komi_and_the_count(sample_store: Path) -> None:
    """On the empty board it is even with komi; before the last move of games that were counted it
    knows whose the points are, and the margin, as the count had them."""
    empty = gocnn.load("base").evaluate(gocnn.position())
    assert empty.score is not None
    assert abs(empty.score) < 3  # with komi of 6.5, as its games have it
    evaluator = open_evaluator("base")
    store = Store(sample_store)
    counted = np.flatnonzero(store.label_kinds() == labels.COUNTED)[:40]
    assert len(counted) == 40
    games = games_of(store, counted)
    planes, _, _, owners = positions(
        games, evaluator.plane_groups, np.arange(len(counted)), games.moves - 1, score=True
    )
    said = evaluator.outputs(planes)
    right = (np.sign(said.owner) == owners)[owners != 0]
    assert right.mean() > 0.97
    assert np.median(np.abs(said.lead - owners.sum(1))) < 5


def test_all_that_ship_know_winner_and_score(scoreless: OnnxPolicy) -> None:
    for name in shipped.NAMES:
        evaluator = open_evaluator(name)
        assert evaluator.has_value_head
        assert evaluator.scores
    assert scoreless.has_value_head  # as networks of one's own may be
    assert not scoreless.scores
