"""Runs seen from outside: what is found in a folder, and what is read of it while it is written."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from gocnn.locks import is_held
from gocnn.training import described, finding, watching
from gocnn.training.names import DESCRIPTION, LOCK, METRICS, PREDICTIONS
from gocnn.training.watching import Watcher
from tests.conftest import ROOT
from tests.watched import line, make

OLD = ROOT / "tests" / "cases" / "old"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look looks."""
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(watching, "FIND_SECONDS", 0.0)


def look(watcher: Watcher) -> dict[str, watching.Run]:
    """The runs by name."""
    watcher.look()
    return {run.state.name: run for run in watcher.runs.values()}


def test_runs_are_found_at_any_depth_and_links_are_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    for name in ("a", "b/c", "b/c/head", "b/d/e f", "圍棋"):
        make(root / name)
    outside = make(tmp_path / "outside")
    (root / "leads-out").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "nothing" / "within").mkdir(parents=True)
    (root / "lost").mkdir()
    (root / "lost" / METRICS).write_text(line("train", 1))
    deep = root
    for k in range(finding.DEPTH + 2):
        deep = deep / f"d{k}"
    make(deep)
    found = finding.find_runs(root)
    assert sorted(found.runs) == ["a", "b/c", "b/c/head", "b/d/e f", "圍棋"]
    assert found.runs["b/d/e f"] == root / "b" / "d" / "e f"
    assert found.full
    assert found.skipped.keys() == {"leads-out", "loop", "lost", "nothing", "d0"}
    assert "link" in found.skipped["leads-out"]
    assert DESCRIPTION in found.skipped["lost"]


def test_no_folder_is_no_run(tmp_path: Path) -> None:
    assert finding.find_runs(tmp_path / "none").runs == {}
    assert finding.find_runs(tmp_path / "none").skipped == {}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b'{"wishes": {}}',
        b'{"kind": 3}',
        b"\xff\xfe",
        b"[" * 100_000,
        b" " * (2 << 20),
    ],
)
def test_damaged_descriptions_are_named(tmp_path: Path, text: bytes) -> None:
    folder = make(tmp_path / "bad")
    (folder / DESCRIPTION).write_bytes(text)
    make(tmp_path / "good")
    watcher = Watcher(tmp_path)
    assert list(look(watcher)) == ["good"]
    assert watcher.skipped["bad"]
    # mended, it is there
    (folder / DESCRIPTION).write_text('{"kind": "toy"}')
    assert sorted(look(watcher)) == ["bad", "good"]
    assert watcher.skipped == {}


def test_files_that_lead_out_are_not_read(tmp_path: Path) -> None:
    folder = make(tmp_path / "runs" / "a")
    secret = tmp_path / "secret"
    secret.write_text(line("valid", 7, loss=1.0))
    (folder / METRICS).symlink_to(secret)
    other = make(tmp_path / "runs" / "b")
    (tmp_path / "secret.json").write_text('{"kind": "secret"}')
    (other / DESCRIPTION).unlink()
    (other / DESCRIPTION).symlink_to(tmp_path / "secret.json")
    os.mkfifo(make(tmp_path / "runs" / "c") / METRICS)
    watcher = Watcher(tmp_path / "runs")
    runs = look(watcher)
    assert sorted(runs) == ["a", "c"]
    assert runs["a"].reports == runs["c"].reports == []
    assert "b" in watcher.skipped


def test_only_what_was_appended_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    plain = described.read_bytes

    def counting(path: Path, begin: int, most: int) -> Any:
        found = plain(path, begin, most)
        if path.name == METRICS:
            read.append(len(found[0]))
        return found

    monkeypatch.setattr(described, "read_bytes", counting)
    folder = make(tmp_path / "a", line("train", 1, loss=3.0) * 1000)
    watcher = Watcher(tmp_path)
    run = look(watcher)["a"]
    assert len(run.reports) == run.state.reports == 1000
    version = run.version
    read.clear()
    look(watcher)
    assert (read, run.version) == ([], version)
    new = line("valid", 2, loss=2.5, accuracy=0.25)
    with (folder / METRICS).open("a") as stream:
        stream.write(new[:30])
        stream.flush()
        look(watcher)
        assert len(run.reports) == 1000
        stream.write(new[30:] + "nonsense\n" + line("train", 3, loss=float("nan"), accuracy=0.5))
    look(watcher)
    assert sum(read) == (folder / METRICS).stat().st_size - 1000 * len(line("train", 1, loss=3.0))
    assert [each.step for each in run.reports[1000:]] == [2, 3]
    assert run.reports[-1].figures == {"accuracy": 0.5}
    assert (run.state.unread, run.state.step, run.state.samples) == (1, 3, 24)
    assert run.state.best is not None
    assert run.state.best.step == 2


def test_reports_that_are_taken_back_no_longer_count(tmp_path: Path) -> None:
    text = [line("valid", step, loss=1.0, accuracy=step / 10) for step in range(1, 6)]
    folder = make(tmp_path / "a", "".join(text), metric="accuracy")
    watcher = Watcher(tmp_path)
    run = look(watcher)["a"]
    assert run.state.best is not None
    assert run.state.best.step == 5
    new = folder / "new"
    new.write_text("".join(text[:2]) + line("train", 3, loss=0.5) * 9)
    new.replace(folder / METRICS)
    look(watcher)
    assert (run.state.rewritten, run.state.reports, run.state.best.step) == (1, 11, 2)


@pytest.mark.parametrize(
    ("wishes", "more", "progress"),
    [
        ({"steps": 40}, {}, 0.25),
        ({"minutes": 1 / 6}, {}, 0.5),
        ({"epochs": 2.5}, {"total_steps": 20}, 0.5),
        ({"epochs": 2.5}, {}, None),
        ({"steps": "many"}, {}, None),
    ],
)
def test_what_is_left(
    tmp_path: Path, wishes: dict[str, Any], more: dict[str, Any], progress: float | None
) -> None:
    folder = make(tmp_path / "a", line("train", 10, loss=3.0), wishes={"train": wishes}, **more)
    watcher = Watcher(tmp_path)
    state = look(watcher)["a"].state
    assert (state.progress, state.left, state.running) == (progress, None, False)
    holding = (
        "import sys, filelock, pathlib; lock = filelock.FileLock(sys.argv[1]); lock.acquire();"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holding, str(folder / LOCK)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        state = look(watcher)["a"].state
        assert state.running
        # five seconds were needed for the share that is done
        assert state.left == (None if progress is None else pytest.approx(5 / progress - 5))
        assert process.stdin is not None
        process.stdin.close()
    assert not look(watcher)["a"].state.running


def test_looking_keeps_nobody_from_training(tmp_path: Path) -> None:
    """A lock that is looked at hundreds of times a second can be taken by who trains."""
    from gocnn.training import RunFolder

    over = threading.Event()

    def looking() -> None:
        while not over.wait(0.002):
            is_held(tmp_path / "a" / LOCK)

    threads = [threading.Thread(target=looking) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(30):
            RunFolder(tmp_path / "a", False, {}).close()
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_runs_of_other_versions_are_shown(tmp_path: Path) -> None:
    for name in ("go-run", "img-run"):
        shutil.copytree(OLD / name, tmp_path / name)
    strange = json.loads((OLD / "go-run" / DESCRIPTION).read_text())
    strange |= {"version": 99, "program": "9.0", "wishes": {"else": {"train": [1]}}}
    make(tmp_path / "later", line("train", 1, loss=2.0)).joinpath(DESCRIPTION).write_text(
        json.dumps(strange)
    )
    runs = look(Watcher(tmp_path))
    assert sorted(runs) == ["go-run", "img-run", "later"]
    states = {name: run.state for name, run in runs.items()}
    assert (states["go-run"].metric, states["img-run"].metric) == ("top1", "accuracy")
    assert (states["go-run"].progress, states["go-run"].learning_rate) == (1.0, 0.01)
    assert states["later"].program == "9.0"
    assert states["later"].train is not None
    lines = [json.loads(each) for each in (OLD / "img-run" / METRICS).read_text().splitlines()]
    valid = [each for each in lines if each["kind"] == "valid"]
    best = states["img-run"].best
    assert best is not None
    assert best.figures["accuracy"] == max(each["accuracy"] for each in valid)


def test_differences() -> None:
    a = described.flat({"train": {"batch": 8, "steps": 2, "empty": {}}, "data": ["x"]})
    b = described.flat(
        {"train": {"batch": 16, "steps": 2, "empty": {}}, "data": ["x"], "new": None}
    )
    assert a == {"train.batch": 8, "train.steps": 2, "train.empty": {}, "data": ["x"]}
    assert described.differences({"a": a, "b": b}) == {
        "train.batch": {"a": 8, "b": 16},
        "new": {"b": None},
    }
    assert described.differences({"a": a}) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"step": 1, "predictions": {}}',
        '{"step": "x", "predictions": []}',
        '{"step": -1, "predictions": []}',
    ],
)
def test_predictions_that_are_none(tmp_path: Path, text: str) -> None:
    folder = make(tmp_path / "a")
    (folder / PREDICTIONS).write_text(text)
    assert described.predictions(folder) is None
    assert look(Watcher(tmp_path))["a"].state.predicted == -1
