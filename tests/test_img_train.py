"""img-train as a person types it: what it learns against chance, what a kill or freezing leaves as
it was bit by bit, what it advises after few passes."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.torch
import torch

from gocnn.errors import UserError
from gocnn.training import TrainConfig
from imagecls.augment import RECIPES
from imagecls.classifier import training
from imagecls.classifier.advising import advice, chance
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.resnet101 import ResNet101
from imagecls.photos.data import Split
from tests.conftest import ROOT
from tests.img_runs import FAST, IMAGES, SMALL101, few, run
from tests.toyruns import on_two_processes
from tests.typed import cli, good, refused

__all__ = ["few", "run"]


def test_training_shows_classes_and_learns(tmp_path):
    """On all sample pictures, a small network gets well above chance (1 of 6) in a few epochs."""
    text = good(
        "img-train",
        IMAGES,
        "--out",
        tmp_path / "r",
        "--epochs",
        12,
        "--augment",
        "none",
        "--size",
        32,
        "--widths",
        "16,32,64",
        "--linear-head",
        "--batch",
        32,
        "--precision",
        "fp32",
        "--validations",
        2,
    )
    for name in ("doughnut", "fried_egg", "pizza", "soup", "sushi", "watermelon"):
        assert name in text
    best = float(text.split("best: accuracy ")[1].split("%")[0])
    assert best > 45
    assert {p.name for p in (tmp_path / "r").iterdir()} >= {
        "best.safetensors",
        "last.safetensors",
        "metrics.jsonl",
        "curves.png",
        "run.json",
    }


@pytest.mark.parametrize(
    "extra",
    [
        ["--model", "cnn", "--pool", "min"],
        ["--augment", "strong", "--class-weights", "--train-size", "24"],
        ["--augment", "none", "--folds", "4", "--fold", "3"],
        [
            "--optimiser",
            "adamw",
            "--auto",
            "rand",
            "--mixup",
            "--cutmix",
            "0.5",
            "--label-smoothing",
        ],
        ["--fit", "crop", "--optimiser", "sgd", "--label-smoothing", "0.1"],
        ["--preset", "strong", "--batch", "12"],
    ],
)
def test_options(few, tmp_path, extra):
    good("img-train", few, "--out", tmp_path / "r", "--steps", 2, *FAST, *extra)
    assert "accuracy" in good("img-eval", few, "--model", tmp_path / "r")


@pytest.mark.parametrize(
    ("extra", "rate"),
    [
        ([], 0.002),
        (["--optimiser", "adamw"], 0.0003),
        (["--learning-rate", "0.1"], 0.1),
        (["--model", "resnet"], None),
    ],
)
def test_the_plain_network_has_rates_of_its_own(few, tmp_path, extra, rate):
    good("img-train", few, "--out", tmp_path / "r", "--steps", 1, *FAST, "--model", "cnn", *extra)
    assert (
        json.loads((tmp_path / "r" / "run.json").read_text())["wishes"]["train"]["learning_rate"]
        == rate
    )


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(few, tmp_path):
    """SIGKILL at some moment, then --resume, against a run never killed: the same weights."""
    arguments = [
        "img-train",
        str(few),
        "--steps",
        "60",
        *FAST,
        "--augment",
        "strong",
        "--checkpoint-minutes",
        "0.001",
        "--validations",
        "6",
    ]
    good(*arguments, "--out", tmp_path / "whole")
    process = subprocess.Popen(
        [sys.executable, "cli.py", *arguments, "--out", str(tmp_path / "killed")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "killed" / "run.json").exists() and process.poll() is None:
        time.sleep(0.005)
    time.sleep(0.1)
    process.kill()
    process.wait()
    good("img-train", "--out", tmp_path / "killed", "--resume", "--quiet")
    for name in ("last.safetensors", "best.safetensors"):
        a, b = (
            safetensors.torch.load_file(tmp_path / folder / name) for folder in ("whole", "killed")
        )
        assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.slow
def test_two_stage_fine_tuning(few, tmp_path):
    """The head alone first: after it the body is still as it was; then layer4 moves as well, and
    nothing before it."""
    torch.manual_seed(0)
    state = ResNet101(1000, (1, 1, 1, 1), 4).state_dict()
    torch.save(state, tmp_path / "w.pth")
    good(
        "img-train",
        few,
        "--out",
        tmp_path / "r",
        "--epochs",
        1,
        *SMALL101,
        "--weights",
        tmp_path / "w.pth",
        "--head-epochs",
        1,
        "--rates",
        "layer4=0.1",
    )
    head = safetensors.torch.load_file(tmp_path / "r" / "head" / "last.safetensors")
    final = safetensors.torch.load_file(tmp_path / "r" / "last.safetensors")
    for name, tensor in state.items():
        if not name.startswith("fc."):
            assert torch.equal(head[name], tensor), name
            assert torch.equal(final[name], tensor) or name.startswith("layer4"), name
    assert any(
        not torch.equal(final[name], head[name]) for name in head if name.startswith("layer4")
    )
    good("img-predict", IMAGES / "validation" / "pizza" / "000.jpg", "--model", tmp_path / "r")
    # and a run can be the start of another, whose classes may differ
    shutil.copytree(few, tmp_path / "fewer")
    for part in ("training", "validation"):
        shutil.rmtree(tmp_path / "fewer" / part / "sushi")
    good(
        "img-train",
        tmp_path / "fewer",
        "--out",
        tmp_path / "r2",
        "--epochs",
        1,
        *SMALL101,
        "--weights",
        tmp_path / "r",
    )


def test_a_run_that_is_killed_while_its_head_learns_keeps_what_was_asked(
    few, tmp_path, monkeypatch
):
    out, asked = tmp_path / "r", ["--weights", "none", "--head-epochs", 1, "--augment", "none"]

    def killed(*_: object) -> None:
        raise UserError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(training._Stages, "_head_alone", killed)
        refused(1, "img-train", few, "--out", out, "--epochs", 1, *SMALL101, *asked)
    before = json.loads((out / "run.json").read_text())["options"]
    good("img-train", "--out", out, "--resume", "--quiet")
    assert json.loads((out / "run.json").read_text())["options"] == before
    text = refused(2, "img-train", "--out", out, "--resume", "--augment", "strong")
    assert "began with none" in text


def test_pretrained_without_network_is_one_sentence(few, tmp_path, monkeypatch):
    monkeypatch.setenv("GOCNN_WEIGHTS_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("GOCNN_CACHE", str(tmp_path / "cache"))
    text = refused(1, "img-train", few, "--out", tmp_path / "r", "--steps", 1, *SMALL101)
    assert "--weights none" in text
    assert not (tmp_path / "r" / "run.json").exists()
    good("img-train", few, "--out", tmp_path / "r", "--steps", 1, *SMALL101, "--weights", "none")


def test_few_passes_are_said_at_the_end(few, tmp_path):
    """Of 48 photographs in batches of 16."""
    for steps, words in ((3, "only 1.0 passes over the 48 photographs were made"), (15, "")):
        result = cli("img-train", few, "--out", tmp_path / f"{steps}", "--steps", steps, *FAST)
        last = result.stderr.splitlines()[-1:]
        assert ("passes over" in result.stderr) == bool(words)
        assert not words or last == [f"note: {words}; give more --steps"]
    assert "passes over" not in good(
        "img-train", "--out", tmp_path / "3", "--resume", "--steps", 15
    )


@pytest.mark.parametrize(
    ("network", "pretrained", "train", "passes", "words"),
    [
        (
            {"size": 128},
            "none",
            {"minutes": 3.0},
            0.4,
            "only 0.4 passes over the 200 photographs were made; give more --minutes, or a cheaper"
            " network: --preset strong, --stem-stride 2, --size 64",
        ),
        ({"size": 128, "stem_stride": 2}, "none", {"minutes": 3.0}, 4, "network: --size 64"),
        ({"size": 64, "stem_stride": 2}, "none", {"minutes": 3.0}, 4, "give more --minutes"),
        ({"size": 128}, "none", {"epochs": 2.0}, 2, "give more --epochs"),
        ({"size": 128}, "none", {"minutes": 3.0}, 5, ""),
        ({"size": 128}, "none", {"minutes": 3.0, "patience": 2}, 3, ""),
        ({"size": 128}, "v2", {"epochs": 2.0}, 2, ""),
        ({"size": 128}, "v2", {"epochs": 0.5}, 0.5, "only 0.5 passes"),
        ({"size": 128}, "none", {"minutes": 3.0, "sam": 0.5}, 4, "--stem-stride 2, --size 64"),
        ({"size": 128}, "none", {"minutes": 3.0, "sam": 0.5}, 149, "more --minutes, or --sam 0"),
        ({"size": 128}, "none", {"minutes": 3.0, "sam": 0.5}, 150, ""),
    ],
)
def test_what_is_advised_after_few_passes(network, pretrained, train, passes, words):
    config = training.ClassifierRunConfig(
        data="d",
        split=Split(),
        network=ClassifierConfig("resnet", (), **network),
        recipe=RECIPES["none"],
        train=TrainConfig(**train),
        pretrained=pretrained,
    )
    said = advice(round(200 * passes), 200, config)
    assert bool(said) == bool(words)
    assert said.endswith(words) or said.startswith(words)


def test_a_begun_network_is_advised_no_size_that_its_classifier_cannot_take():
    """--from takes --size for resnet; a cnn's last layer is for one size."""
    for begun, words in (("", "network: --size 64"), ("mine", "give more --minutes")):
        config = training.ClassifierRunConfig(
            data="d",
            split=Split(),
            network=ClassifierConfig("cnn", (), size=128),
            recipe=RECIPES["none"],
            train=TrainConfig(minutes=3.0),
            init_from=begun,
        )
        assert advice(round(200 * 0.4), 200, config).endswith(words)


def test_fewer_images_than_a_batch_is_said(few, tmp_path):
    text = good(
        "img-train",
        few,
        "--out",
        tmp_path / "r",
        "--steps",
        1,
        "--size",
        32,
        "--widths",
        "8,16",
        "--batch",
        64,
        "--precision",
        "fp32",
    )
    assert "fewer training pictures than a batch (48 of 64)" in text


@pytest.mark.slow
def test_torchrun(few, tmp_path):
    """Two processes on the CPU, with a frozen body and batch norms of both kinds in what learns."""
    said = on_two_processes(
        "img-train",
        str(few),
        "--out",
        str(tmp_path / "run"),
        "--device",
        "cpu",
        "--threads",
        "1",
        *SMALL101,
        "--steps",
        "2",
        "--weights",
        "none",
        "--unfreeze",
        "layer4,layer3",
    )
    assert said.count("best: accuracy") == 1
    good("img-eval", few, "--model", tmp_path / "run")


@pytest.mark.parametrize(
    ("right", "said"), [(0.1, True), (0.13, True), (0.25, False), (None, False)]
)
def test_an_accuracy_at_chance_is_called_that(right: float | None, said: bool) -> None:
    """Of ten classes with forty pictures each, guesses are right in 10 %, give or take 3."""
    labels = np.repeat(np.arange(10), 40)
    words = chance(right, labels)
    assert bool(words) == said
    assert not said or words.endswith("may be guessing, which gives 10.0%, give or take 3.0%")
    # always the same answer is right that often
    assert "gives 50.0%" in chance(0.5, np.array([0, 0, 1, 2]))
    assert chance(0.5, labels[:0]) == ""
