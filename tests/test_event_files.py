"""--tensorboard: what metrics.jsonl has is in event files too, as TensorBoard itself reads them."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from gocnn.errors import UserError
from tests import toy
from tests.typed import refused


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """By tag and step, what TensorBoard shows of a folder."""
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulators.EventAccumulator(str(folder))
    found.Reload()
    return {
        tag: {event.step: event.value for event in found.Scalars(tag)}
        for tag in found.Tags()["scalars"]
    }


def expected(folder: Path) -> dict[str, dict[int, float]]:
    """The same of metrics.jsonl."""
    found: dict[str, dict[int, float]] = {}
    for text in (folder / "metrics.jsonl").read_text().splitlines():
        line: dict[str, Any] = json.loads(text)
        for name, value in line.items():
            if name not in ("kind", "step", "samples", "seconds"):
                found.setdefault(f"{line['kind']}/{name}", {})[line["step"]] = value
    return found


def test_event_files_say_what_the_reports_say(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    toy.train(run, steps=12, tensorboard=True, report_seconds=0.0)
    said, reported = scalars(run), expected(run)
    assert {"train/loss", "valid/accuracy"} <= said.keys() == reported.keys()
    for tag, values in reported.items():
        assert said[tag] == pytest.approx(values, rel=1e-6), tag


def test_a_resumed_run_goes_on_in_them(tmp_path: Path) -> None:
    """What came after the checkpoint no longer counts, as in metrics.jsonl."""
    pytest.importorskip("tensorboard")
    run = tmp_path / "run"
    toy.train(run, steps=8, tensorboard=True, validations=2)
    toy.train(run, resume=True, steps=16, tensorboard=True, validations=4)
    said, reported = scalars(run), expected(run)
    for tag, values in reported.items():
        assert said[tag] == pytest.approx(values, rel=1e-6), tag


def test_without_the_option_there_are_none(tmp_path: Path) -> None:
    toy.train(tmp_path / "run", steps=2)
    assert not list((tmp_path / "run").glob("*tfevents*"))


@pytest.mark.parametrize("command", ["img-train", "go-train"])
def test_it_is_said_before_anything_is_read(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is named here is not there; the same holds of a run that is."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "run.json").write_text("{}")
    call = (command, tmp_path / "gone", "--out")
    assert "already holds a run" in refused(1, *call, tmp_path / "old")
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert "pip install tensorboard" in refused(1, *call, tmp_path / "new", "--tensorboard")
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserError, match=r"--tensorboard.*pip install tensorboard") as refused:
        toy.train(tmp_path / "run", steps=2, tensorboard=True)
    assert "extra tensorboard" in str(refused.value)
    assert not (tmp_path / "run" / "run.json").exists()
