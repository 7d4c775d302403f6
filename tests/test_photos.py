"""Finding photographs: layouts, what is wrong and said, folds, and batches of them."""

import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from gocnn.errors import UserError
from imagecls.photos.classes import HW03_CLASSES
from imagecls.photos.collection import open_collection, read_photos
from imagecls.photos.data import PhotoBatches, PhotoSource, Split, load_splits
from imagecls.photos.labelling import Labelling
from imagecls.photos.layout import TEST, TRAIN, VALID, WHOLE
from imagecls.photos.store import ImageStore
from tests.photographs import colourful, encoded, make_homework


def test_homework_layout_in_a_folder_a_zip_and_a_tar(tmp_path):
    make_homework(tmp_path / "food11")
    (tmp_path / "food11" / "readme.txt").write_text("not a picture")
    (tmp_path / "food11" / ".DS_Store").write_text("")
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for path in (tmp_path / "food11").rglob("*"):
            archive.write(path, path.relative_to(tmp_path))
    modes: dict[str, Literal["w", "w:gz", "w:xz"]]
    modes = {".tar": "w", ".tar.gz": "w:gz", ".tar.xz": "w:xz"}
    for suffix, mode in modes.items():
        with tarfile.open(tmp_path / f"f{suffix}", mode) as bundle:
            bundle.add(tmp_path / "food11", "./food11")
    for place in ("food11", "f.zip", "f.tar", "f.tar.gz", "f.tar.xz"):
        found = open_collection(tmp_path / place)
        assert found.classes == HW03_CLASSES
        assert {part: len(photos) for part, photos in found.parts.items()} == {
            TRAIN: 44,
            VALID: 22,
            TEST: 5,
        }
        assert [Path(p.name).name for p in found.parts[TEST]] == [f"{i:04d}.jpg" for i in range(5)]
        assert all(p.label == int(Path(p.name).name.split("_")[0]) for p in found.parts[TRAIN])
        assert all(p.label == -1 for p in found.parts[TEST])
        assert found.other_files == 1
        contents = dict(read_photos(found.parts[TRAIN]))
        originals = [
            (tmp_path / "food11" / "training" / Path(p.name).name).read_bytes()
            for p in found.parts[TRAIN]
        ]
        assert [contents[i] for i in range(44)] == originals


@pytest.mark.parametrize("around", ["", "data/pictures/"])
def test_class_folders(tmp_path, around):
    for name in (
        "train/cat/1.jpg",
        "train/dog/a.PNG",
        "val/cat/2.jpg",
        "val/dog/b c.webp",
        "test/x.jpg",
    ):
        path = tmp_path / (around + name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(colourful()))
    found = open_collection(tmp_path)
    assert found.classes == ("cat", "dog")
    assert {part: [p.label for p in photos] for part, photos in found.parts.items()} == {
        TRAIN: [0, 1],
        VALID: [0, 1],
        TEST: [-1],
    }


def test_links_to_folders_are_followed_and_circles_end(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.jpg").write_bytes(encoded(colourful()))
    (tmp_path / "data" / "dog").mkdir(parents=True)
    (tmp_path / "data" / "dog" / "2.jpg").write_bytes(encoded(colourful(1)))
    (tmp_path / "data" / "cat").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "dog" / "round").symlink_to(tmp_path / "data")
    found = open_collection(tmp_path / "data")
    assert found.classes == ("cat", "dog")
    assert [p.name for p in found.parts[WHOLE]] == ["cat/1.jpg", "dog/2.jpg"]


def test_class_folders_without_parts_and_one_class(tmp_path):
    for i, name in enumerate(("10/a.jpg", "2/b.jpg", "2/c.jpg")):
        (tmp_path / "many" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "many" / name).write_bytes(encoded(colourful(i)))
    found = open_collection(tmp_path / "many")
    assert found.classes == ("2", "10")
    assert [p.label for p in found.parts[WHOLE]] == [0, 0, 1]
    (tmp_path / "one" / "cat").mkdir(parents=True)
    (tmp_path / "one" / "cat" / "1.jpg").write_bytes(encoded(colourful()))
    assert open_collection(tmp_path / "one").classes == ("cat",)
    with pytest.raises(UserError, match="one class only"):
        load_splits(
            str(tmp_path / "one"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True
        )


def test_places_that_hold_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "cut.tar.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\x00" * 20)
    (tmp_path / "a.rar").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    for name, words in (
        ("empty", "holds no pictures"),
        ("gone", "does not exist"),
        ("text.zip", "not a whole archive"),
        ("cut.tar.gz", "not a whole archive"),
        ("a.rar", "does not begin as an archive"),
        ("a.txt", "neither a folder nor"),
    ):
        with pytest.raises(UserError, match=words):
            open_collection(tmp_path / name)


def test_what_is_wrong_is_said_and_left_out(tmp_path):
    make_homework(tmp_path / "data", classes=3)
    train, valid = tmp_path / "data" / "training", tmp_path / "data" / "validation"
    (train / "0_70.jpg").write_text("I am a text")
    (train / "1_71.jpg").write_bytes(b"")
    (train / "2_72.jpg").write_bytes((valid / "2_0.jpg").read_bytes())
    (train / "3_0.jpg").write_bytes(encoded(colourful(31), "JPEG"))
    parts = load_splits(
        str(tmp_path / "data"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True
    )
    notes = "\n".join(parts.notes)
    for words in (
        "1 left out, not a picture",
        "0_70.jpg",
        "1 left out, empty",
        "1_71.jpg",
        "also in validation",
        "2_72.jpg",
        "class 3 has one training picture only",
        "class 3 is missing from validation",
    ):
        assert words in notes
    assert len(parts.train) == 13
    assert len(parts.valid) == 6


def test_test_folder_cannot_be_trained_on(tmp_path):
    make_homework(tmp_path / "data")
    with pytest.raises(UserError, match="looks like a test folder"):
        load_splits(
            str(tmp_path / "data" / "evaluation"),
            Split(),
            ImageStore(16, cache=tmp_path / "cache"),
            quiet=True,
        )


@pytest.mark.parametrize("folder", ["images", "train_images", ""])
def test_a_table_beside_pictures_without_classes_is_named(tmp_path, folder):
    """As data sets come that are published with a table; and once it is read it is no file that is
    ignored."""
    make_homework(tmp_path / "data", classes=2)
    source, store = tmp_path / "set", ImageStore(16, cache=tmp_path / "cache")
    (source / folder).mkdir(parents=True)
    rows = ["image_id,label"]
    for path in (tmp_path / "data" / "training").iterdir():
        shutil.copy(path, source / folder / f"x{len(rows):03}.jpg")
        rows.append(f"x{len(rows):03},{path.name[0]}")
    for name in ("a.csv", "train.csv"):
        (source / name).write_text("\n".join(rows))
    with pytest.raises(UserError) as caught:
        load_splits(str(source), Split(), store)
    assert str(caught.value).endswith(
        f"; if {source / 'train.csv'} names them, add --labels {source / 'train.csv'}"
    )
    labelling = Labelling((str(source / "train.csv"),))
    found = load_splits(str(source), Split(labelling=labelling), store)
    assert found.classes == ("0", "1")
    assert "ignored: 1 file of other kinds (1 .csv)" in found.notes  # a.csv


def test_folds_are_disjoint_and_cover_everything(tmp_path):
    make_homework(tmp_path / "data", per_class=5, classes=3)
    store = ImageStore(16, cache=tmp_path / "cache")
    folds = [
        load_splits(str(tmp_path / "data"), Split(folds=4, fold=i), store, quiet=True)
        for i in range(4)
    ]
    held = [set(f.valid.rows.tolist()) for f in folds]
    assert sorted(row for rows in held for row in rows) == list(range(21))
    for fold, rows in zip(folds, held, strict=True):
        assert not rows & set(fold.train.rows.tolist())
        assert len(rows) + len(fold.train) == 21
        assert max(np.bincount(fold.valid.labels)) - min(np.bincount(fold.valid.labels)) <= 1


def test_source_sees_everything_once_an_epoch_and_resumes(tmp_path):
    make_homework(tmp_path / "data", per_class=5, classes=3)
    parts = load_splits(
        str(tmp_path / "data"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True
    )
    source = PhotoSource(parts.train, 4, seed=3)
    seen = np.concatenate([source.indices(i) for i in range(15)])
    assert all(sorted(seen[e * 15 : e * 15 + 15]) == list(range(15)) for e in range(4))
    assert not (seen[:15] == seen[15:30]).all()
    assert (PhotoSource(parts.train, 4, seed=3).indices(9) == source.indices(9)).all()
    both = [PhotoSource(parts.train, 4, 3, rank=rank, world=2).indices(5) for rank in range(2)]
    assert sorted(np.concatenate(both)) == sorted(source.indices(5))
    pixels, labels = source.batch(2)
    assert pixels.shape == (4, 3, 16, 16)
    assert (labels == parts.train.labels[source.indices(2)]).all()
    assert sum(len(labels) for _, labels in PhotoBatches(parts.valid, 4)) == 6
    batches = PhotoBatches(parts.valid, 4)
    assert len(batches) == 2
    for number, (pictures, marks) in enumerate(batches):
        assert torch.equal(batches[number][0], pictures)
        assert (
            batches[number][1].tolist()
            == marks.tolist()
            == parts.valid.labels[number * 4 : number * 4 + 4].tolist()
        )
    big = PhotoSource(parts.train, 64, seed=3)  # fewer pictures than a batch
    assert big.batches_per_epoch == len(parts.train) / 64
    assert len(big.batch(0)[1]) == 64
