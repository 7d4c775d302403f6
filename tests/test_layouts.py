"""Which class and part pictures belong to, in the layouts that people have, each against a table
written by hand; and what is said of the pictures that belong to none."""

import zipfile
from pathlib import Path

import pytest

from gocnn.errors import UserError
from imagecls.photos.classes import HW03_CLASSES
from imagecls.photos.collection import open_collection
from imagecls.photos.data import Split, load_splits
from imagecls.photos.layout import OUTSIDE, SPARE, TEST, TRAIN, VALID, WHOLE
from imagecls.photos.store import ImageStore
from tests.trees import counts, tree

ELEVEN = [f"{i:02d}" for i in range(11)]
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
        "other beside the homework's",
        "training/{rice,soup,other}/x.jpg validation/{rice,soup,other}/y.jpg",
        {part: {"other": 1, "rice": 1, "soup": 1} for part in (TRAIN, VALID)},
    ),
    ("none beside numbers", "{1,2,none}/x.jpg", {WHOLE: {"1": 1, "2": 1, "none": 1}}),
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
            " cat/.ipynb_checkpoints/1.jpg .Trash-1000/files/1.jpg .git/1.jpg"
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


def test_notes_name_what_is_not_used(tmp_path):
    found = open_collection(
        tree(
            tmp_path,
            "train/{cat,dog}/1.jpg train/cat/{a.txt,b.txt,c.mp4} train/unlabeled/3.jpg"
            " preview/x.jpg",
        )
    )
    text = "\n".join((*found.notes, *found.unused.values()))
    for words in (
        "not used: 1 picture in a folder without labels (train/unlabeled/3.jpg)",
        "not used: 1 picture beside the parts",
        "ignored: 3 files of other kinds (2 .txt, 1 .mp4)",
    ):
        assert words in text
    assert found.other_files == 3


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


def test_folders_inside_of_class_folders_are_told(tmp_path):
    notes = open_collection(tree(tmp_path, "{fold1,fold2}/{cat,dog}/x.jpg")).notes
    assert any("fold1/" in note and "outer" in note for note in notes)
    assert not open_collection(tree(tmp_path / "plain", "train/{cat,dog}/x.jpg")).notes


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("a/{train,valid}/{x,y}/1.jpg b/{x,y}/1.jpg", "a"),
        ("{a,b}/{train,valid}/{x,y}/1.jpg {a,b}/zoo/1.jpg", "a, b"),
        ("{hw22,hw23}/{training,validation}/{0_1,1_1}.jpg", "hw22, hw23"),
        ("p/{a,b}/{train,valid}/{x,y}/1.jpg q/c/1.jpg", "p/a, p/b"),
        ("Train/{a,b}/{train,valid}/{x,y}/1.jpg", "Train/a, Train/b"),
        ("{a,b}/{x,y}/1.jpg", ""),
        ("{x,y}/{train,val}/1.jpg", ""),
        ("{x,y}/1.jpg x/test/2.jpg", ""),
        ("train/{x,y}/1.jpg train/x/train/2.jpg", ""),
        ("{x,y}/1.jpg {x,y}/old/train/{2,3}.jpg", ""),
        ("{x,y}/unlabeled/1.jpg {x,y}/2.jpg", ""),
        ("a/{train,valid}/{x,y}/1.jpg", ""),
        ("a/{train,valid}/{x,y}/1.jpg train/{x,y}/1.jpg", ""),
    ],
)
def test_folders_of_whole_sets_are_told(tmp_path: Path, text: str, sets: str) -> None:
    """Someone has given the folder around their sets; a class that has a folder called test is
    none."""
    place = tree(tmp_path, text)
    notes = [note for note in open_collection(place).notes if "sets of photographs" in note]
    assert len(notes) == bool(sets)
    if sets:
        first = sets.split(", ")[0]
        assert notes[0].endswith(f" ({sets}): give one of them, such as {place / first}")
        assert open_collection(place / first).classes in (("x", "y"), ("0", "1"), HW03_CLASSES)


def test_whole_sets_in_an_archive_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("a/train/x/1.jpg", "a/train/y/1.jpg", "b/train/x/1.jpg", "b/train/y/1.jpg"):
            archive.writestr(name, b"x")
    (note,) = open_collection(tmp_path / "a.zip").notes
    assert note.endswith("(a, b): unpack one, such as a")


def test_folders_that_begin_with_a_dot_are_told(tmp_path: Path) -> None:
    """They are passed over, which a class called .net should not be without a word."""
    found = open_collection(tree(tmp_path, "{java,python,.net,.5}/{1,2}.jpg .git/1.jpg a/._1.jpg"))
    assert found.classes == ("java", "python")
    (note,) = [n for n in found.notes if "dot" in n]
    assert note.startswith("passed over: 4 pictures in folders whose names begin with a dot")
    assert {".net", ".5"} == set(note.split("(")[1].split(")")[0].split(", "))
