"""Sets of photographs as people report them: what is told, and what is done with them."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from imagecls.photos.collection import open_collection
from imagecls.photos.data import Split, Splits, load_splits
from imagecls.photos.labelling import Labelling
from imagecls.photos.listed import Listed, apply
from imagecls.photos.store import ImageStore
from tests.photographs import colourful, encoded
from tests.trees import tree


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes, four pictures each for training and one for validation; some are called alike."""
    for k, kind in enumerate(("cat", "dog")):
        for part, count in (("train", 4), ("valid", 1)):
            (tmp_path / "data" / part / kind).mkdir(parents=True)
            for i in range(count):
                picture = encoded(colourful(100 * k + 10 * i + 7 * (part == "valid")), "PNG")
                (tmp_path / "data" / part / kind / f"{i}.png").write_bytes(picture)
    return tmp_path / "data"


def splits(source: Path, tmp_path: Path) -> Splits:
    return load_splits(str(source), Split(), ImageStore(8, cache=tmp_path / "cache"), quiet=True)


def told(found: Splits, words: str) -> list[str]:
    return [note for note in found.notes if words in note]


def test_the_same_picture_with_two_labels_is_told(data: Path, tmp_path: Path) -> None:
    shutil.copy(data / "train/cat/0.png", data / "train/cat/again.png")
    assert not told(splits(data, tmp_path), "different labels")
    shutil.copy(data / "train/cat/0.png", data / "train/dog/x.png")
    (note,) = told(splits(data, tmp_path), "different labels")
    assert note.startswith("1 picture is there several times")
    assert "cat as cat" not in note
    assert "train/dog/x.png as dog" in note
    assert "as cat" in note
    # in validation, too, where the training picture is left out
    shutil.copy(data / "train/dog/1.png", data / "valid/cat/y.png")
    (note,) = told(splits(data, tmp_path), "different labels")
    assert note.startswith("2 pictures are there several times")
    assert told(splits(data, tmp_path), "1 training picture left out, since also in validation")


def test_pictures_whose_names_go_on_are_told(tmp_path: Path) -> None:
    few = "train/{cat,dog}/{1,2}.jpg"
    advice = "rename those that are pictures: their names must end as pictures' do"
    for name in ("1.jpg_large", "1.JPG!d", "1.jpg.1", "1.jpeg?w=300", "1.png:large"):
        found = open_collection(tree(tmp_path / name.replace(":", ""), f"{few} train/cat/{name}"))
        assert [advice in note for note in found.notes] == [True], name
    for name in ("notes.txt", "1.jpg.txt", "1.jpg.json", "README", "jpg.db"):
        found = open_collection(tree(tmp_path / name, f"{few} train/cat/{name}"))
        assert [advice in note for note in found.notes] == [False], name


def test_a_listed_picture_that_is_left_out_is_no_other(data: Path, tmp_path: Path) -> None:
    """Nor in an archive: of the others none is meant, be it called alike in another folder."""
    (data / "train/cat/3.png").write_bytes(b"broken")  # train/dog/3.png is whole
    shutil.copy(data / "train/cat/2.png", data / "valid/cat/same.png")
    lists = tmp_path / "list.csv"
    lists.write_text("file\ntrain/cat/3.png\ntrain/cat/2.png\ntrain/dog/1.png\n")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", data)
    for source in (data, Path(archive)):
        found = apply(Listed(drop=(str(lists),)), splits(source, tmp_path), str(source))
        assert [photo.name for photo in found.train.photos] == [
            *("train/cat/0.png", "train/cat/1.png"),
            *("train/dog/0.png", "train/dog/2.png", "train/dog/3.png"),
        ]
        assert told(found, "2 listed pictures left out for other reasons already")


def test_names_with_spaces_around_them_are_found_by_their_table(tmp_path: Path) -> None:
    """Cells of a table are read without the spaces around them."""
    (tmp_path / "d").mkdir()
    for name in (" a.jpg", "b .jpg", "c.jpg"):
        (tmp_path / "d" / name).touch()
    table = tmp_path / "t.csv"
    table.write_text(' a.jpg,cat\n"b .jpg",dog\nc.jpg,cat\n')
    found = open_collection(tmp_path / "d", Labelling((str(table),)))
    assert not found.labelled.unfound
    assert found.labelled.kinds == {" a.jpg": "cat", "b .jpg": "dog", "c.jpg": "cat"}


def test_what_an_archive_holds_twice_counts_once(data: Path, tmp_path: Path) -> None:
    """The last one, as when it is unpacked; with steps of Windows."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for path in sorted(data.rglob("*.png")):
            name = path.relative_to(data).as_posix().replace("/", "\\")
            archive.writestr(name, path.read_bytes())
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("train\\cat\\0.png", encoded(colourful(77), "PNG"))
    found = splits(tmp_path / "x.zip", tmp_path)
    assert (len(found.train), len(found.valid)) == (8, 2)
    store = found.train.store
    (there,) = [i for i, p in enumerate(found.train.photos) if p.name == "train/cat/0.png"]
    wanted = splits(data, tmp_path)
    others = [i for i in range(8) if i != there]
    assert np.array_equal(
        store.pixels(found.train.rows[others]), wanted.train.store.pixels(wanted.train.rows[others])
    )
    assert not np.array_equal(
        store.pixels(found.train.rows[there : there + 1]),
        wanted.train.store.pixels(wanted.train.rows[there : there + 1]),
    )
