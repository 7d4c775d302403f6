"""Drawn pictures laid out as people lay theirs out, with the labels of some of them hidden."""

import csv
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

IMAGES = ROOT / "data" / "images"
KINDS = ("sushi", "watermelon", "fried_egg")
NUMBERS = {"fried_egg": 3, "sushi": 8, "watermelon": 10}
"""What the course calls them: egg, seafood, vegetable/fruit."""


class Picture(NamedTuple):
    """A drawn picture: its file, its kind, and a number that no other one has."""

    path: Path
    kind: str
    number: int


class Work(NamedTuple):
    """What a layout is given to the commands as. truth: for each picture to be answered what the
    table calls it, and what it must be called there."""

    data: Path
    asked: Path
    truth: dict[str, str]
    options: tuple[object, ...] = ()
    form: str = "course"


def pictures(part: str, start: int, end: int, kinds: tuple[str, ...] = KINDS) -> list[Picture]:
    """In an order that says nothing of the kinds."""
    found = [
        (i, kind, path)
        for kind in kinds
        for i, path in enumerate(sorted((IMAGES / part / kind).iterdir())[start:end])
    ]
    return [Picture(path, kind, n) for n, (_, kind, path) in enumerate(sorted(found))]


TRAIN, VALID, HIDDEN = (
    pictures("training", 0, 40),
    pictures("training", 40, 48),
    pictures("validation", 0, 12),
)


SPARE = pictures("training", 0, 9, ("doughnut",))
"""Without labels."""


def lay(folder: Path, name: Callable[[Picture], str], chosen: list[Picture]) -> list[str]:
    """Copy the pictures into a folder under those names, and return the names."""
    names = [name(picture) for picture in chosen]
    for written, picture in zip(names, chosen, strict=True):
        (folder / written).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture.path, folder / written)
    return names


def flat(folder: Path) -> dict[str, str]:
    """A folder of the hidden pictures by number, without labels: the kind of each."""
    lay(folder, lambda p: f"{p.number:04}.jpg", HIDDEN)
    return {f"{p.number:04}": p.kind for p in HIDDEN}


def by_place(truth: dict[str, str]) -> dict[str, str]:
    """Kinds as a submission has them where classes have no numbers: their places in the order of
    the alphabet."""
    return {key: str(sorted(KINDS).index(kind)) for key, kind in truth.items()}


def by_course(truth: dict[str, str]) -> dict[str, str]:
    return {key: str(NUMBERS[kind]) for key, kind in truth.items()}


def table(path: Path, head: str, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([head.split(","), *rows])
    return path


def course_of_2021(root: Path) -> Work:
    data = root / "food-11"
    lay(data / "training" / "labeled", lambda p: f"{NUMBERS[p.kind]:02}/{p.number}.jpg", TRAIN)
    lay(data / "training" / "unlabeled" / "00", lambda p: f"{p.number}.jpg", SPARE)
    lay(data / "validation", lambda p: f"{NUMBERS[p.kind]:02}/{p.number}.jpg", VALID)
    return Work(data, data, by_course(flat(data / "testing" / "00")))
