"""Names and numbers of classes: their order, which of two places are the same, and that a part of
them is judged right; against tables written by hand and the cases of `tests/cases`."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from gocnn.errors import UserError
from imagecls.photos.classes import HW03_CLASSES, match, natural, numbers
from imagecls.photos.collection import open_collection
from imagecls.photos.data import Split, labelled, load_splits
from imagecls.photos.labelling import Labelling
from imagecls.photos.layout import TRAIN, VALID
from imagecls.photos.store import ImageStore
from tests.conftest import ROOT
from tests.trees import by, counts, tree


def test_accents_are_the_same_however_they_are_written(tmp_path):
    found = open_collection(
        tree(tmp_path, "train/{cafe\u0301,the}/1.jpg valid/{caf\u00e9,the}/2.jpg")
    )
    assert found.classes == ("caf\u00e9", "the")
    assert [p.label for p in found.parts[VALID]] == [0, 1]


def test_classes_whose_names_are_nearly_the_same_are_told(tmp_path):
    for number, (text, groups) in enumerate(
        (
            ("{Cat,cat,dog}/1.jpg", ["Cat and cat"]),
            ("train/{Cat,CAT,cat,dog}/1.jpg", ["CAT, Cat and cat"]),
            ("{fried-egg,Fried_Egg,Tea,tea}/1.jpg", ["fried-egg and Fried_Egg", "Tea and tea"]),
            ("{c,c++,c#}/1.jpg", []),
            ("{1,01,2}/1.jpg", []),
            ("training/{Cat,Dog}/1.jpg validation/{cat,dog}/1.jpg", []),
        )
    ):
        found = open_collection(tree(tmp_path / str(number), text))
        said = [note.split(" are different classes")[0] for note in found.notes]
        assert sorted(said) == sorted(groups), (text, found.notes)


def test_order_is_the_same_whatever_the_hash_seed_and_the_order_of_the_disk(tmp_path):
    tree(tmp_path, "{Cat,cat,CAT,dog,2,02,10}/{1,01,a,A}.jpg")
    code = (
        "import sys; from imagecls.photos.collection import open_collection; c ="
        " open_collection(sys.argv[1]); print(c.classes, [p.name for p in c.parts['whole']])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": str(seed), "PATH": ""},
        ).stdout
        for seed in (0, 1, 7)
    }
    assert len(said) == 1
    names = ["Cat", "cat", "CAT", "2", "02", "10", "a2", "A2", "a10", "②", "٣"]
    once = sorted(names, key=natural)
    for seed in range(20):
        assert sorted(random.Random(seed).sample(names, len(names)), key=natural) == once
    assert once.index("2") < once.index("10")
    assert once.index("a2") < once.index("a10")


@pytest.mark.parametrize(
    ("classes", "own"),
    [
        (HW03_CLASSES, range(11)),
        (("0", "1", "2", "4", "10"), (0, 1, 2, 4, 10)),
        (("Bread", "Egg", "Noodles-Pasta"), (0, 3, 6)),
        (("bread", "egg", "sushi"), (0, 1, 2)),
        (("cat", "dog"), (0, 1)),
        (("①", "②"), (0, 1)),
        (("Egg", "egg"), (0, 1)),
        (("1", "cat"), (0, 1)),
    ],
)
def test_numbers_of_classes(classes, own):
    assert numbers(classes) == tuple(own)


@pytest.mark.parametrize(
    ("here", "known", "found"),
    [
        (("0", "5"), HW03_CLASSES, (0, 5)),
        (("Bread", "Noodles-Pasta"), HW03_CLASSES, (0, 6)),
        (HW03_CLASSES[:2], ("0", "1", "4"), (0, 1)),
        (("3", "4"), ("0", "1", "2", "4"), (None, 3)),
        (("Dog",), ("cat", "dog"), (1,)),
        (("Cat", "cat"), ("cat", "dog"), (None, 0)),
        (("0", "1"), ("cat", "dog"), (None, None)),
        (("unicorn",), ("cat", "dog"), (None,)),
        (("fried egg",), ("fried_egg", "soup"), (0,)),
        (("C++", "x"), ("C", "C#"), (None, None)),
        (("A+", "b -"), ("A-", "B-", "B"), (None, 1)),
        (("Äpfel",), ("beignets", "Äpfel 🍏"), (None,)),
        (("♥️",), ("♥", "♠"), (0,)),  # with and without the sign for emoji
        (("कि",), ("का", "की"), (None,)),  # vowels alone tell them apart
    ],
)
def test_matching_classes(here, known, found):
    assert match(here, known) == found


def test_part_of_the_classes_is_judged_by_name_and_by_number(tmp_path, case_pictures):
    photos = labelled(str(case_pictures / "e_missing"), HW03_CLASSES)
    assert len(photos) == 27
    assert all(p.label == int(Path(p.name).name.split("_")[0]) for p in photos)
    photos = labelled(str(tree(tmp_path, "{Soup,Vegetable-Fruit}/1.jpg")), HW03_CLASSES)
    assert [p.label for p in photos] == [9, 10]
    with pytest.raises(UserError, match="sushi"):
        labelled(str(tree(tmp_path / "other", "{soup,sushi}/1.jpg")), HW03_CLASSES)


NAMED = [*HW03_CLASSES]


@pytest.mark.parametrize(
    ("case", "classes", "train", "valid"),
    [
        ("l_subset", ["0", "1", "2", "4", "5", "6", "7", "8", "9", "10"], 80, 30),
        ("l_zero", NAMED, 33, 11),
        ("l2021", NAMED, 44, 22),
        ("l_tunk", NAMED, 22, 11),
        ("l_vehicles", ["bus", "car", "plane", "train"], 12, 4),
        ("l_case", ["Cat", "cat", "dog"], 9, 3),
        ("l_circled", ["①", "②", "③"], 9, 3),
    ],
)
def test_cases_to_train_on(tmp_path, case_pictures, case, classes, train, valid):
    parts = load_splits(
        str(case_pictures / case), Split(), ImageStore(8, cache=tmp_path), quiet=True
    )
    assert (list(parts.classes), len(parts.train), len(parts.valid)) == (classes, train, valid)
    own = numbers(parts.classes)
    for photo, label in zip(
        parts.train.photos + parts.valid.photos,
        [*parts.train.labels, *parts.valid.labels],
        strict=True,
    ):
        kind = (
            Path(photo.name).parent.name
            if case[2:] in ("vehicles", "case", "circled")
            else (
                int(Path(photo.name).name.split("_")[0])
                if "_" in Path(photo.name).name
                else int(Path(photo.name).parent.name)
            )
        )
        assert (own[label] if isinstance(kind, int) else parts.classes[label]) == kind


def test_validating_on_a_part_of_the_classes(tmp_path, case_pictures):
    parts = load_splits(
        str(case_pictures / "l2021"),
        Split((str(case_pictures / "e_missing"),)),
        ImageStore(8, cache=tmp_path),
        quiet=True,
    )
    assert len(parts.valid) == 27
    assert "class meat is missing from validation" in parts.notes


SPELLINGS = [
    (
        "TRAIN/{Cat,Dog}/x.jpg Val/{cat,dog}/x.jpg",
        ("Cat", "Dog"),
        {TRAIN: {"Cat": 1, "Dog": 1}, VALID: {"Cat": 1, "Dog": 1}},
    ),
    (
        "train/{Cat,cat,Dog}/x.jpg val/{CAT,Dog}/x.jpg",
        ("CAT", "Cat", "cat", "Dog"),
        {TRAIN: {"Cat": 1, "cat": 1, "Dog": 1}, VALID: {"CAT": 1, "Dog": 1}},
    ),
    (
        "training/{Bread,Egg,Soup}/x.jpg validation/{0,3,9}_1.jpg",
        ("Bread", "Egg", "Soup"),
        {part: {"Bread": 1, "Egg": 1, "Soup": 1} for part in (TRAIN, VALID)},
    ),
    (
        "training/{Bread,Egg}/x.jpg validation/{0,3,9}_1.jpg",
        ("Bread", "Egg", "soup"),
        {TRAIN: {"Bread": 1, "Egg": 1}, VALID: {"Bread": 1, "Egg": 1, "soup": 1}},
    ),
    (
        "training/{0,3}_1.jpg validation/{Bread,Egg,Soup}/x.jpg",
        ("0", "3", "9"),
        {TRAIN: {"0": 1, "3": 1}, VALID: {"0": 1, "3": 1, "9": 1}},
    ),
    (
        "train/{cat,dog}/x.jpg val/{cat,bird}/x.jpg",
        ("bird", "cat", "dog"),
        {TRAIN: {"cat": 1, "dog": 1}, VALID: {"bird": 1, "cat": 1}},
    ),
    (
        "training/{00,01}_1.jpg validation/{1,2}_1.jpg",
        ("0", "1", "2"),
        {TRAIN: {"0": 1, "1": 1}, VALID: {"1": 1, "2": 1}},
    ),
]


@pytest.mark.parametrize(
    ("text", "classes", "parts"), SPELLINGS, ids=[text for text, *_ in SPELLINGS]
)
def test_a_part_that_spells_its_classes_otherwise(tmp_path, text, classes, parts):
    """The same class in training and validation, by number or by name, is one class, where it can
    be no other."""
    if len({p.name for p in tree(tmp_path / "t", "{Cat,cat}/x.jpg").iterdir()}) < 2:
        pytest.skip("this file system does not tell Cat from cat")
    assert open_collection(tree(tmp_path / "data", text)).classes == classes
    assert counts(tmp_path / "data") == parts


def test_folders_in_class_folders_are_named_with_the_pattern_that_makes_classes_of_them(
    tmp_path: Path,
) -> None:
    """As in the Grocery Store Dataset: kind, coarse class, and sometimes fine class."""
    tree(tmp_path, "{train,val}/{Fruit/Apple/Gala,Fruit/Avocado,Packages/Milk/Soy}/{1,2}.jpg")
    found = open_collection(tmp_path)
    assert found.classes == ("Fruit", "Packages")
    (note,) = found.notes
    assert "(Fruit/Avocado, Packages/Milk/Soy): the class is that of the outer one" in note
    pattern = note.partition("--label-pattern '")[2].rstrip("'")
    inner = by(tmp_path, Labelling(pattern=pattern))
    for part in inner.values():
        assert part
        assert all(kind == name.split("/")[-2] for name, kind in part.items())


@pytest.mark.parametrize(
    ("known", "other"), [("-5", "5"), ("1.5", "15"), ("1,5", "15"), ("-1", "1"), ("v1.0", "v10")]
)
def test_numbers_are_not_taken_for_others(known: str, other: str) -> None:
    assert match([other], [known, "zero"]) == (None,)
    assert match([known], [known, "zero"]) == (0,)
    assert match(["Fried-Egg 2.5"], ["fried egg 2.5"]) == (0,)
