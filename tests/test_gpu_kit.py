"""The checks of benchmarks/gpu.py, rehearsed on the CPU with everything as small as it can be: what
fails, hangs or is lost is written down, and bad input is one sentence."""

import argparse
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch

from gpukit import check, common
from gpukit.check_steps import waits
from tests.conftest import ROOT
from tests.kit import called, refused, threads

__all__ = ["threads"]


def options(tmp_path: Path, **values: object) -> argparse.Namespace:
    return argparse.Namespace(**{"device": "cpu", "out": tmp_path, "tiny": True, **values})


def bench(tmp_path: Path, store: Path) -> check.Bench:
    return check.Bench(torch.device("cpu"), store, tmp_path, True)


FAST = (
    "imports",
    "every block",
    "the device",
    "products",
    "not there",
    "Muon",
    "watch",
    "feeder brings",
    "no step waits",
    "accumulated",
    "same view",
)


@pytest.mark.slow
def test_checks_run_on_without_small_packages(tmp_path: Path, sample_store: Path) -> None:
    """In a process that cannot import them: the kit still checks, and leaves its figures."""
    code = f"""
        import runpy, sys
        sys.modules |= dict.fromkeys(("sgfmill", "msgspec", "platformdirs", "tqdm", "matplotlib", "onnx"))  # as if they were not there
        sys.argv = ["gpu.py", "check", "--device", "cpu", "--tiny", "--games", {str(sample_store)!r}, "--out", {str(tmp_path)!r}, "--only", "the model file"]
        runpy.run_path({str(ROOT / "benchmarks")!r} + "/gpu.py", run_name="__main__")
    """
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    written = json.loads((tmp_path / "check.json").read_text())
    assert [r["word"] for r in written["results"]] == ["ok"]
    assert written["machine"]["torch"] == torch.__version__


def test_quick_checks_pass_and_are_written_down(tmp_path: Path, sample_store: Path) -> None:
    todo = [(name, each) for name, each in check.every() if any(words in name for words in FAST)]
    assert len(todo) >= len(FAST)
    for name, each in todo:
        result, lost = check.one(
            name, each, bench(tmp_path, sample_store), tmp_path / "failures.txt"
        )
        assert (result.word, lost) == ("ok", False), result.line()
    assert not (tmp_path / "failures.txt").exists()


def test_processes_agree_in_a_group_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    from gpukit import check_processes

    assert check_processes.CHILDREN["processes"](torch.device("cpu"), Path()) == 0
    assert "Gloo, 1 process: gradients differ by" in capsys.readouterr().out
    assert {Path(name).name for name in check_processes.marked()} >= {
        "test_cuda.py",
        "test_trainer.py",
    }


def test_failures_are_collected_and_the_others_run_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(bench: check.Bench) -> str:
        raise ValueError("this is broken")

    def absent(bench: check.Bench) -> str:
        raise check.LeftOut("needs a moon")

    monkeypatch.setattr(
        check,
        "every",
        lambda: [
            ("first", broken),
            ("second", lambda bench: "fine"),
            ("third", absent),
            ("fourth", broken),
        ],
    )
    code, out, _ = called(capsys, "check", "--device", "cpu", "--tiny", "--out", tmp_path)
    assert code == 1
    assert "1 ok, 2 failed, 1 left out" in out
    assert "left out, needs a moon: third" in out
    text = (tmp_path / "failures.txt").read_text()
    assert text.count("=== ") == 2
    assert text.count("ValueError: this is broken") == 2
    assert "test_gpu_kit.py" in text  # where it happened
    assert [r["word"] for r in json.loads((tmp_path / "check.json").read_text())["results"]] == [
        "FAIL",
        "ok",
        "left out",
        "FAIL",
    ]
    monkeypatch.setattr(check, "every", lambda: [("second", lambda bench: "fine")])
    assert called(capsys, "check", "--device", "cpu", "--tiny", "--out", tmp_path)[0] == 0
    assert not (tmp_path / "failures.txt").exists()


def test_a_check_that_hangs_ends_with_all_that_it_started(tmp_path: Path) -> None:
    program = f"""
        import sys, time
        sys.path[:0] = [{str(ROOT / "benchmarks")!r}, {str(ROOT)!r}]
        import torch
        from pathlib import Path
        from gpukit import check
        place = Path({str(tmp_path)!r})
        bench = check.Bench(torch.device("cpu"), place, place, True)
        bench.running = "sleeps"
        bench.jobs["sleeps"] = check.Job([sys.executable, "-c", "import time; time.sleep(120)"], place, "sleeps", 60)
        print(bench.jobs["sleeps"]._process.pid, flush=True)
        with check.watchdog(place / "failures.txt", 0.2, bench):
            time.sleep(120)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith(
        "Error: not done after 0 s, in the middle of 'sleeps'; where it stood is in"
    )
    assert ended.stderr.count("\n") == 1
    assert "most recent call first" in (tmp_path / "failures.txt").read_text()
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.stdout), 0)


def test_a_lost_context_is_told_from_other_errors(tmp_path: Path, sample_store: Path) -> None:
    def gone(bench: check.Bench) -> str:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    result, lost = check.one("x", gone, bench(tmp_path, sample_store), tmp_path / "failures.txt")
    assert (result.word, lost) == ("FAIL", True)


def test_what_waits_is_seen_by_its_place() -> None:
    x = torch.arange(4.0)
    with waits(torch.device("cpu")) as seen:
        x[x > 1] = 0.0
        float(x.sum())
    assert sum(seen.values()) == 2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("check", "speed", "images"):
        assert "no CUDA device" in refused(capsys, 1, command, "--out", tmp_path / "o")
        assert "is not a device" in refused(
            capsys, 1, command, "--device", "banana", "--out", tmp_path / "o"
        )
    assert not (tmp_path / "o").exists()
    (tmp_path / "file").write_text("x")
    assert "--out" in refused(capsys, 1, "check", "--device", "cpu", "--out", tmp_path / "file")
    assert "no check has that" in refused(
        capsys, 1, "check", "--device", "cpu", "--out", tmp_path / "o", "--only", "zebra"
    )
    assert "is not there" in refused(
        capsys,
        1,
        "speed",
        "--device",
        "cpu",
        "--tiny",
        "--out",
        tmp_path / "o",
        "--games",
        tmp_path / "none",
    )
    assert "is no folder" in refused(capsys, 1, "report", "--out", tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "no figures" in called(capsys, "report", "--out", tmp_path / "empty")[2]
    (tmp_path / "empty" / "speed.json").write_text("{")
    assert "speed.json is damaged" in refused(capsys, 1, "report", "--out", tmp_path / "empty")
    (tmp_path / "empty" / "speed.json").write_text('{"rows": 3}')
    assert "speed.json is not what" in refused(capsys, 1, "report", "--out", tmp_path / "empty")
    for wrong in (
        (),
        ("sing",),
        ("check", "--seconds", "0"),
        ("speed", "--minutes", "nan"),
        ("speed", "--preset", "huge"),
        ("check", "more"),
    ):
        refused(capsys, 2, *wrong)


def test_memory_and_disks_that_are_full_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    for error, words in (
        (torch.OutOfMemoryError("CUDA out of memory"), "--batch"),
        (OSError(28, "No space left", "x"), "disk is full"),
        (KeyboardInterrupt(), "interrupted"),
    ):
        with common.sentences() as said:
            raise error
        assert said.code in (1, 130)
        assert words in capsys.readouterr().err
