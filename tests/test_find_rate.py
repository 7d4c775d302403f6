"""The learning-rate range test, and what the curves of a run show."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import imagecls
from gocnn.errors import UserError
from gocnn.figures import pyplot
from gocnn.training import (
    ModelProvenance,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    Trainer,
    curves,
    progress,
)
from gocnn.training.config import DEFAULT_RATES
from gocnn.training.distributed import Processes
from gocnn.training.range_run import run
from gocnn.training.range_test import RangeTest, smooth
from gocnn.training.run import open_run
from tests import toy
from tests.img_runs import FAST, few
from tests.typed import good, refused

__all__ = ["few"]


def trainer(out: Path, processes: Processes | None = None, **settings) -> Trainer:
    config = TrainConfig(steps=60, batch=32, ema=0.0, precision="fp32", **settings)
    folder = open_run(out, False, {}, first=False)
    return Trainer(
        toy.network(),
        TaskData(toy.ToyTask(), toy.ToySource(32), toy.valid()),
        config,
        RunOutput(folder, ModelProvenance("toy", {}, "toys")),
        Runtime(torch.device("cpu"), processes or Processes(), quiet=True),
    )


@pytest.mark.parametrize("optimiser", DEFAULT_RATES)
@pytest.mark.parametrize("rate", [None, 0.5])
def test_the_rates_are_those_that_the_optimisers_use(tmp_path, optimiser, rate):
    """Whatever --learning-rate is, every group of every optimiser is set to the rate that the
    table says, and nothing is written."""
    t = trainer(tmp_path / "r", optimiser=optimiser, learning_rate=rate, rate_factors=(("0", 0.1),))
    used: list[set[float]] = []
    for o in t.stepper.optimisers:
        o.register_step_pre_hook(
            lambda o, *_: used.append(
                {g["lr"] / (g["initial_lr"] / t.config.highest_rate) for g in o.param_groups}
            )
        )
    found = run(t, 60)
    count = len(t.stepper.optimisers)
    assert count == (2 if optimiser == "muon" else 1)
    assert ("AdamW" in found.optimiser) == (optimiser == "muon")
    expected = DEFAULT_RATES[optimiser] * np.geomspace(1e-3, 1e2, 60)
    assert np.allclose(found.rates, expected[: len(found.rates)])
    for i, rates in enumerate(used[: len(found.rates) * count]):
        assert all(r == pytest.approx(expected[i // count]) for r in rates)
    assert found.smoothed[found.lowest] < 0.9 * found.smoothed[0]
    assert not (tmp_path / "r").exists()


def test_the_suggestion_trains_and_a_torn_network_does_not(tmp_path):
    """The rule's rate learns the toy task in as many steps; the highest rate that was tried does
    not."""

    def after(rate: float) -> float:
        t = trainer(tmp_path / f"{rate}", optimiser="sgd", learning_rate=rate)
        source, losses = t.data.source, []
        for i in range(60):
            batch = tuple(torch.from_numpy(a) for a in source.batch(i))
            losses.append(float(t.stepper.step(t.model, toy_batches(batch), 1.0)[0]) / 32)
        return float(np.mean(losses[-10:]))

    found = run(trainer(tmp_path / "f", optimiser="sgd", clip=0.0), 60)
    assert found.suggestion is not None
    assert after(found.suggestion) < 0.5 * found.losses[0]


class toy_batches:
    def __init__(self, batch):
        self._batch = batch

    def next(self):
        return self._batch


def test_smoothing_against_its_definition():
    losses = np.random.default_rng(0).normal(2, 1, 30)
    for i, value in enumerate(smooth(losses).tolist()):
        weights = 0.9 ** np.arange(i, -1, -1)
        assert value == pytest.approx((weights * losses[: i + 1]).sum() / weights.sum())


def planted(losses: list[float], torn: bool = False) -> RangeTest:
    values = np.array(losses)
    return RangeTest(np.geomspace(1e-4, 1e1, len(values)), values, values, "sgd", torn)


def test_the_rule_on_planted_curves():
    x = np.linspace(0, 5, 101)  # powers of ten above 1e-4
    bowl = planted((2 - np.exp(-((x - 3) ** 2))).tolist(), True)
    assert bowl.rates[bowl.lowest] == pytest.approx(0.1, rel=0.02)
    assert bowl.suggestion == pytest.approx(0.01, rel=0.06)
    # the steepest place of a Gaussian well is one deviation before its middle
    assert np.log10(bowl.steepest) == pytest.approx(-1 - 0.5**0.5, abs=0.06)
    flat = planted([2.0] * 101)
    assert flat.suggestion is None
    assert "no suggestion" in flat.sentences()[-1]
    falling = planted((2 - x / 5).tolist())
    assert "hardly rose again" in falling.sentences()[-1]
    assert "hardly rose" not in " ".join(bowl.sentences())


@pytest.mark.parametrize(
    ("lowest", "end", "rose"),
    [
        (2.313, 2.414, True),  # 4 % of the loss, and most of what was won
        (2.313, 2.33, False),
        (0.5, 0.7, False),
        (0.5, 1.2, True),
        (2.313, 2.313, False),
    ],
)
def test_a_rise_is_judged_by_the_fall_before_it(lowest, end, rose):
    fall, rise = np.linspace(2.43, lowest, 80), np.linspace(lowest, end, 21)
    found = planted([*fall.tolist(), *rise[1:].tolist()])
    assert found.rose == rose
    assert ("higher rates may do" in " ".join(found.sentences())) != rose


def test_few_steps_are_called_rough():
    for steps, done in ((60, 60), (60, 45), (99, 99), (100, 100), (100, 70), (300, 40)):
        losses = np.linspace(2, 1, steps)[:done]
        rates = np.geomspace(1e-4, 1e1, steps)[:done]
        text = " ".join(RangeTest(rates, losses, losses, "sgd", done < steps).sentences())
        assert (f"{steps} steps make this rough" in text) == (steps < 100)
        assert ("100 or more" in text) == (steps < 100)


def test_progress_says_no_speed_that_is_not_known(monkeypatch, capsys):
    monkeypatch.setattr(progress, "LINE_SECONDS", 0.0)
    shown = progress.Progress("rates")
    shown.show(0.5, 7, {"loss": 2.0})
    shown.show(0.5, 7, {"loss": 2.0}, rate=31.0, left=65.0)
    assert capsys.readouterr().err.splitlines() == [
        " 50% step 7 loss 2",
        " 50% step 7 loss 2 31 samples/s, 1:05 left",
    ]


def test_several_processes_and_a_loss_that_is_no_number(tmp_path):
    t = trainer(tmp_path / "a")
    t.processes = Processes(0, 2)
    with pytest.raises(UserError, match="without torchrun"):
        run(t, 20)
    with pytest.raises(ValueError, match="10 steps or more, not 9"):
        run(t, 9)
    t = trainer(tmp_path / "b")
    t.stepper.task = toy.Eventful(1, toy.ruin)
    with pytest.raises(UserError, match="no number at the lowest rates"):
        run(t, 20)
    t = trainer(tmp_path / "c")
    t.stepper.task = toy.Eventful(15, toy.ruin)
    found = run(t, 20)
    assert len(found.rates) == 14
    assert found.torn


@pytest.mark.slow
def test_by_the_commands(few, tmp_path, sample_store):
    """A picture and a table, and no run; then one may be trained there."""
    out = tmp_path / "r"
    text = good(
        "img-train", few, "--out", out, "--find-rate", "--steps", 24, "--optimiser", "adamw", *FAST
    )
    assert "steps with adamw, rates 2.0e-06 to" in text
    assert "the smoothed loss is lowest" in text
    assert {p.name for p in out.iterdir()} == {"find-rate.png", "find-rate.csv"}
    assert Image.open(out / "find-rate.png").width > 700
    rows = list(csv.DictReader((out / "find-rate.csv").open()))
    assert list(rows[0]) == ["step", "learning_rate", "loss", "smoothed"]
    assert float(rows[0]["learning_rate"]) == pytest.approx(2e-6)
    assert len(rows) <= 24
    good("img-train", few, "--out", out, "--steps", 2, *FAST)
    assert "find_rate" not in json.loads((out / "run.json").read_text())["options"]
    go = ("go-train", sample_store, "--out", tmp_path / "g", "--find-rate", "--steps", 12)
    text = good(
        *go, "--blocks", 1, "--channels", 8, "--batch", 16, "--valid-positions", 100, "--quiet"
    )
    assert "steps with muon (and AdamW beside it)" in text
    assert {p.name for p in (tmp_path / "g").iterdir()} == {"find-rate.png", "find-rate.csv"}
    assert "--resume" in refused(2, "img-train", few, "--out", out, "--find-rate", "--resume")
    assert "not --minutes" in refused(
        2, "img-train", few, "--out", out, "--find-rate", "--minutes", 1
    )


@pytest.mark.parametrize("command", ["img-train", "go-train"])
@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (("--learning-rate", 0.01), "leave out --learning-rate"),
        (("--learning-rate", 0.01, "--steps", 50), "leave out --learning-rate"),
        (("--steps", 1), "finds nothing in 1 step: give --steps 10 or more"),
        (("--steps", 9), "finds nothing in 9 steps: give --steps 10 or more"),
        (("--epochs", 1), "takes --steps, not --epochs"),
        (("--tensorboard",), "leave out --tensorboard"),
    ],
)
def test_what_a_range_test_cannot_heed_is_a_wrong_call(tmp_path, command, extra, said):
    """Before anything is read: what is named here is not there."""
    call = (command, tmp_path / "gone", "--out", tmp_path / "r", "--find-rate", *extra)
    assert said in refused(2, *call)
    assert not (tmp_path / "r").exists()


def test_from_python(few, tmp_path):
    settings: dict[str, Any] = {"size": 32, "widths": [8, 16], "hidden": [16], "batch": 16}
    found = imagecls.find_rate(few, tmp_path / "f", quiet=True, steps=16, **settings)
    rows = list(csv.DictReader((tmp_path / "f" / "find-rate.csv").open()))
    lowest = min(rows, key=lambda row: float(row["smoothed"]))
    fell = float(lowest["smoothed"]) < 0.99 * float(rows[0]["smoothed"])
    assert found == (pytest.approx(float(lowest["learning_rate"]) / 10, rel=0.06) if fell else None)
    with pytest.raises(TypeError, match=r"imagecls\.find_rate"):
        imagecls.train(few, tmp_path / "t", find_rate=True)


def test_curves_show_the_rate_and_the_best_validation(tmp_path, monkeypatch):
    """What is drawn, read back from the axes: the rate in its own unit, and the first of the best
    validations."""
    reports = [
        {
            "kind": "train",
            "samples": 100 * i,
            "loss": 3 - i / 10,
            "accuracy": i / 20,
            "rate_factor": i / 10,
        }
        for i in range(1, 11)
    ] + [
        {"kind": "valid", "samples": 250 * i, "loss": 2.0, "accuracy": a}
        for i, a in enumerate((0.3, 0.6, 0.6, 0.5), 1)
    ]
    best = curves.best_of(reports[10:], "accuracy")
    assert best is not None
    assert best["samples"] == 500
    kept: list[Any] = []
    plt = pyplot()
    monkeypatch.setattr(plt, "close", kept.append)
    curves.plot(reports, tmp_path / "c.png", "accuracy", rate=0.02)
    (figure,) = kept
    loss, judged, metric, rate = figure.axes
    # losses of other targets and other samples are not to be compared on one axis
    assert [each.get_label() for each in loss.get_lines() if len(each.get_xdata()) > 2] == [
        "training, augmented"
    ]
    (line,) = [each for each in judged.get_lines() if each.get_label() == "validation"]
    assert np.allclose(line.get_ydata(), 2.0)
    (line,) = rate.get_lines()
    assert np.allclose(line.get_ydata(), [0.002 * i for i in range(1, 11)])
    assert rate.get_ylabel() == "learning rate"
    rings = [each for each in metric.get_lines() if each.get_label() == "best accuracy: 60.0%"]
    assert [tuple(np.ravel(each.get_xydata())) for each in rings] == [(500.0, 0.6)]
    assert "learning rate" in [t.get_text() for t in loss.get_legend().get_texts()]
    curves.plot(reports[10:], tmp_path / "v.png", "accuracy")
    curves.plot([reports[0], reports[10]], tmp_path / "short.png", "accuracy", rate=0.02)
    for axis in kept[-1].axes:  # of a run with one report each is seen, though no line goes there
        for each in axis.get_lines():
            assert len(each.get_xdata()) == 2 or each.get_marker() != "None", each.get_label()
    curves.plot([], tmp_path / "nothing.png", "accuracy")
    assert (tmp_path / "nothing.png").exists()
