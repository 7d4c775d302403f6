"""The whole way, in every layout that people have: trained by `img-train`, asked by `img-predict
--csv`, and compared by a few lines of its own with labels that neither of the two could see."""

import csv
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.layouts import (
    HIDDEN,
    NUMBERS,
    TRAIN,
    VALID,
    Work,
    by_course,
    by_place,
    course_of_2021,
    flat,
    lay,
    table,
)
from tests.typed import good

# Fewer than one in ten thousand guessers of one class in three have 22 of 36 right.
ENOUGH = 0.6


def class_folders(root: Path) -> Work:
    lay(root / "d", lambda p: f"{p.kind}/{p.number}.jpg", TRAIN + VALID)
    return Work(root / "d", root / "t", by_place(flat(root / "t")))


def image_folder(root: Path) -> Work:
    lay(root / "d" / "train", lambda p: f"{p.kind}/{p.number}.jpg", TRAIN)
    lay(root / "d" / "val", lambda p: f"{p.kind}/{p.number}.jpg", VALID)
    return Work(root / "d", root / "d", by_place(flat(root / "d" / "test")))


def course_of_2022(root: Path) -> Work:
    for part, chosen in (("training", TRAIN), ("validation", VALID)):
        lay(root / "food11" / part, lambda p: f"{NUMBERS[p.kind]}_{p.number}.jpg", chosen)
    truth = by_course(flat(root / "food11" / "evaluation"))
    return Work(root / "food11", root / "food11", truth)


def course_by_name(root: Path) -> Work:
    """Its test part has labels, so that what the table says must be those very folders."""
    written = {"fried_egg": "Egg", "sushi": "Seafood", "watermelon": "Vegetable-Fruit"}
    for part, chosen in (("training", TRAIN), ("validation", VALID), ("evaluation", HIDDEN)):
        lay(root / "d" / part, lambda p: f"{written[p.kind]}/{p.number}.jpg", chosen)
    truth = {f"evaluation/{written[p.kind]}/{p.number}.jpg": written[p.kind] for p in HIDDEN}
    return Work(root / "d", root / "d", truth, form="names")


def zipped(root: Path) -> Work:
    """The course's, as it is handed out: one zip, a folder around everything, and what a Mac
    leaves in it."""
    plain = course_of_2022(root / "plain")
    with zipfile.ZipFile(root / "food11.zip", "w") as archive:
        for path in sorted(plain.data.rglob("*.jpg")):
            name = path.relative_to(plain.data.parent).as_posix()
            archive.write(path, name)
            archive.writestr(f"__MACOSX/{name.replace(path.name, '._' + path.name)}", "\0\5\x16\7")
    return Work(root / "food11.zip", root / "food11.zip", plain.truth)


def tarred(root: Path) -> Work:
    plain = image_folder(root / "plain")
    with tarfile.open(root / "d.tar.gz", "w:gz") as archive:
        archive.add(plain.data, ".")
    return Work(root / "d.tar.gz", root / "d.tar.gz", plain.truth)


def by_table(root: Path) -> Work:
    """Breeds of dogs at Kaggle: train/, test/ and a table of names without endings."""
    lay(root / "d" / "train", lambda p: f"a{p.number:03}.jpg", TRAIN)
    rows = [(f"a{p.number:03}", p.kind) for p in TRAIN]
    labels = table(root / "labels.csv", "id,breed", rows[::-1])
    truth = by_place(flat(root / "d" / "test"))
    return Work(root / "d", root / "d", truth, ("--labels", labels))


def by_split(root: Path) -> Work:
    """All pictures in one folder; a table says classes and parts."""
    seen = lay(root / "d", lambda p: f"t{p.number}.jpg", TRAIN)
    held = lay(root / "d", lambda p: f"v{p.number}.jpg", VALID)
    rows = [(name, p.kind, "train") for name, p in zip(seen, TRAIN, strict=True)]
    rows += [(name, p.kind, "valid") for name, p in zip(held, VALID, strict=True)]
    labels = table(root / "labels.csv", "filepaths,labels,split", rows)
    truth = by_place(flat(root / "t"))
    return Work(root / "d", root / "t", truth, ("--labels", labels))


def by_pattern(root: Path) -> Work:
    """Cats and dogs at Kaggle: train/cat.0.jpg, test1/1.jpg."""
    lay(root / "d" / "train", lambda p: f"{p.kind}.{p.number}.jpg", TRAIN)
    truth = by_place(flat(root / "d" / "test1"))
    return Work(root / "d", root / "d", truth, ("--label-pattern", r"^(\w+)\."))


def scenes(root: Path) -> Work:
    """Intel's scenes: everything in folders of the same name."""
    for part, chosen in (("seg_train", TRAIN + VALID), ("seg_test", HIDDEN)):
        lay(root / "d" / part / part, lambda p: f"{p.kind}/{p.number}.jpg", chosen)
    truth = {f"seg_test/seg_test/{p.kind}/{p.number}.jpg": p.kind for p in HIDDEN}
    return Work(root / "d", root / "d", truth, form="names")


def parts_in_classes(root: Path) -> Work:
    lay(root / "d", lambda p: f"{p.kind}/train/{p.number}.jpg", TRAIN + VALID)
    lay(root / "d", lambda p: f"{p.kind}/test/{p.number}.jpg", HIDDEN)
    truth = {f"{p.kind}/test/{p.number}.jpg": p.kind for p in HIDDEN}
    return Work(root / "d", root / "d", truth, form="names")


LAYOUTS = (
    class_folders,
    image_folder,
    course_of_2022,
    course_of_2021,
    course_by_name,
    zipped,
    tarred,
    by_table,
    by_split,
    by_pattern,
    scenes,
    parts_in_classes,
)

FAST = (
    *("--size", 16, "--widths", "16,32", "--linear-head", "--augment", "none", "--batch", 24),
    *("--steps", 50, "--precision", "fp32", "--validations", 2, "--quiet"),
)


@pytest.mark.parametrize("layout", LAYOUTS, ids=[layout.__name__ for layout in LAYOUTS])
def test_hidden_labels_are_answered(layout: Callable[[Path], Work], tmp_path: Path) -> None:
    work = layout(tmp_path / "made")
    run, answers = tmp_path / "run", tmp_path / "answers.csv"
    good("img-train", work.data, "--out", run, *work.options, *FAST)
    asked = ("img-predict", work.asked, "--model", run, "--csv", answers, "--quiet")
    good(*asked, "--csv-format", work.form)
    name, kind = ("Id", "Category") if work.form == "course" else ("file", "class")
    with answers.open(newline="", encoding="utf-8") as stream:
        said = {row[name]: row[kind] for row in csv.DictReader(stream)}
    assert said.keys() == work.truth.keys()
    right = sum(said[key] == work.truth[key] for key in said)
    assert right >= ENOUGH * len(said), f"{right} of {len(said)}"
