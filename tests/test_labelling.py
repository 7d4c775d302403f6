"""Classes by a table or by a pattern, as the library reads them: tables as people have them, each
against the classes written beside it."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from gocnn.errors import UserError
from imagecls.photos.collection import UNLISTED, open_collection
from imagecls.photos.data import judged, labelled
from imagecls.photos.labelling import NUMBERED, Labelling
from imagecls.photos.layout import OUTSIDE, TEST, TRAIN, VALID, WHOLE
from tests.trees import by, tree
from tests.typed import cli, refused


def table(folder: Path, text: str | bytes, name: str = "labels.csv") -> Labelling:
    path = folder.parent / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Labelling((str(path),))


AB = {"a.jpg": "cat", "b.jpg": "dog"}
TABLES: list[tuple[str, str | bytes, dict[str, str]]] = [
    ("plain", "a.jpg,cat\nb.jpg,dog\n", AB),
    ("a line of names", "filename,label\na.jpg,cat\nb.jpg,dog\n", AB),
    ("a line of names that nobody knows", "Bild;Sorte\na.jpg;cat\nb.jpg;dog\n", AB),
    ("semicolons, BOM, CRLF", b"\xef\xbb\xbfImage;Class\r\na.jpg;cat\r\nb.jpg;dog\r\n", AB),
    ("tabs in UTF-16, as Excel's Unicode text", "a.jpg\tcat\nb.jpg\tdog".encode("utf-16"), AB),
    ("Excel's line of the separator", "sep=;\nfile;class\na.jpg;cat\nb.jpg;dog\n", AB),
    ("the same with a comma", "SEP=,\r\na.jpg,cat\r\nb.jpg,dog\r\n", AB),
    ("quotes", '"a.jpg","cat"\n"b.jpg","dog"\n', AB),
    (
        "a comma in a class",
        'a.jpg;"cat, black"\nb.jpg;"dog, ""white"""\n',
        {"a.jpg": "cat, black", "b.jpg": 'dog, "white"'},
    ),
    ("paths of Windows", "C:\\Users\\me\\pets\\a.jpg,cat\nC:\\Users\\me\\pets\\b.jpg,dog\n", AB),
    ("paths from here", "./a.jpg,cat\n./b.jpg,dog\n", AB),
    ("no endings", "id,breed\na,cat\nb,dog\n", AB),
    ("other letters", "A.JPG,cat\nb.JPG,dog\n", AB),
    ("empty lines and spaces", "a.jpg , cat\n\n  \nb.jpg, dog\n\n", AB),
    ("the class first", "label,image\ncat,a.jpg\ndog,b.jpg\n", AB),
    ("columns besides", "index,file,width,class\n0,a.jpg,10,cat\n1,b.jpg,12,dog\n", AB),
    ("coordinates", "image,x,y,category\na.jpg,1,10,cat\nb.jpg,1,11,dog\n", AB),
    ("twice the same", "a.jpg,cat\nb.jpg,dog\na.jpg,cat\n", AB),
    (
        "names with spaces and of other writing",
        "a.jpg,fried egg\nb.jpg,寿司\n",
        {"a.jpg": "fried egg", "b.jpg": "寿司"},
    ),
    ("floats, as pandas writes numbers", "a.jpg,0.0\nb.jpg,3.0\n", {"a.jpg": "0", "b.jpg": "3"}),
    ("floats and numbers", "a.jpg,2\nb.jpg,10.00\n", {"a.jpg": "2", "b.jpg": "10"}),
    ("numbers that are no wholes", "a.jpg,1.5\nb.jpg,2.0\n", {"a.jpg": "1.5", "b.jpg": "2.0"}),
    (
        "a table of R, with row names",
        '"","file","class"\n"1","a.jpg","cat"\n"2","b.jpg","dog"\n',
        AB,
    ),
]


@pytest.mark.parametrize(("what", "text", "wanted"), TABLES, ids=[case[0] for case in TABLES])
def test_tables_as_people_have_them(tmp_path, what, text, wanted):
    folder = tree(tmp_path / "pets", "{a,b}.jpg")
    assert by(folder, table(folder, text)) == {WHOLE: wanted}


def test_folders_say_the_parts_and_the_table_the_classes(tmp_path):
    """A competition: train/ and test/ with the same numbers, and a table of the first; its pictures
    without a row are told, and those of the test are not."""
    folder = tree(tmp_path / "all", "train/{0,1,2,3}.jpg test/{0,1,2}.jpg")
    found = by(folder, table(folder, "id,label\n0,x\n1,y\n2,x\n"))
    assert found == {
        TRAIN: {"train/0.jpg": "x", "train/1.jpg": "y", "train/2.jpg": "x"},
        UNLISTED: {"train/3.jpg": ""},
        TEST: {"test/0.jpg": "", "test/1.jpg": "", "test/2.jpg": ""},
    }
    collection = open_collection(folder, table(folder, "id,label\n0,x\n1,y\n2,x\n"))
    assert "not used: 1 picture without a class by" in collection.unused[UNLISTED]
    assert any("those of the train part are meant" in note for note in collection.notes)
    found = by(folder, table(folder, "0,x\n1,y\n2,x\n", "test.csv"))
    assert found[TEST] == {"test/0.jpg": "x", "test/1.jpg": "y", "test/2.jpg": "x"}
    # a path that says train is of no picture in test
    rows = table(folder, "train/0.jpg,x\ntest/0.jpg,y\n")
    found = by(folder, rows)
    assert (found[TRAIN], found[TEST]["test/0.jpg"]) == ({"train/0.jpg": "x"}, "y")
    with pytest.raises(UserError, match="train/0.jpg is not in"):
        labelled(str(folder / "test"), ("x", "y"), labelling=rows)


PARTS = {
    TRAIN: {"1.jpg": "cat", "2.jpg": "dog", "3.jpg": "cat"},
    VALID: {"4.jpg": "dog"},
    TEST: {"5.jpg": "cat", "6.jpg": "dog"},
}
WITHOUT_TEST = {TRAIN: PARTS[TRAIN] | PARTS[TEST], VALID: PARTS[VALID]}
SPLITS = [
    ("file,label,split", "train valid test", PARTS),
    ("split;image;class", "Train Val Test", PARTS),
    ("path,class,data set", "training validation testing", PARTS),
    ("path,class,Partition", "train dev eval", PARTS),
    ("file,label,fold,split", "train valid test", PARTS),
    ("file,label,is_valid", "False True False", WITHOUT_TEST),
    ("fname,label,is_valid", "0 1 0", WITHOUT_TEST),
    ("file,label,is_test", "no no yes", {TRAIN: PARTS[TRAIN] | PARTS[VALID], TEST: PARTS[TEST]}),
    (
        "file,label,is_training_image",
        "1 1 0",
        {TRAIN: PARTS[TRAIN] | PARTS[VALID], TEST: PARTS[TEST]},
    ),
]


@pytest.mark.parametrize(("names", "words", "wanted"), SPLITS, ids=[case[0] for case in SPLITS])
def test_a_column_says_the_parts(tmp_path, names, words, wanted):
    """As Hugging Face, Kaggle, fastai and CUB-200 name it; folders then say nothing."""
    written = dict(zip((TRAIN, VALID, TEST), words.split(), strict=True))
    separator = ";" if ";" in names else ","
    lines, split = [names], ""
    for part, pictures in PARTS.items():
        for number, (name, kind) in enumerate(pictures.items()):
            cells = {"file": name, "image": name, "path": name, "fname": name}
            cells |= {"label": kind, "class": kind, "fold": str(number)}
            columns = names.split(separator)
            split = next(column for column in columns if column not in cells)
            lines.append(separator.join(cells.get(each, written[part]) for each in columns))
    folder = tree(tmp_path / "d", "{1,2,3,4,5,6}.jpg")
    labels = table(folder, "\n".join(lines))
    assert by(folder, labels) == wanted
    notes = open_collection(folder, labels).notes
    assert f"the column {split} of {labels.tables[0]} says the part of each picture" in notes
    assert ("fold" in names) == any("the column fold of" in n and "passed over" in n for n in notes)
    folder = tree(tmp_path / "e", "training/{1,2,3,4,5,6}.jpg elsewhere/7.jpg")
    inside = {
        part: {f"training/{name}": kind for name, kind in pictures.items()}
        for part, pictures in wanted.items()
    }
    assert by(folder, labels) == {**inside, UNLISTED: {"elsewhere/7.jpg": ""}}


def test_a_column_that_does_not_plainly_say_parts_is_named(tmp_path):
    """And nothing is made of a part of it."""
    folder = tree(tmp_path / "d", "{1,2,3}.jpg")
    for column, values, some in (
        ("split", ("train", "holdout", "test"), "holdout"),
        ("split", ("train", "", "test"), "nothing"),
        ("fold", ("0", "1", "2"), "0, 1, 2"),
        ("is_valid", ("True", "False", "maybe"), "maybe"),
        ("subset", ("a", "b", "unlabeled"), "a, b, unlabeled"),
    ):
        rows = [f"{i}.jpg,{'xy'[i % 2]},{value}" for i, value in enumerate(values, 1)]
        labels = table(folder, "\n".join([f"file,class,{column}", *rows]))
        assert list(by(folder, labels)) == [WHOLE]
        (note,) = open_collection(folder, labels).notes
        assert note.startswith(f"the column {column} of {labels.tables[0]} is passed over: it has")
        assert some in note
    twice = table(folder, "file,class,split\n1.jpg,x,train\n2.jpg,y,test\n1.jpg,x,test\n")
    with pytest.raises(UserError, match=r"line 4: 1.jpg is to test, and to train in line 2 of"):
        by(folder, twice)


def test_tables_of_kaggle_with_parts(tmp_path):
    """Numbers and names of classes beside each other; test pictures whose classes are kept back."""
    folder = tree(tmp_path / "d", "{train,valid,test}/{1,2}.jpg")
    rows = "".join(
        f"{number}.0,{part}/{number}.jpg,{kind},{part}\n"
        for part in ("train", "valid", "test")
        for number, kind in ((1, "EMU"), (2, "KIWI"))
    )
    found = by(folder, table(folder, f"class id,filepaths,labels,data set\n{rows}"))
    assert found == {
        part: {f"{part}/1.jpg": "EMU", f"{part}/2.jpg": "KIWI"} for part in (TRAIN, VALID, TEST)
    }
    folder = tree(tmp_path / "e", "{1,2,3,4}.jpg")
    text = "file,label,split\n1.jpg,x,train\n2.jpg,y,train\n3.jpg,,test\n4.jpg,{},{}\n"
    assert by(folder, table(folder, text.format("x", "test"))) == {
        TRAIN: {"1.jpg": "x", "2.jpg": "y"},
        TEST: {"3.jpg": "", "4.jpg": "x"},
    }
    with pytest.raises(UserError, match="line 5 has no class"):
        by(folder, table(folder, text.format("", "train")))


def test_classes_that_other_programs_take_for_missing(tmp_path):
    """They are classes, and that is said of tables, where they may come from a program."""
    folder = tree(tmp_path / "d", "{1,2,3}.jpg")
    labels = table(folder, "1.jpg,nan\n2.jpg,None\n3.jpg,cat\n")
    assert by(folder, labels) == {WHOLE: {"1.jpg": "nan", "2.jpg": "None", "3.jpg": "cat"}}
    notes = open_collection(folder, labels).notes
    assert [note.split(" of ")[0] for note in notes] == [
        "nan is taken for a class (1 row",
        "None is taken for a class (1 row",
    ]
    found = open_collection(tree(tmp_path / "e", "{nan,None,NA,null}/{1,2}.jpg"))
    assert set(found.classes) == {"nan", "None", "NA", "null"}
    assert found.notes == ()


def test_the_table_wins_over_folders_and_names(tmp_path):
    folder = tree(tmp_path / "d", "kitchen/3_1.jpg garden/{3_2,x}.jpg")
    labels = table(folder, "3_1.jpg,egg\n3_2.jpg,leek\ngarden/x.jpg,leek\n")
    assert by(folder, labels) == {
        WHOLE: {"kitchen/3_1.jpg": "egg", "garden/3_2.jpg": "leek", "garden/x.jpg": "leek"}
    }
    assert any("not those of folders" in note for note in open_collection(folder, labels).notes)


def test_files_without_an_ending_are_pictures_if_the_table_says_so(tmp_path):
    folder = tree(tmp_path / "d", "images/{0001,0002} readme.txt")
    found = by(folder, table(folder, "0001,a\n0002,b\n"))
    assert found == {WHOLE: {"images/0001": "a", "images/0002": "b"}}


WRONG: list[tuple[str | bytes, str]] = [
    ("a.jpg,cat\nb.jpg,dog\nc.jpg,dog\n", "line 3: c.jpg is not in"),
    (
        "a.jpg,cat\nb.jpg,dog\nc.jpg,dog\nd.jpg,dog\n",
        r"names 2 pictures that are not in .*\(c.jpg, d.jpg",
    ),
    ("x.jpg,cat\ny.jpg,dog\n", "names no picture of .*: it has x.jpg and the like"),
    ("a.jpg,cat\na.jpg,dog\n", "a.jpg is of class dog, and of class cat in line 1"),
    ("a.jpg,cat\nb.jpg,\n", "line 2 has no class"),
    ("a.jpg,cat\n,dog\n", "line 2 has no file"),
    ("a.jpg,cat\nb.jpg\n", "line 2 has no class"),
    ("a.jpg\nb.jpg\n", "has no two columns"),
    ("a.jpg,cat,1,2\nb.jpg,dog,1,2\n", "has 4 columns"),
    ("same.jpg,cat\n", "same.jpg may be (one|two)/same.jpg"),
    ("file,class\n", "nothing below"),
    ("", "is empty"),
    ('a.jpg,cat\nb.jpg,"dog\na/same.jpg,cat\n', "line 2: a quotation mark begins a cell that"),
    ("a.jpg,Käse\nb.jpg,Brot\n".encode("latin-1"), "not in UTF-8"),
    (b"PK\x03\x04rest", "is a spreadsheet"),
    (b"a.jpg,\0\n", "not a text"),
]


@pytest.mark.parametrize(("text", "words"), WRONG)
def test_bad_tables_are_one_sentence(tmp_path, text, words):
    folder = tree(tmp_path / "d", "{a,b}.jpg {one,two}/same.jpg")
    with pytest.raises(UserError, match=words):
        labelled(str(folder), ("cat", "dog"), labelling=table(folder, text))
    with pytest.raises(UserError, match="does not exist; give a CSV file"):
        labelled(str(folder), ("cat", "dog"), labelling=Labelling((str(tmp_path / "no.csv"),)))


@pytest.mark.parametrize(
    ("names", "pattern", "wanted"),
    [
        (
            "train/{cat,dog}.{0,1}.jpg test1/{1,2}.jpg",
            r"^(\w+)\.",
            {TRAIN: "cat cat dog dog", TEST: " "},
        ),
        (
            "images/{Abyssinian,american_bulldog}_{1,22}.jpg",
            r"^(.+)_\d+",
            {WHOLE: "Abyssinian Abyssinian american_bulldog american_bulldog"},
        ),
        ("{0,1}_{a,b}.png", r"_([a-z])\.", {WHOLE: "a b a b"}),
        ("{x,y}/{good,bad}/1.jpg", r"/(good|bad)/", {WHOLE: "bad good bad good"}),
        (
            "IMG_{1,2}_cat.jpg IMG_3_dog.jpg notes.jpg",
            r"_([a-z]+)\.jpg$",
            {WHOLE: "cat cat dog", UNLISTED: ""},
        ),
    ],
)
def test_patterns(tmp_path, names, pattern, wanted):
    found = by(tree(tmp_path / "d", names), Labelling((), pattern))
    assert {part: " ".join(kinds.values()) for part, kinds in found.items()} == wanted


def test_scenes_as_kaggle_has_them(tmp_path):
    """seg_train/seg_train/<class>, seg_test/seg_test/<class>, seg_pred/seg_pred/*.jpg: the test
    part is judged, which has classes, and not what was learnt from."""
    folder = tree(
        tmp_path / "intel",
        "seg_train/seg_train/{sea,street}/{1,2}.jpg seg_test/seg_test/{sea,street}/3.jpg"
        " seg_pred/seg_pred/{4,5}.jpg",
    )
    found = open_collection(folder)
    assert found.classes == ("sea", "street")
    assert {part: len(photos) for part, photos in found.parts.items()} == {
        TRAIN: 4,
        TEST: 2,
        OUTSIDE: 2,
    }
    part, photos = judged(str(folder), ("sea", "street"))
    assert part == TEST
    assert [p.label for p in photos] == [0, 1]
    assert judged(str(folder), ("sea", "street"), "train")[0] == TRAIN
    # a test part without classes is not judged
    plain = tree(tmp_path / "other", "train/{a,b}/1.jpg test/{1,2}.jpg")
    assert judged(str(plain), ("a", "b"))[0] == TRAIN


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            "train/{cat,great_dog}.{0,1,2}.jpg",
            r"(cat, great_dog), add --label-pattern '^(.+)[._ -]\d+\.'",
        ),
        ("train/images/{Cat,Dog}_{1,2}.jpg", "(Cat, Dog), add --label-pattern"),
        ("train/images/IMG_{1,2,3,4}.jpg", ""),
        ("train/images/{Cat_1,Dog_2}.jpg", ""),
    ],
)
def test_names_that_say_classes_are_pointed_at(tmp_path: Path, names: str, said: str) -> None:
    """Kaggle's cats and dogs, and pets: neither folders nor numbers, but the pattern that it
    advises finds them."""
    folder = tree(tmp_path / "d", names)
    for i, path in enumerate(sorted(folder.rglob("*.jpg"))):
        Image.new("RGB", (9, 9), (30 * i, 0, 90)).save(path)
    error = refused(1, "img-train", folder, "--out", tmp_path / "run", "--steps", 1)
    assert said in error
    assert (NUMBERED in error) == bool(said)
    if said:
        found = open_collection(folder, Labelling(pattern=NUMBERED)).classes
        assert all(kind in error for kind in found)


def test_numbers_without_their_zeros(tmp_path: Path) -> None:
    folder = tree(tmp_path / "d", "{0000,0001}.jpg")
    with pytest.raises(UserError, match="lost the zeros before them"):
        labelled(str(folder), ("cat", "dog"), labelling=table(folder, "id,class\n0,cat\n1,dog\n"))


def test_who_judges_is_told_how_the_pictures_were_found(
    tiny_classifiers: Path, tmp_path: Path
) -> None:
    """As who learns is: a column that says no part, pictures without a class, a misspelt part."""
    few = tiny_classifiers.parent / "few"
    folder = tmp_path / "flat"
    folder.mkdir()
    for path in few.glob("validation/*/*.jpg"):
        shutil.copy(path, folder / f"{path.parent.name}-{path.name}")
    names = sorted(folder.iterdir())
    rows = [
        f"{p.name},{p.name.partition('-')[0]},{'train' if i else 'tset'}"
        for i, p in enumerate(names)
    ]
    labels = tmp_path / "labels.csv"
    labels.write_text("\n".join(["file,class,split", *rows[:-1]]) + "\n")
    for command in (
        ("img-eval", folder),
        ("img-clean", folder),
        ("img-features", folder, "--out", tmp_path / "f.npz"),
    ):
        said = cli(*command, "--model", tiny_classifiers / "cnn", "--labels", labels)
        assert said.exit_code == 0, said.output
        assert "the column split of" in said.stderr
        assert f"not used: 1 picture without a class by {labels} ({names[-1].name})" in said.stderr


def test_which_column_has_the_classes_is_said_where_several_may(tmp_path: Path) -> None:
    folder = tree(tmp_path / "pets", "{a,b}.jpg")
    text = "filename,species,breed\na.jpg,cat,siamese\nb.jpg,dog,beagle\n"
    notes = open_collection(folder, table(folder, text)).notes
    assert [n for n in notes if "are those of its column species, not of breed" in n]
    plain = open_collection(folder, table(folder, "file,class\na.jpg,cat\nb.jpg,dog\n")).notes
    assert not [n for n in plain if "column" in n]


def test_rows_that_fit_by_the_name_of_the_file_alone_are_told(tmp_path: Path) -> None:
    """A table of another camera's pictures, numbered alike."""
    folder = tree(tmp_path / "shots", "cam_b/{1,2}.jpg")
    notes = open_collection(folder, table(folder, "cam_a/1.jpg,x\ncam_a/2.jpg,y\n")).notes
    (note,) = [n for n in notes if "by the name of the file alone" in n]
    assert "2 rows (cam_a/1.jpg for cam_b/1.jpg)" in note
    for row in (
        "cam_b/{}.jpg,{}",
        "shots/cam_b/{}.jpg,{}",
        "C:\\shots\\cam_b\\{}.jpg,{}",
        "{}.jpg,{}",
    ):
        text = "\n".join(row.format(i, kind) for i, kind in ((1, "x"), (2, "y")))
        assert not [n for n in open_collection(folder, table(folder, text)).notes if "alone" in n]


def test_test_pictures_that_are_left_out_of_judging_are_counted(tmp_path: Path) -> None:
    """Of a class that training lacks, by a pattern."""
    folder = tree(tmp_path / "p", "train/{a,b}.{1,2}.jpg test/{a,b,c}.3.jpg")
    notes: list[str] = []
    _, photos = judged(
        str(folder), ("a", "b"), labelling=Labelling(pattern=r"^(\w+)\."), said=notes.append
    )
    assert len(photos) == 2
    assert [n for n in notes if "not judged: 1 picture" in n and "test/c.3.jpg" in n]


@pytest.mark.parametrize(
    "text",
    ['{"a.jpg": "cat", "b.jpg": "dog"}', '[\n {"file": "a.jpg"}\n]', '{\n  "images": [\n  ]\n}'],
)
def test_json_is_called_so(tmp_path: Path, text: str) -> None:
    folder = tree(tmp_path / "pets", "{a,b}.jpg")
    with pytest.raises(UserError, match="is JSON, not a table; write a file and its class in"):
        open_collection(folder, table(folder, text))
