"""Which class and part pictures belong to, in the layouts that people have; classes of two places;
ids and categories of a submission."""

import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gocnn.errors import UserError
from imagecls.classifier import submission
from imagecls.photos.classes import HW03_CLASSES, match, natural, numbers
from imagecls.photos.collection import Photo, open_collection
from imagecls.photos.data import Split, labelled, load_splits
from imagecls.photos.layout import OUTSIDE, SPARE, TEST, TRAIN, VALID, WHOLE
from imagecls.photos.store import ImageStore
from tests.conftest import ROOT

ELEVEN = [f"{i:02d}" for i in range(11)]


def tree(folder: Path, text: str) -> Path:
    """Empty files of those names; `{a,b}` stands for each of them."""
    for line in text.split():
        names = [line]
        while any("{" in name for name in names):
            names = [
                name.replace(name[name.index("{") : name.index("}") + 1], each, 1)
                for name in names
                for each in name[name.index("{") + 1 : name.index("}")].split(",")
            ]
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    return folder


def counts(folder: Path) -> dict[str, dict[str, int]]:
    """How many pictures of each class each part has; those without a class as ''."""
    found = open_collection(folder)
    return {
        part: {
            name: n
            for name in ("", *found.classes)
            if (n := sum(name == ("" if p.label < 0 else found.classes[p.label]) for p in photos))
        }
        for part, photos in found.parts.items()
    }


TWO = {"cat": 2, "dog": 2}
EACH = dict.fromkeys(HW03_CLASSES, 1)
LAYOUTS = [
    (
        "the homework of 2022",
        "food11/{training,validation}/{0,1,2,3,4,5,6,7,8,9,10}_1.jpg food11/test/{0001,0002}.jpg",
        {TRAIN: EACH, VALID: EACH, TEST: {"": 2}},
    ),
    (
        "the homework of 2023",
        "{train,valid}/{0,1,2,3,4,5,6,7,8,9,10}_1.jpg test/{0001,0002}.jpg",
        {TRAIN: EACH, VALID: EACH, TEST: {"": 2}},
    ),
    (
        "the homework of 2021",
        "food-11/{training/labeled,validation}/{"
        + ",".join(ELEVEN)
        + "}/a.jpg food-11/training/unlabeled/00/{1,2,3}.jpg food-11/testing/00/{0000,0001}.jpg",
        {TRAIN: EACH, VALID: EACH, SPARE: {"": 3}, TEST: {"": 2}},
    ),
    (
        "food-11 as Kaggle has it",
        "{training,validation,evaluation}/{Bread,Egg,Soup}/{0,1}.jpg",
        {part: {"Bread": 2, "Egg": 2, "Soup": 2} for part in (TRAIN, VALID, TEST)},
    ),
    (
        "food-11 by its makers",
        "{training,validation,evaluation}/{0,1,2}_{0,1}.jpg",
        {part: {"0": 2, "1": 2, "2": 2} for part in (TRAIN, VALID, TEST)},
    ),
    (
        "a folder of the test part without meaning",
        "training/{0,1,2}_1.jpg test/unknown/{1,2}.jpg",
        {TRAIN: {"0": 1, "1": 1, "2": 1}, TEST: {"": 2}},
    ),
    ("numbers with and without zeros", "{3,4}_1.jpg 03/x.jpg 04/x.jpg", {WHOLE: {"3": 2, "4": 2}}),
    (
        "a test part with more folders than there are classes",
        "training/{3,4}_1.jpg test/{03,04,misc}/1.jpg",
        {TRAIN: {"3": 1, "4": 1}, TEST: {"": 1, "3": 1, "4": 1}},
    ),
    (
        "unknown beside the homework's",
        "training/{0,1}_1.jpg training/unknown/x.jpg",
        {TRAIN: {"0": 1, "1": 1}, SPARE: {"": 1}},
    ),
    (
        "unknown as a class of its own",
        "train/{cat,dog,unknown}/x.jpg",
        {TRAIN: {"cat": 1, "dog": 1, "unknown": 1}},
    ),
    (
        "ImageFolder",
        "{train,val}/{cat,dog}/{1,2}.jpg test/{1,2}.jpg",
        {TRAIN: TWO, VALID: TWO, TEST: {"": 2}},
    ),
    ("ImageFolder with folders inside of classes", "train/{cat,dog}/{a,b}/1.jpg", {TRAIN: TWO}),
    (
        "fastai",
        "imagenette2-160/{train,val}/{n01440764,n02102040}/{1,2}.JPEG imagenette2-160/noisy.csv",
        {part: {"n01440764": 2, "n02102040": 2} for part in (TRAIN, VALID)},
    ),
    (
        "Intel's scenes",
        (
            "seg_train/seg_train/{sea,street}/{1,2}.jpg seg_test/seg_test/{sea,street}/1.jpg"
            " seg_pred/seg_pred/{1,2,3}.jpg"
        ),
        {TRAIN: {"sea": 2, "street": 2}, TEST: {"sea": 1, "street": 1}, OUTSIDE: {"": 3}},
    ),
    (
        "cats and dogs of Kaggle",
        "training_set/training_set/{cats,dogs}/{1,2}.jpg test_set/test_set/{cats,dogs}/1.jpg",
        {TRAIN: {"cats": 2, "dogs": 2}, TEST: {"cats": 1, "dogs": 1}},
    ),
    (
        "test1 in test1",
        "train1/{cat,dog}/{1,2}.jpg test1/test1/{1,2}.jpg",
        {TRAIN: TWO, TEST: {"": 2}},
    ),
    ("Food-101", "food-101/images/{cat,dog}/{1,2}.jpg food-101/meta/train.txt", {WHOLE: TWO}),
    (
        "parts inside of a folder that is called as one of them",
        "train_data/{train,valid}/{cat,dog}/{1,2}.jpg train_data/test/{1,2}.jpg",
        {TRAIN: TWO, VALID: TWO, TEST: {"": 2}},
    ),
    (
        "labelled and not, inside of the only part",
        "training/{labeled,unlabeled}/{cat,dog}/{1,2}.jpg",
        {TRAIN: TWO, SPARE: {"": 4}},
    ),
    ("parts inside of classes", "{cat,dog}/{train,test}/{1,2}.jpg", {TRAIN: TWO, TEST: TWO}),
    (
        "a wrapper inside of parts",
        "train/images/{cat,dog}/{1,2}.jpg test/images/{1,2}.jpg",
        {TRAIN: TWO, TEST: {"": 2}},
    ),
    ("STL-10", "train/{cat,dog}/{1,2}.png unlabeled/{1,2,3}.png", {TRAIN: TWO, SPARE: {"": 3}}),
    (
        "class folders and a test folder",
        "{cat,dog}/{1,2}.jpg test/{1,2}.jpg",
        {WHOLE: TWO, TEST: {"": 2}},
    ),
    (
        "everything twice",
        "flowers/{daisy,rose}/{1,2}.jpg flowers/flowers/{daisy,rose}/{1,2}.jpg",
        {WHOLE: {"daisy": 2, "rose": 2}, OUTSIDE: {"": 4}},
    ),
    (
        "chest_xray",
        (
            "chest_xray/{train,test,val}/{NORMAL,PNEUMONIA}/1.jpeg"
            " chest_xray/chest_xray/train/{NORMAL,PNEUMONIA}/1.jpeg"
        ),
        {
            TRAIN: {"NORMAL": 1, "PNEUMONIA": 1},
            VALID: {"NORMAL": 1, "PNEUMONIA": 1},
            TEST: {"NORMAL": 1, "PNEUMONIA": 1},
            OUTSIDE: {"": 2},
        },
    ),
    (
        "dataset/single_prediction",
        "dataset/{training_set,test_set}/{cats,dogs}/1.jpg dataset/single_prediction/{a,b}.jpg",
        {TRAIN: {"cats": 1, "dogs": 1}, TEST: {"cats": 1, "dogs": 1}, OUTSIDE: {"": 2}},
    ),
    (
        "pictures beside the parts",
        "train/{cat,dog}/{1,2}.jpg preview/x.jpg logo.png",
        {TRAIN: TWO, OUTSIDE: {"": 2}},
    ),
    (
        "a class called train",
        "{bus,car,plane,train}/{1,2}.jpg",
        {WHOLE: {"bus": 2, "car": 2, "plane": 2, "train": 2}},
    ),
    (
        "a class called train, in a folder",
        "vehicles/{bus,car,train}/{1,2}.jpg",
        {WHOLE: {"bus": 2, "car": 2, "train": 2}},
    ),
    (
        "a class called train inside of parts",
        "{train,val}/{bus,train}/1.jpg",
        {TRAIN: {"bus": 1, "train": 1}, VALID: {"bus": 1, "train": 1}},
    ),
    ("valid and invalid", "{valid,invalid}/{1,2}.jpg", {WHOLE: {"invalid": 2, "valid": 2}}),
    ("test and control", "{test,control}/{1,2}.jpg", {WHOLE: {"control": 2, "test": 2}}),
    (
        "labeled and unlabeled as classes",
        "train/{labeled,unlabeled}/{1,2}.jpg",
        {TRAIN: {"labeled": 2, "unlabeled": 2}},
    ),
    (
        "names that only begin as parts do",
        "{train_station,test_tube}/{1,2}.jpg",
        {WHOLE: {"test_tube": 2, "train_station": 2}},
    ),
    (
        "what systems leave behind",
        (
            "{cat,dog}/{1,2}.jpg cat/Thumbs.db dog/.DS_Store __MACOSX/cat/._1.jpg @eaDir/cat/x.jpg"
            " cat/.ipynb_checkpoints/1.jpg"
        ),
        {WHOLE: TWO},
    ),
    (
        "names in other scripts",
        "{寿司,乳製品,①,٣}/{1,2}.jpg",
        {WHOLE: {"寿司": 2, "乳製品": 2, "①": 2, "٣": 2}},
    ),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(text, expected, id=name) for name, text, expected in LAYOUTS],
)
def test_layouts(tmp_path, text, expected):
    assert counts(tree(tmp_path, text)) == expected


def test_accents_are_the_same_however_they_are_written(tmp_path):
    found = open_collection(
        tree(tmp_path, "train/{cafe\u0301,the}/1.jpg valid/{caf\u00e9,the}/2.jpg")
    )
    assert found.classes == ("caf\u00e9", "the")
    assert [p.label for p in found.parts[VALID]] == [0, 1]


def test_notes_name_what_is_not_used(tmp_path):
    found = open_collection(
        tree(
            tmp_path,
            "train/{cat,dog}/1.jpg train/cat/{a.txt,b.txt,c.mp4} train/unlabeled/3.jpg"
            " preview/x.jpg",
        )
    )
    text = "\n".join(found.notes + found.unused)
    for words in (
        "not used: 1 picture in a folder without labels (train/unlabeled/3.jpg)",
        "not used: 1 picture beside the parts",
        "ignored: 3 files of other kinds (2 .txt, 1 .mp4)",
    ):
        assert words in text
    assert found.other_files == 3


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


def test_empty_class_folders_are_told(tmp_path):
    """Folders that lie beside those of classes; others may be anything."""
    for number, (text, empty, named) in enumerate(
        (
            ("{cat,dog}/1.jpg", "horse", ["horse"]),
            ("train/{cat,dog}/1.jpg val/cat/1.jpg", "val/dog train/cow", ["train/cow", "val/dog"]),
            ("pets/{cat,dog}/1.jpg", "pets/cow/old", ["pets/cow"]),
            ("{cat,dog}/1.jpg", "cat/more .cache __MACOSX @eaDir", []),
            ("{1,2}.jpg", "output", []),
            ("training/{0_1,1_1}.jpg", "validation evaluation", []),
            ("{cat,dog}/1.jpg cow/readme.txt", "", []),
        )
    ):
        folder = tree(tmp_path / str(number), text)
        for name in empty.split():
            (folder / name).mkdir(parents=True)
        places = [folder]
        with zipfile.ZipFile(tmp_path / f"{number}.zip", "w") as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
            places.append(Path(str(archive.filename)))
        for place in places:
            notes = [note for note in open_collection(place).notes if "empty" in note]
            assert len(notes) == bool(named), (text, notes)
            if named:
                assert f"no class ({', '.join(named)})" in notes[0]


def test_a_place_without_pictures_says_what_it_holds(tmp_path):
    with pytest.raises(UserError, match=r"holds no pictures .*only 2 \.mp4, 1 \.svg"):
        open_collection(tree(tmp_path, "{a,b}.mp4 c.svg"))


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


# --- classes of two places
# -----------------------------------------------------------------------------------------------------------


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


# --- the cases
# -----------------------------------------------------------------------------------------------------------------------

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


def test_the_reasons_are_in_the_sentence(tmp_path, case_pictures):
    with pytest.raises(
        UserError,
        match=(
            r"no picture of .* is left to train on: 6 left out, not a picture that can be read"
            r" \(text\): .*0\.jpg"
        ),
    ):
        load_splits(
            str(case_pictures / "broken"), Split(), ImageStore(8, cache=tmp_path), quiet=True
        )


# --- submissions
# ---------------------------------------------------------------------------------------------------------------------


def photos(*names: str) -> list[Photo]:
    return [Photo("place", name, -1) for name in names]


def test_ids_are_the_names():
    assert submission.ids(photos("test/0001.jpg", "test/0003.png", "test/10.jpg", "12345.jpg")) == [
        "0001",
        "0003",
        "0010",
        "12345",
    ]
    assert submission.ids(photos("00/7.jpg_large", "00/0008", "00/9.jpg")) == [
        "0007",
        "0008",
        "0009",
    ]
    assert submission.ids(photos("a b.jpg", "x,1.jpg", "2026.01.02.jpg", "寿司.png")) == [
        "a b",
        "x,1",
        "2026.01.02",
        "寿司",
    ]
    assert submission.ids(photos("0_1.jpg", "0_2.jpg")) == ["0_1", "0_2"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("0001.jpg", "0002.jpg", "cover.png"), r"cover\.png.*take it out"),
        (("a.jpg", "b.jpg", "3.jpg"), "rename"),
        (("0001.jpg", "0001.png"), "both have the id 0001"),
        (("a/1.jpg", "b/0001.jpg"), "both have the id 0001"),
        (("a/x.jpg", "b/x.jpg"), "the id x"),
    ],
)
def test_ids_that_cannot_be(names, words):
    with pytest.raises(UserError, match=words):
        submission.ids(photos(*names))


def test_categories_are_the_classes_own_numbers(tmp_path):
    answers = [np.eye(4, dtype=np.float32)[i] for i in (3, 3, 2)]
    submission.write(
        tmp_path / "s.csv",
        ["0001", "x,1", "0003", "0004"],
        [*answers, "broken"],
        ("0", "1", "2", "4"),
    )
    assert (tmp_path / "s.csv").read_text() == 'Id,Category\n0001,4\n"x,1",4\n0003,2\n0004,4\n'
    with pytest.raises(UserError, match="no picture can be read, of 1"):
        submission.write(tmp_path / "t.csv", ["0001"], ["broken"], ("0", "1"))
    assert not (tmp_path / "t.csv").exists()


def test_every_picture_of_the_test_folder_counts(tmp_path, case_pictures):
    """Also those of formats that are not read, and those whose names do not end as pictures do but
    have a number of their own."""
    folder = tree(
        tmp_path,
        "test/{0001.jpg,0002.jpg,0003.heic,0004.svg,0005.CR2,0006.jpg_large,0007,0001.txt,notes.txt}"
        " train/{cat,dog}/1.jpg",
    )
    found = open_collection(folder)
    assert [Path(p.name).name for p in found.parts[TEST]] == [
        "0001.jpg",
        "0002.jpg",
        "0003.heic",
        "0004.svg",
        "0005.CR2",
        "0006.jpg_large",
        "0007",
    ]
    assert found.other_files == 2
    assert submission.ids(found.parts[TEST]) == [
        "0001",
        "0002",
        "0003",
        "0004",
        "0005",
        "0006",
        "0007",
    ]
    assert submission.ids(open_collection(case_pictures / "mix").part(WHOLE)) == [
        f"{i:04d}" for i in range(6)
    ]
    with pytest.raises(UserError, match="sample_submission"):
        submission.ids(open_collection(case_pictures / "t_stray").part(WHOLE))


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


def test_folders_inside_of_class_folders_are_told(tmp_path):
    notes = open_collection(tree(tmp_path, "{fold1,fold2}/{cat,dog}/x.jpg")).notes
    assert any("fold1/" in note and "outer" in note for note in notes)
    assert not open_collection(tree(tmp_path / "plain", "train/{cat,dog}/x.jpg")).notes
