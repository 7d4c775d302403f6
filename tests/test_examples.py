"""The programs in examples/ run as their own texts say, with small settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.photographs import make_homework

GAME = str(ROOT / "data" / "games" / "network" / "0003.sgf")


def run(name: str, *words: str, typed: str = "") -> str:
    """What it prints. typed: what a person types."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name), *words],
        input=typed,
        text=True,
        encoding="utf-8",
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_train_on_a_folder(sample_store: Path, tmp_path: Path) -> None:
    words = ["--out", str(tmp_path / "run"), "--preset", "tiny", "--steps", "1"]
    said = run("train_on_a_folder.py", str(sample_store), *words)
    assert "best.safetensors: [Move(" in said
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_heat_map(tmp_path: Path) -> None:
    run("heat_map.py", GAME, "--at", "30", "--out", str(tmp_path / "map.png"))
    with Image.open(tmp_path / "map.png") as picture:
        assert min(picture.size) > 300


def test_bot() -> None:
    moves = run("bot.py", "--moves", "6", "--visits", "4").split()
    assert len(moves) == len(set(moves)) == 6


def test_the_bot_answers_at_once_whoever_types_the_moves() -> None:
    said = run("bot.py", "--you", "--visits", "2", typed="Q16\nI9\nC3\n")
    answers = [line.rpartition(" ")[2] for line in said.splitlines() if "the bot:" in line]
    assert said.splitlines()[-1].endswith(f"Q16 {answers[0]} C3 {answers[1]}")
    assert "'I9' is not a point" in said.partition("the bot:")[2].partition("the bot:")[0]


@pytest.mark.slow
def test_a_network_of_ones_own(sample_store: Path) -> None:
    words = ["--steps", "2", "--batch", "16", "--channels", "4", "--positions", "50"]
    lines = run("own_network.py", str(sample_store), "--test", str(sample_store), *words)
    assert [line.partition(":")[0] for line in lines.splitlines()] == [
        "three convolutions",
        "small.onnx",
    ]


@pytest.mark.slow
def test_fine_tune_photographs(tmp_path: Path) -> None:
    make_homework(tmp_path / "food", classes=2)
    photo = str(next((tmp_path / "food").rglob("*.jpg")))
    words = ["--out", str(tmp_path / "run"), "--steps", "1", "--size", "16"]
    said = run("fine_tune_photographs.py", str(tmp_path / "food"), photo, *words)
    assert "Prediction(" in said.splitlines()[-1]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name
)
def test_each_has_a_text_that_says_how_to_call_it(path: Path) -> None:
    assert f"python examples/{path.name} " in path.read_text(encoding="utf-8")
