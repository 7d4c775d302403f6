"""docs/hw03.md, from the zip to the submission and the report's pictures: every command of it that
the drawn pictures can answer, in order, with small networks and a step in place of hours."""

import csv
import itertools
import re
import shlex
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import ROOT
from tests.layouts import HIDDEN, NUMBERS, course_of_2021
from tests.typed import good

PAGE = ROOT / "docs" / "hw03.md"
ELSEWHERE = ("groceries", "timm:", "resnet101", "my-games", "dogs.zip", "breeds", "boss")
"""Words of commands that need a download or other data, or are lines of a loop."""
SMALL = [*("--size", "16", "--widths", "8,16", "--batch", "8"), "--precision", "fp32", "--quiet"]
BUDGET = r"--(?:epochs|minutes) [\d.]+"


def commands() -> list[list[str]]:
    """The page's commands as a shell takes them apart, without their remarks."""
    lines = re.findall(r"^ {4}\S*python cli\.py (.*)$", PAGE.read_text(encoding="utf-8"), re.M)
    return [
        shlex.split(line, comments=True)
        for line in lines
        if not any(word in line for word in ELSEWHERE)
    ]


def made_small(words: list[str]) -> list[str]:
    if words[0] not in ("img-train", "img-clean"):
        return words
    finds = "--find-rate" in words
    short = "--epochs 1" if words[0] == "img-clean" else "--steps 2"
    line = shlex.join(words)
    small = shlex.split(re.sub(BUDGET, short, line)) + (["--steps", "10"] if finds else [])
    if "--from" in words:  # the network is as it is
        return [*small, *SMALL[:2], *SMALL[4:]]
    return small + (SMALL if words[0] == "img-train" else ["--size", "16"])


@pytest.mark.slow
def test_the_page_from_the_zip_to_the_submission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = course_of_2021(tmp_path / "made").data
    monkeypatch.chdir(tmp_path)
    shutil.make_archive("food11", "zip", course.parent, course.name)
    shutil.make_archive("more", "zip", course / "testing")
    shutil.copy(HIDDEN[0].path, "photo.jpg")
    run = commands()
    assert len(run) > 20
    for number, words in enumerate(run):
        call = made_small(words)
        if "--out" in call and Path(call[call.index("--out") + 1]).exists():
            call[call.index("--out") + 1] += f"-{number}"  # two ways to do one thing
        good(*call)
        if not Path("runs/large").exists() and Path("runs/strong").exists():
            shutil.copytree("runs/strong", "runs/large")
        for option, name in itertools.pairwise(call):
            if option in ("--picture", "--mistakes", "--sheet", "--filters", "--maps"):
                with Image.open(name) as picture:
                    assert picture.width > 100, name
    for table in ("strong.csv", "out.csv"):
        with Path(table).open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert [row["Id"] for row in rows] == [f"{i:04}" for i in range(len(HIDDEN))]
        assert {int(row["Category"]) for row in rows} <= set(NUMBERS.values())
