"""What an earlier version wrote is read by this one: stores, models, runs and their checkpoints."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import data, training
from gocnn.policy.model import load
from gocnn.policy.network import PolicyConfig
from gocnn.policy.task import PolicyTask
from gocnn.structs import from_json, to_json
from gocnn.training import TrainConfig, evaluate
from imagecls.classifier import training as image_training
from tests.conftest import ROOT
from tests.typed import cli, good

OLD = ROOT / "tests" / "cases" / "old"
GAMES = OLD / "games.games"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The runs, where they may be gone on with, and the photographs that one of them was trained
    on."""
    shutil.copytree(OLD, tmp_path / "old")
    for part in ("training", "validation"):
        for name in ("pizza", "soup"):
            target = tmp_path / "old" / "photos" / part / name
            target.mkdir(parents=True)
            for path in sorted((ROOT / "data" / "images" / part / name).iterdir())[:2]:
                shutil.copy(path, target / path.name)
    return tmp_path / "old"


def config_of(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OLD / run / "run.json").read_text())["wishes"]
    return found


def validations(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "valid"]


def test_a_store_has_the_games_that_went_in() -> None:
    store = Store(GAMES)
    assert len(store) == 4
    assert int(store.records()["moves"].sum()) == 988


def test_what_was_asked_is_read_and_what_is_new_has_its_default() -> None:
    go = training.PolicyRunConfig.from_json(config_of("go-run"))
    assert (go.games, go.network.channels, go.network.block) == (("games.games",), 4, "preact")
    assert (go.game_filter, go.begin) == (GameFilter(), None)
    assert go.train == TrainConfig(steps=2, batch=4, validations=2, precision="fp32")
    assert "convolution" not in config_of("go-run")["train"]
    photos = image_training.ClassifierRunConfig.from_json(config_of("img-run"))
    assert (photos.data, photos.network.classes, photos.network.widths) == ("photos", (), (4, 4, 8))
    assert (photos.recipe.jitter, photos.unfreeze) == ((0.2, 0.2, 0.2, 0.2), ("layer4",))
    for config in (go, photos):
        assert type(config).from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"later": 1}, "later is not known"),
        ({"valid_share": "half"}, "valid_share"),
        ({"train": {"steps": 2, "colour": "red"}}, "train.colour is not known"),
        ({"train": {"steps": 2, "minutes": 3}}, "exactly one budget"),
        ({"network": {"block": "round"}}, "network"),
        ({"game_filter": None}, "game_filter"),
    ],
)
def test_what_another_version_asked_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=r"^run.json .*does not describe a go-train run: ") as error:
        training.PolicyRunConfig.from_json(config_of("go-run") | change)
    assert words in str(error.value)


def test_a_policy_network_judges_as_it_did() -> None:
    """The figures of a model are those that its run wrote down when it saved it."""
    model = load(str(OLD / "go-run"))
    chosen = data.select_games([Store(GAMES)], GameFilter())
    _, held = data.split(chosen, config_of("go-run")["valid_share"])
    batches = training.validation_batches(held.games, model.config.plane_groups, 100)
    found = evaluate(model.network, PolicyTask(), batches, torch.device("cpu"), "fp32")
    best = max(validations(OLD / "go-run"), key=lambda line: line["top1"])
    for name in ("loss", "top1", "top5", "value_loss"):
        assert found[name] == pytest.approx(best[name], abs=1e-4), name


def test_a_classifier_judges_as_it_did(old: Path) -> None:
    best = max(validations(OLD / "img-run"), key=lambda line: line["accuracy"])
    said = cli(
        "img-eval", old / "photos", "--json", "--model", old / "img-run", "--cache", old / "cache"
    )
    figures = json.loads(said.stdout)
    assert figures["learnt_from"] is None  # its version did not write that down
    assert figures["accuracy"] == pytest.approx(best["accuracy"])
    assert figures["loss"] == pytest.approx(best["loss"], abs=1e-4)


@pytest.mark.parametrize(
    ("run", "command", "metric"),
    [("go-run", "go-train", "top1"), ("img-run", "img-train", "accuracy")],
)
def test_a_run_goes_on(old: Path, run: str, command: str, metric: str) -> None:
    source = GAMES if run == "go-run" else old / "photos"
    more = [] if run == "go-run" else ["--cache", old / "cache"]
    before = torch.load(old / run / "checkpoint.pt", weights_only=True)
    good(command, source, "--out", old / run, "--resume", "--steps", "3", "--quiet", *more)
    after = torch.load(old / run / "checkpoint.pt", weights_only=True)
    assert (before["step"], after["step"]) == (2, 3)
    assert before.keys() <= after.keys()
    figures = validations(old / run)
    assert [line["step"] for line in figures[:2]] == [1, 2]
    assert figures[-1]["step"] == 3
    assert np.isfinite(figures[-1]["loss"])
    assert after["best"][metric] == max(line[metric] for line in figures)
    description = json.loads((old / run / "run.json").read_text())
    assert description["wishes"]["train"]["steps"] == 3
    assert description["options"] == json.loads((OLD / run / "run.json").read_text())["options"]
    last = modelfile.load(old / run / "last.safetensors", description["kind"])
    assert last.provenance["steps"] == 3
    assert isinstance(next(iter(last.tensors.values())), torch.Tensor | nn.Parameter)


FIRST_CONFIG = """{"blocks": 6, "channels": 64, "stem_kernel": 5, "context": "se", "head": 32,
"groups": ["own_liberties", "opponent_liberties", "board", "history"], "size": 19}"""
"""A network's configuration before there were kinds of blocks, later moves, and values."""


def test_the_configuration_of_an_old_network() -> None:
    old = from_json(json.loads(FIRST_CONFIG), PolicyConfig)
    assert old == PolicyConfig(
        plane_groups=("own_liberties", "opponent_liberties", "board", "history"),
        block="residual",
        future=0,
        value=False,
        score=False,
    )
    assert from_json(json.loads(json.dumps(to_json(old))), PolicyConfig) == old
    for change in ({"rooms": 2}, {"channels": "64"}, {"groups": ["unheard of"]}, {"blocks": 0}):
        with pytest.raises(ValueError, match=r"rooms|channels|unheard of|block"):
            from_json(json.loads(FIRST_CONFIG) | change, PolicyConfig)
