"""Tables of names that are unusual: what is written is read back to the same names."""

import csv
import random
from pathlib import Path

import numpy as np
import pytest

from imagecls.classifier import submission
from imagecls.photos import listed
from imagecls.photos.collection import names_on_disk, open_collection, read_photos
from imagecls.photos.csvtext import cautions, csv_text
from imagecls.photos.labelling import Labelling
from tests.conftest import needs_posix
from tests.trees import by
from tests.typed import good

FORMULAS = ("=1+1", "+a", "-b", "@c")
NAMES = (
    *FORMULAS,
    *("a\nb", "a\rb", "a\r\nb", "a\tb", "a\x0bb", "a\u2028b", "a\x85b", "\n", "a,b", 'a"b', '"'),
    *("a;b", "'q", " lead", "trail ", "nan", "007", "é", "a\\nb", "寿司", "plain"),
)


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_cells_come_back(tmp_path: Path) -> None:
    """By Python's own reader, whatever they hold."""
    rng = random.Random(1)
    rows = [
        ["".join(rng.choices("ab ,;\"'\n\r\t=\u2028é", k=rng.randrange(6))) for _ in range(3)]
        for _ in range(500)
    ]
    (tmp_path / "a.csv").write_text(csv_text(rows), encoding="utf-8", newline="")
    assert read(tmp_path / "a.csv") == rows
    assert csv_text([["a", 1], ["b", ""]]) == "a,1\nb,\n"


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A folder of files of those names, each holding its name."""
    folder = tmp_path / "strange"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.jpg").write_bytes(name.encode())
    return folder


@needs_posix
def test_names_of_files_come_back(strange: Path, tmp_path: Path) -> None:
    """With --csv-format names; each is answered for itself, and --labels finds it again."""
    photos = open_collection(strange).parts["whole"]
    held = {i: data for i, data in read_photos(photos) if isinstance(data, bytes)}
    named = names_on_disk(photos)
    assert {held[i].decode(): name for i, name in enumerate(named)} == {
        name: f"{name}.jpg" for name in NAMES
    }
    answers = [np.array([0.25, 0.75] if i % 2 else [0.75, 0.25], np.float32) for i in held]
    table = tmp_path / "a.csv"
    submission.write_names(table, photos, answers, ("=x", "y\r"))
    (names, *rows) = read(table)
    assert names == ["file", "class", "probability", "=x", "y\r"]
    assert [row[0] for row in rows] == named
    assert [row[1] for row in rows] == [("=x", "y\r")[i % 2] for i in range(len(rows))]
    listed.write(table, [(name, "a", "b", 0.5) for name in named])
    assert [row[0] for row in read(table)[1:]] == named
    # cells are stripped, and a backslash may be an escape
    plain = [i for i, name in enumerate(named) if name == name.strip() and "\\" not in name]
    lines = [[named[i], "cat" if i % 2 else "dog"] for i in plain]
    table.write_text(csv_text(lines), encoding="utf-8", newline="")
    found = by(strange, Labelling((str(table),)))["whole"]
    assert found == {photos[i].name: "cat" if i % 2 else "dog" for i in plain}


def test_names_that_others_take_for_something_else_are_told() -> None:
    """And written as they are: with an apostrophe before it, it would be another file."""
    (said,) = cautions("a.csv", [f"{name}.jpg" for name in NAMES])
    assert said.startswith("a.csv has names that a spreadsheet takes for formulas (+a.jpg, -b.jpg")
    assert cautions("a.csv", ["a=1", "b+", "sub/=1", "'=1", "", "nan.jpg", "nano"]) == []
    assert "spreadsheet" in cautions("a.csv", ["\tx"])[0]
    (said,) = cautions("a.csv", ["cat", "nan", "None", "NA", "null"])
    assert "that pandas takes for missing values (NA, None, nan ...)" in said


@needs_posix
def test_the_command_tells_it(tiny_classifiers: Path, tmp_path: Path) -> None:
    few = tiny_classifiers.parent / "few"
    photo = (few / "validation" / "soup" / "000.jpg").read_bytes()
    (tmp_path / "photos").mkdir()
    for name in ("=cmd().jpg", "two\nlines.jpg"):
        (tmp_path / "photos" / name).write_bytes(photo)
    call = ("img-predict", tmp_path / "photos", "--model", tiny_classifiers / "cnn")
    table = tmp_path / "a.csv"
    text = good(*call, "--csv", table, "--csv-format", "names")
    assert "note: " + str(table) + " has names that a spreadsheet takes for formulas" in text
    assert sorted(row[0] for row in read(table)[1:]) == ["=cmd().jpg", "two\nlines.jpg"]
