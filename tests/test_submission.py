"""Ids and categories of a submission: the names of the test pictures and the classes' own numbers,
by hand; names that give no ids are refused."""

from pathlib import Path

import numpy as np
import pytest

from gocnn.errors import UserError
from imagecls.classifier import submission
from imagecls.photos.collection import Photo, open_collection
from imagecls.photos.layout import TEST, WHOLE
from tests.trees import tree


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
