"""A run in parts, for the kit's way home: whole after a full disk and after a kill at any moment,
and what a run loses where there is less room, against torch's own tensors."""

import errno
import itertools
import os
from collections.abc import Callable, Container, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.files import write_bytes
from gpukit import courier, luggage, travel
from tests.conftest import ROOT
from tests.trips import a_command_begins_with_its_test, games, says
from tests.typed import good

__all__ = ["a_command_begins_with_its_test", "games", "says"]


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def failing(
    function: Callable[..., Any],
    at: Container[int],
    fail: Callable[..., Any],
    calls: Iterator[int] | None = None,
) -> Callable[..., Any]:
    """`function`, but the calls numbered in `at` (from 0) are `fail`."""
    numbers = itertools.count() if calls is None else calls
    return lambda *arguments, **options: (
        fail() if next(numbers) in at else function(*arguments, **options)
    )


def test_a_full_disk_leaves_the_parts_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"a": bytes(range(100)), "b": b"", "c": bytes(50)}
    written = travel.send(tmp_path, "run", files, {"step": 1}, 40)
    assert [p.stat().st_size for p in written[:-1]] == [40, 40, 40, 30]
    for at in range(4):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing(os.fsync, {2 * at}, full))
            with pytest.raises(UserError, match="No space left.*unharmed.*make room"):
                travel.send(tmp_path, "run", {"a": bytes(200)}, {"step": 2}, 60)
        assert sorted(tmp_path.iterdir()) == sorted(written)
    assert travel.receive(tmp_path, "run").files == files
    travel.send(tmp_path, "run", {"a": bytes(200)}, {"step": 2}, 60, staging=tmp_path / "staging")
    assert len(list(tmp_path.glob("*.part"))) == 4
    assert travel.receive(tmp_path, "run").facts == {"step": 2}
    assert not list((tmp_path / "staging").iterdir())


def test_whoever_is_killed_while_sending_leaves_one_set_of_parts_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = {"a": bytes(range(100))}, {"a": bytes(range(50, 250))}

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    for at in range(12):
        folder = tmp_path / str(at)
        travel.send(folder, "run", old, {}, 40)
        calls = itertools.count()
        with monkeypatch.context() as patch:
            for name in ("replace", "unlink"):
                patch.setattr(os, name, failing(getattr(os, name), range(at, 1000), killed, calls))
            with pytest.raises(Killed):
                travel.send(folder, "run", new, {}, 40)
                raise Killed
        assert travel.receive(folder, "run").files in (old, new)


def test_halves_keep_what_small_numbers_say(tiny_run: Path) -> None:
    whole = torch.load(tiny_run / "checkpoint.pt", weights_only=True)
    whole["optimisers"][0]["state"][0]["momentum"].mul_(1e-9)  # far below the least float16
    again = luggage.restore(luggage.halve(whole))

    def same(a: Any, b: Any, name: str = "") -> None:
        if isinstance(a, torch.Tensor):
            assert a.dtype == b.dtype
            close = 1e-3 if a.numel() >= luggage.SMALL and name != "exp_avg_sq" else 0.0
            torch.testing.assert_close(
                b,
                a,
                rtol=close,
                atol=(
                    float(a.abs().max()) * close / 100 if a.numel() and a.is_floating_point() else 0
                ),
            )
        elif isinstance(a, dict):
            assert a.keys() == b.keys()
            for key in a:
                same(a[key], b[key], str(key))
        elif isinstance(a, list | tuple):
            for x, y in zip(a, b, strict=True):
                same(x, y, name)
        else:
            assert a == b

    same(whole, again)


def test_what_stays_behind_as_room_gets_less(
    tiny_run: Path, tmp_path: Path, says: Callable[..., str]
) -> None:
    sizes = {
        name: (tiny_run / name).stat().st_size
        for name in luggage.NAMES
        if (tiny_run / name).exists()
    }
    everything = sum(sizes.values())
    best = sizes["best.safetensors"]
    assert luggage.pack(tiny_run, everything)[1] == {"halves": False, "left_out": []}
    assert luggage.pack(tiny_run, everything - 1)[1] == {
        "halves": False,
        "left_out": ["last.safetensors"],
    }
    files, facts = luggage.pack(tiny_run, everything - best - 1)
    assert facts == {"halves": True, "left_out": ["last.safetensors"]}
    size = sum(map(len, files.values()))
    assert luggage.pack(tiny_run, size - 1)[1]["left_out"] == [
        "best.safetensors",
        "last.safetensors",
    ]
    files, facts = luggage.pack(tiny_run, size - 1, finished=True)
    assert facts["left_out"] == ["last.safetensors", "checkpoint.pt"] or sorted(
        facts["left_out"]
    ) == ["checkpoint.pt", "last.safetensors"]
    assert "even in halves" in says(
        1, "parts", tiny_run, "--out", tmp_path / "none", "--room", 0.001
    )
    assert "holds no run" in says(1, "parts", tmp_path, "--out", tmp_path / "none")

    assert "in halves" in says(0, "parts", tiny_run, "--out", tmp_path / "parts", "--halves")
    assert "from halves" in says(0, "join", tmp_path / "parts", "--out", tmp_path / "run")
    half, whole = (modelfile.load(run, "go-policy") for run in (tmp_path / "run", tiny_run))
    assert half.provenance == whole.provenance
    assert half.path.stat().st_size < 0.6 * whole.path.stat().st_size
    assert "top-1" in good(
        "go-eval", ROOT / "data" / "games", "--model", tmp_path / "run", "--positions", 200
    )
    assert "already holds a run" in says(1, "join", tmp_path / "parts", "--out", tmp_path / "run")


def test_parts_are_there_while_it_runs(
    tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    sender = courier.Courier(run, tmp_path / "parts", 15 * travel.MB, 64 * travel.MB)
    monkeypatch.setattr(courier.Courier, "PERIOD", 0.01)
    with sender:
        for name in ("run.json", "metrics.jsonl", "best.safetensors", "checkpoint.pt"):
            (run / name).write_bytes((tiny_run / name).read_bytes())
        for _ in range(1000):
            if (tmp_path / "parts" / travel.MANIFEST).exists():
                break
            sender._ended.wait(0.01)
    assert (
        travel.receive(tmp_path / "parts", luggage.KIND).files["checkpoint.pt"]
        == (run / "checkpoint.pt").read_bytes()
    )


def test_ctrl_c_while_a_run_is_put_together_leaves_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the same command would refuse the folder afterwards: it would hold a run."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    files = {"run.json": b"{}", "metrics.jsonl": b"", "best.safetensors": b"weights"}
    travel.send(tmp_path / "parts", luggage.KIND, files, {"halves": False, "left_out": []})
    with monkeypatch.context() as patch:
        patch.setattr(luggage, "write_bytes", failing(write_bytes, {2}, interrupt))
        with pytest.raises(KeyboardInterrupt):
            luggage.unpack(tmp_path / "parts", tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())
    luggage.unpack(tmp_path / "parts", tmp_path / "run")
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == files
