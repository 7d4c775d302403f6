"""Figures in which each class counts alike, and the report of the classes."""

import csv
import json

import numpy as np
import pytest

from imagecls.classifier.evaluation import REPORT, Predictions, figures, write_report
from imagecls.commands import img_eval
from tests.img_runs import few, run
from tests.typed import good, refused

__all__ = ["few", "run"]


def judged(seed: int, classes: int, pictures: int, absent: int) -> Predictions:
    """Random answers, of which half are right; the last `absent` classes have no picture, and the
    very last is never answered either."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes - absent, pictures)
    p = rng.random((pictures, classes)).astype(np.float32)
    p[np.arange(pictures), labels] += (rng.random(pictures) < 0.5) * 1.0
    if absent:
        p[:, -1] = 0
    return Predictions(p / p.sum(1, keepdims=True), labels)


@pytest.mark.parametrize(("classes", "pictures", "absent"), [(2, 9, 0), (5, 60, 2), (200, 900, 3)])
def test_each_class_counts_alike(classes, pictures, absent, tmp_path):
    """Against plain loops over the pictures."""
    predictions = judged(classes, classes, pictures, absent)
    names = tuple(f"class {i}, 名" for i in range(classes))
    found = figures(predictions, names)
    pairs = list(zip(predictions.labels.tolist(), predictions.answers.tolist(), strict=True))
    recalls, f1s, expected = [], [], []
    for c in range(classes):
        tp = sum(a == b == c for a, b in pairs)
        fn = sum(a == c != b for a, b in pairs)
        fp = sum(b == c != a for a, b in pairs)
        if tp + fn:
            recalls.append(tp / (tp + fn))
        if tp + fn + fp:
            precision, recall = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
            f1s.append(2 * precision * recall / (precision + recall) if tp else 0.0)
        expected.append((tp + fn, tp + fp, tp))
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    assert found["macro_f1"] == pytest.approx(np.mean(f1s))
    write_report(tmp_path / "r.csv", found)
    facts = {"models": ["m"], "data": "d", "part": "valid", "views": 1, "size": None}
    table = img_eval._table(facts | found).splitlines()
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == REPORT
    assert [row["class"] for row in rows] == list(names)
    assert [(int(r["pictures"]), int(r["answered"]), int(r["right"])) for r in rows] == expected
    for c, row in enumerate(rows):
        true, answered, right = expected[c]
        assert row["recall"] == (f"{right / true:.6f}" if true else "")
        assert row["precision"] == (f"{right / answered:.6f}" if answered else "")
        if true:
            assert float(row["recall_low"]) <= float(row["recall"]) <= float(row["recall_high"])
        wrong = [b for a, b in pairs if a == c != b]
        times = max((wrong.count(b) for b in wrong), default=0)
        assert int(row["times"]) == times
        first = min((b for b in wrong if wrong.count(b) == times), default=None)
        assert row["taken_for"] == ("" if first is None else names[first])
        shown = f"  {row['taken_for']} {times}" if times else "  "
        assert shown in next(line for line in table if line.startswith(f"{names[c]} "))


def test_the_report_by_the_command(run, few, tmp_path):
    text = good("img-eval", few, "--model", run, "--report", tmp_path / "r.csv")
    found = json.loads(good("img-eval", few, "--model", run, "--json"))
    assert (
        f"balanced accuracy {found['balanced_accuracy']:.2%}, macro F1 {found['macro_f1']:.2%}"
        in text
    )
    lines = (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 7
    assert lines[0].startswith("class,pictures,answered,right,")
    assert "must end in .csv" in refused(2, "img-eval", few, "--model", run, "--report", "r.txt")
    assert "no folder" in refused(
        1, "img-eval", few, "--model", run, "--report", tmp_path / "no" / "r.csv"
    )
