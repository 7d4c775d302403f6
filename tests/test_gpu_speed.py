"""The kit's speeds, rehearsed on the CPU: rows that agree among themselves, operations counted
layer by layer, the best row, and a report that has them all."""

import argparse
import json
import os
from pathlib import Path

import pytest
import torch

import gpu
from gocnn.features.planes import plane_count
from gocnn.policy.network import PolicyNetwork
from gpukit import common, go, speed, timing
from tests.kit import called, threads

__all__ = ["threads"]


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
