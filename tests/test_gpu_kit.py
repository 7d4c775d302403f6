"""benchmarks/gpu.py, rehearsed on the CPU with everything as small as it can be."""

import argparse
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gpu
from gocnn.errors import UserError
from gocnn.features.planes import plane_count
from gocnn.policy.network import PolicyNetwork
from gpukit import check, common, go, images, packing, report, speed, timing
from gpukit.check_steps import waits
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        code = gpu.main([str(a) for a in arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    got, out, err = called(capsys, *arguments)
    assert got == code, out + err
    assert "Traceback" not in out + err
    if code == 1:
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
    return err


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


@pytest.fixture(scope="module")
def speeds(tmp_path_factory: pytest.TempPathFactory, sample_store: Path) -> Path:
    out = tmp_path_factory.mktemp("speed")
    assert (
        gpu.main(
            ["speed", "--device", "cpu", "--tiny", "--games", str(sample_store), "--out", str(out)]
        )
        == 0
    )
    return out


@pytest.mark.slow
def test_speeds_are_a_table_and_its_best_rows(speeds: Path) -> None:
    value, best = (json.loads((speeds / name).read_text()) for name in ("speed.json", "best.json"))
    assert len(value["rows"]) >= 3
    for row in value["rows"]:
        assert row["samples_per_second"] == pytest.approx(
            1000 * row["batch"] / row["step_ms"], rel=0.01
        )
        assert timing.Row.read(row).json() == row
    assert {row["planes"] for row in value["rows"]} == {37, 40}
    assert value["feeders"]["1"] > 0
    assert best["tiny"].keys() == {
        "batch",
        "compile",
        "planes_multiple",
        "samples_per_second",
        "compile_seconds",
    }


def test_the_best_row_is_the_smallest_of_those_near_the_fastest(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    speed.add(parser)
    table = speed.Table(
        parser.parse_args(["--device", "cpu"]), torch.device("cpu"), "fp32", tmp_path, tmp_path
    )
    for batch, mode, multiple, channels, rate in (
        (256, "none", 1, None, 900),
        (512, "default", 1, None, 980),
        (1024, "default", 8, None, 1000),
        (1024, "none", 1, 256, 5000),
    ):
        table.rows.append(timing.Row(timing.Setting("base", batch, mode, multiple, channels), rate))
    table.rows.append(timing.Row(timing.Setting("large", 1024), note="out of memory"))
    assert {name: (b["batch"], b["compile"]) for name, b in table.best().items()} == {
        "base": (512, "default")
    }


def test_rows_are_compiled_one_at_a_time_where_they_try_kernels_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers are queued, measured when they are ready, tried again alone after memory ran out;
    what tries kernels out on the card is alone."""
    alive: list[timing.Setting] = []
    together: list[list[str]] = []

    class Fake:
        def __init__(self, setting: timing.Setting, arguments: list[str], log: Path) -> None:
            self.setting = setting
            alive.append(setting)
            together.append([s.mode for s in alive])

        def settled(self) -> bool:
            return True

        def measure(self, timeout: float) -> timing.Row:
            alive.remove(self.setting)
            tight = self.setting.batch == 2048 and bool(alive) and together[-1] != ["default"]
            return (
                timing.Row(self.setting, note="out of memory")
                if tight
                else timing.Row(self.setting, 1000.0, step_ms=1.0, host_ms=0.9)
            )

        def end(self) -> None:
            """Nothing to end."""

    monkeypatch.setattr(speed, "Worker", Fake)
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    parser = argparse.ArgumentParser()
    speed.add(parser)
    table = speed.Table(
        parser.parse_args(["--device", "cpu", "--mode", "default", "--mode", speed.AUTOTUNE]),
        torch.device("cpu"),
        "fp32",
        tmp_path,
        tmp_path,
    )
    wanted = [
        timing.Setting("base", 2048, "default"),
        timing.Setting("base", 1024, "default"),
        timing.Setting("base", 1024, speed.AUTOTUNE),
        timing.Setting("small", 1024, "default"),
    ]
    table.compile_later(wanted)
    for _ in range(10):
        table.gather()
    assert not table.waiting
    assert not table.workers
    assert {r.setting for r in table.rows} == set(wanted)
    assert all(r.samples_per_second for r in table.rows)
    assert all(len(modes) == 1 for modes in together if speed.AUTOTUNE in modes)
    assert max(len(modes) for modes in together) == 2


def test_operations_are_those_of_the_convolutions() -> None:
    shape = go.shape("tiny")
    net = PolicyNetwork(shape)
    sizes, handles = [], []

    def note(layer, inputs, output):
        outputs = output.numel() / len(output)
        sizes.append(2 * outputs * layer.weight[0].numel())

    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            handles.append(module.register_forward_hook(note))
    net.train()(torch.zeros(2, plane_count(shape.plane_groups), 19, 19))
    assert timing.operations(shape) == pytest.approx(3 * sum(sizes), rel=1e-3)


def test_a_worker_prepares_and_measures_when_told(tmp_path: Path, sample_store: Path) -> None:
    from gpukit.workers import serve

    parser = argparse.ArgumentParser()
    speed.add(parser)
    setting = timing.Setting("tiny", 4, "none")
    given = parser.parse_args(
        [
            "--device",
            "cpu",
            "--games",
            str(sample_store),
            "--stretch",
            "0.02",
            "--child",
            json.dumps(vars(setting)),
        ]
    )
    import io
    from contextlib import redirect_stdout
    from unittest.mock import patch

    said = io.StringIO()
    with redirect_stdout(said), patch("sys.stdin", io.StringIO("go\n")):
        assert serve(given, torch.device("cpu"), "fp32") == 0
    ready, row = said.getvalue().splitlines()
    assert ready == "READY"
    measured = timing.Row.read(json.loads(row))
    assert measured.setting == setting
    assert measured.samples_per_second > 0
    assert measured.fed_per_second is not None
    assert measured.fed_per_second > 0
    assert measured.waited is not None
    assert 0 <= measured.waited <= 1


def pictures(folder: Path, count: int = 6, side: int = 200) -> Path:
    rng = np.random.default_rng(0)
    for part in ("training", "validation"):
        for number, name in enumerate(("apple pie", "soup")):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                small = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
                Image.fromarray(small).resize((side, side + 20 * number)).save(
                    folder / part / name / f"{i}.jpg", quality=95
                )
    return folder


def test_packed_photographs_fit_and_are_what_they_were(tmp_path: Path) -> None:
    from imagecls.photos.collection import open_collection
    from imagecls.photos.decode import decode

    place = pictures(tmp_path / "photos")
    (place / "training" / "soup" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    sizes = {}
    for megabytes in (0.2, 0.05):
        packed = packing.pack(str(place), tmp_path / "x.zip", megabytes)
        assert packed.size == (tmp_path / "x.zip").stat().st_size <= megabytes * 1e6
        assert packed.pictures == {"train": 12, "valid": 12}
        assert "broken.jpg" in packed.notes[0]
        sizes[megabytes] = packed.quality
    assert sizes[0.2] == packing.BEST > sizes[0.05]
    assert open_collection(str(tmp_path / "x.zip")).classes == open_collection(str(place)).classes
    packing.pack(str(place), tmp_path / "x.zip", 1.0)
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        name = next(n for n in archive.namelist() if n.startswith("training/apple pie/"))
        got = decode(archive.read(name), 160)
    originals = [
        decode(p.read_bytes(), 160)
        for p in sorted((place / "training" / "apple pie").glob("*.jpg"))
    ]
    assert min(float(np.abs(got.astype(int) - o.astype(int)).mean()) for o in originals) < 4


def test_photographs_that_cannot_be_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = pictures(tmp_path / "photos", 2, 64)
    assert "MB at quality 40" in refused(
        capsys, 1, "images", "--pack", place, "--out", tmp_path / "x.zip", "--size", "0.002"
    )
    assert not (tmp_path / "x.zip").exists()
    assert "is a folder" in refused(capsys, 1, "images", "--pack", place, "--out", tmp_path)
    refused(capsys, 1, "images", "--pack", tmp_path / "nothing", "--out", tmp_path / "x.zip")
    refused(capsys, 2, "images", "--pack", place)
    refused(capsys, 2, "images", "--pack", place, "--out", tmp_path / "x.zip", "--size", "-1")
    refused(capsys, 2, "images", "--pack", place, "--out", tmp_path / "x.zip", "--pixels", "4")


def test_images_measures_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(
        capsys, "images", "--tiny", "--minutes", "0", "--device", "cpu", "--out", tmp_path
    )
    assert code == 0, out + err
    figures = json.loads((tmp_path / "images.json").read_text())
    assert figures["augmentation"].keys() == {"none", "lecture", "strong"}
    assert figures["resnet101"]["ours_training"] > 0
    text, missing = report.report(tmp_path, [])
    assert "this project's resnet101" in text
    assert missing == ["check.json", "speed.json", "a run of train (name it with --run)"]


def test_resnets_that_do_not_agree_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    from imagecls.classifier.models.resnet101 import ResNet101

    class Other(ResNet101):
        def classify(self, maps: torch.Tensor) -> torch.Tensor:
            return super().classify(maps) * 1.01

    monkeypatch.setattr(images, "_torchvision", lambda depths, base: ResNet101(1000, depths, base))
    assert images.against_torchvision(torch.device("cpu"), True)["difference"] < 1e-5
    monkeypatch.setattr(images, "_torchvision", lambda depths, base: Other(1000, depths, base))
    with pytest.raises(UserError, match="do not agree"):
        images.against_torchvision(torch.device("cpu"), True)


def test_report_has_a_row_for_every_figure(
    speeds: Path, tmp_path: Path, tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("speed.json",):
        (tmp_path / name).write_bytes((speeds / name).read_bytes())
    common.write_json(
        tmp_path / "check.json",
        {
            "machine": {"name": "Card X", "torch": "2.11"},
            "seconds": 31.0,
            "results": [
                {"name": "a", "word": "ok", "seconds": 1.0, "note": ""},
                {"name": "b", "word": "FAIL", "seconds": 1.0, "note": "broken"},
            ],
        },
    )
    code, out, err = called(capsys, "report", "--out", tmp_path, "--run", tiny_run)
    assert code == 0, err
    for row in json.loads((speeds / "speed.json").read_text())["rows"]:
        assert f"{row['samples_per_second']:,.0f}" in out
    assert "Card X" in out
    assert "- FAIL: b: broken" in out
    assert "| minutes | samples | top1 | top5 |" in out
    assert "not there: images.json" in err
    assert called(capsys, "report", "--out", tmp_path, "--file", tmp_path / "x.md")[0] == 0
    assert "### Steps a second" in (tmp_path / "x.md").read_text()


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
