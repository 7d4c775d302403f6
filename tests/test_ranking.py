"""Which validation is the best is one rule for the model that is kept, the curves, and whoever
watches a run."""

from pathlib import Path

import pytest

from gocnn import modelfile
from gocnn.training import ranking
from gocnn.training.curves import best_of
from gocnn.training.names import METRICS
from gocnn.training.watching import Run, report_of
from tests import toy


@pytest.mark.parametrize(
    ("one", "other", "better"),
    [
        ({"top1": 0.5, "loss": 9.0}, {"top1": 0.4, "loss": 1.0}, True),
        ({"top1": 0.4, "loss": 1.0}, {"top1": 0.5, "loss": 9.0}, False),
        ({"top1": 0.5, "loss": 1.0}, {"top1": 0.5, "loss": 1.1}, True),
        ({"top1": 0.5, "loss": 1.1}, {"top1": 0.5, "loss": 1.1}, False),
        ({"loss": 1.0}, {"top1": 0.5, "loss": 1.1}, True),
        ({"top1": 0.5}, {"loss": 1.1}, False),
        ({"loss": 5.0}, None, True),
    ],
)
def test_the_metric_decides_and_the_loss_where_it_is_equal(one, other, better: bool) -> None:
    assert ranking.better(one, other, "top1") is better


class OfTwo(toy.ToyTask):
    """Of a validation with two pictures, of which one is always right, only the loss changes."""

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        return {**super().summary(sums), "accuracy": 0.5}


def test_of_equally_accurate_models_that_of_the_lowest_loss_is_kept(tmp_path: Path) -> None:
    outcome = toy.train(tmp_path / "run", task=OfTwo(), steps=24, validations=6)
    seen = Run(tmp_path / "run", "run")
    seen.look()
    lines = (tmp_path / "run" / METRICS).read_bytes().splitlines()
    reports = [r for r in map(report_of, lines) if r is not None and r.kind == "valid"]
    lowest = min(reports, key=lambda report: report.figures["loss"])
    assert lowest.step > reports[0].step  # the toy learns
    assert seen.state.best == lowest
    assert outcome.best["step"] == lowest.step
    assert (
        modelfile.load(tmp_path / "run" / modelfile.BEST, "toy").provenance["steps"] == lowest.step
    )
    flat = [{"samples": r.samples, **r.figures} for r in reports]
    assert best_of(flat, "accuracy") == flat[reports.index(lowest)]
