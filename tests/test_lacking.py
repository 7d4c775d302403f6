"""Machines that lack some of the packages: training and measuring go on, and what cannot be done
says which package it needs."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gocnn import libraries
from gocnn.training import curves
from tests import photographs
from tests.conftest import ROOT

TO_SPARE = (
    "sgfmill",
    "msgspec",
    "platformdirs",
    "matplotlib",
    "tqdm",
    "onnx",
    "onnxruntime",
    "pillow_heif",
)
"""What neither training nor measuring needs."""


def run(*commands: list[str], lacking: tuple[str, ...] = TO_SPARE) -> list[tuple[int, str, str]]:
    """Exit code, standard output and standard error of commands, one after the other, in a process
    that lacks those packages."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.lacking", ",".join(lacking)],
        input=json.dumps(commands),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [tuple(answer) for answer in json.loads(result.stdout)]


@pytest.mark.slow
def test_both_heads_train_and_are_measured(sample_store: Path, tmp_path: Path) -> None:
    """From a store and from photographs to figures and answers; the curves alone are missing, and
    said to be."""
    photographs.make_homework(tmp_path / "food", classes=3)
    go, images, shared = (
        str(tmp_path / "go"),
        str(tmp_path / "images"),
        ["--precision", "fp32", "--validations", "1", "--steps", "2"],
    )
    answers = run(
        [
            "go-train",
            str(sample_store),
            "--out",
            go,
            "--blocks",
            "1",
            "--channels",
            "8",
            "--batch",
            "16",
            "--valid-positions",
            "100",
            *shared,
        ],
        ["go-train", "--resume", "--out", go, "--steps", "3"],
        ["go-eval", str(sample_store), "--model", go, "--positions", "20", "--json"],
        [
            "img-train",
            str(tmp_path / "food"),
            "--out",
            images,
            "--size",
            "16",
            "--widths",
            "8,8",
            "--linear-head",
            "--batch",
            "4",
            *shared,
        ],
        ["img-eval", str(tmp_path / "food"), "--model", images, "--json"],
        ["img-predict", str(tmp_path / "food"), "--model", images, "--json"],
        ["describe", go, "--json"],
    )
    for code, _, err in answers:
        assert code == 0, err
        assert "Traceback" not in err
    assert json.loads(answers[2][1])["all"]["positions"] == 20
    assert 0 <= json.loads(answers[4][1])["accuracy"] <= 1
    for folder, err in ((go, answers[0][2]), (images, answers[3][2])):
        assert (Path(folder) / "best.safetensors").exists()
        assert not (Path(folder) / "curves.png").exists()
        assert (
            "curves.png was not drawn: this needs the package matplotlib, which is not installed"
            " here; install it with: pip install matplotlib" in err
        )


def test_what_needs_a_package_says_so(
    sample_files: list[Path], sample_store: Path, tmp_path: Path
) -> None:
    record = str(sample_files[0])
    answers = run(
        ["go-suggest"],
        ["go-eval", str(sample_store), "--positions", "20"],
        ["go-analysis"],
        ["go-review", record],
        ["go-export", "gocnn/policy/weights/small.safetensors", "--onnx", str(tmp_path / "x.onnx")],
    )
    for (code, out, err), package in zip(
        answers, ("onnxruntime", "onnxruntime", "msgspec", "onnxruntime", "onnx"), strict=True
    ):
        assert code == 1, out + err
        assert err.startswith("Error: ")
        assert len(err.splitlines()) == 1
        assert f"pip install {package}" in err
    assert list(tmp_path.iterdir()) == []


def test_the_cache_lies_where_platformdirs_would_put_it(tmp_path: Path) -> None:
    program = "from gocnn.files import cache_folder; print(cache_folder())"
    without = "import sys; sys.modules['platformdirs'] = None; "
    for home in (
        {"XDG_CACHE_HOME": str(tmp_path)},
        {"XDG_CACHE_HOME": "", "HOME": str(tmp_path)},
        {"HOME": str(tmp_path)},
    ):
        environment = {
            k: v for k, v in os.environ.items() if k not in ("GOCNN_CACHE", "XDG_CACHE_HOME")
        } | home
        told = [
            subprocess.run(
                [sys.executable, "-c", text],
                cwd=ROOT,
                text=True,
                capture_output=True,
                env=environment,
                check=True,
            ).stdout
            for text in (program, without + program)
        ]
        assert told[0] == told[1] != ""


REPORTS = [
    {"kind": "train", "loss": 2.0, "accuracy": 0.1, "samples": 10},
    {"kind": "valid", "loss": 2.0, "top1": 0.1, "samples": 10},
]


def broken(error: Exception) -> Any:
    def pyplot() -> Any:
        raise error

    return pyplot


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib"),
            "pip install matplotlib",
        ),
        (
            ImportError("DLL load failed while importing ft2font", name="matplotlib.ft2font"),
            "matplotlib is installed, but cannot be used (DLL load",
        ),
        (
            ImportError("numpy.core.multiarray failed to import"),
            "numpy.core.multiarray failed to import",
        ),
        (
            RuntimeError("In FT2Font: Could not set the fontsize\nsecond line"),
            "RuntimeError: In FT2Font: Could not set the fontsize",
        ),
        (
            PermissionError(13, "Permission denied", "/home/x/.config/matplotlib"),
            "Permission denied",
        ),
        (MemoryError(), "MemoryError"),
    ],
)
def test_curves_that_cannot_be_drawn_are_a_line(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(curves, "pyplot", broken(error))
    curves.plot(REPORTS, tmp_path / "curves.png", "top1")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("note: curves.png was not drawn: ")
    assert len(told.err.splitlines()) == 1
    assert said in told.err
    assert list(tmp_path.iterdir()) == []


def test_curves_without_a_place_are_a_line(tmp_path: Path, capsys: Any) -> None:
    """The folder is gone, or where the picture should be a folder is."""
    curves.plot(REPORTS, tmp_path / "none" / "curves.png", "top1")
    (tmp_path / "curves.png").mkdir()
    curves.plot(REPORTS, tmp_path / "curves.png", "top1")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("note: curves.png was not drawn: cannot write ") for line in lines)


BROKEN = {
    "names nobody": (
        "raise ImportError('libcudart.so.12: cannot open shared object file')",
        "(libcudart.so.12: cannot open shared object file)",
    ),
    "lacks what it needs": ("import nobody_has_this", "(No module named 'nobody_has_this')"),
    "opens a library": ("import ctypes; ctypes.CDLL('libnone.so.9')", "libnone.so.9"),
    "within": ("from websockets import part", "(a part of it)"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_package_is_named(kind: str, tmp_path: Path, monkeypatch: Any) -> None:
    """However it fails as it is imported."""
    text, said = BROKEN[kind]
    (tmp_path / "websockets").mkdir()
    (tmp_path / "websockets" / "__init__.py").write_text(text)
    (tmp_path / "websockets" / "part.py").write_text("raise ImportError('a part of it')")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "websockets"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises((ImportError, OSError)) as caught:
        importlib.import_module("websockets")
    assert isinstance(caught.value, ImportError | OSError)
    sentence = libraries.package(caught.value)
    assert sentence is not None
    assert sentence.startswith("the package websockets is installed, but cannot be used (")
    assert said in sentence


def test_who_lacks_a_package_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    """Of the package that lacks it, not of the one that imports that (torch has TensorBoard's
    writer)."""
    for name, text in (("timm", "import tensorboard"), ("tensorboard", "import not_there.at_all")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
        for module in [m for m in sys.modules if m.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError) as caught:
        importlib.import_module("timm")
    assert isinstance(caught.value, ImportError)
    assert libraries.package(caught.value) == (
        "the package tensorboard is installed, but cannot be used (No module named 'not_there');"
        " install it again"
    )


def test_only_packages_are_named(tmp_path: Path, monkeypatch: Any) -> None:
    """Neither this program's own modules, nor a disk, nor a file that a package cannot open later."""
    (tmp_path / "own_module.py").write_text("raise ImportError('its own fault')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError) as caught:
        importlib.import_module("own_module")
    assert libraries.package(caught.value) is None
    with pytest.raises(OSError) as failed:
        np.load(tmp_path / "none.npy")
    assert libraries.package(failed.value) is None
    assert libraries.package(OSError("something")) is None


def test_a_broken_torch_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise ImportError('libgomp.so.1: not there')")
    for words in (["describe", "tiny"], ["go-train", "data", "--out", str(tmp_path / "run")]):
        run = subprocess.run(
            [sys.executable, "cli.py", *words],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(tmp_path)},
            text=True,
            capture_output=True,
            check=False,
        )
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr == (
            "Error: the package torch is installed, but cannot be used (libgomp.so.1: not there);"
            " install it again\n"
        )
