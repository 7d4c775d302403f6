"""The store of decoded photographs: each once, kills, two writers, little memory, no room."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gocnn.errors import UserError
from imagecls.photos.collection import open_collection
from imagecls.photos.decode import decode
from imagecls.photos.layout import TRAIN, VALID, WHOLE
from imagecls.photos.store import ImageStore
from tests.conftest import needs_posix
from tests.photographs import colourful, encoded, make_homework


def test_store_keeps_each_content_once(tmp_path):
    make_homework(tmp_path / "data")
    (tmp_path / "data" / "training" / "3_99.jpg").write_bytes(
        (tmp_path / "data" / "training" / "3_0.jpg").read_bytes()
    )
    photos = open_collection(tmp_path / "data").parts[TRAIN]
    store = ImageStore(24, cache=tmp_path / "cache")
    first = store.add(photos, quiet=True)
    assert first.decoded == len(store) == 44
    assert len(set(first.rows.tolist())) == 44
    again = ImageStore(24, cache=tmp_path / "cache").add(photos, quiet=True)
    assert again.decoded == 0
    assert (again.rows == first.rows).all()
    for photo, pixels in zip(photos, store.pixels(first.rows), strict=True):
        assert (pixels == decode((Path(photo.source) / photo.name).read_bytes(), 24)).all()
    # another size is another store
    assert ImageStore(32, cache=tmp_path / "cache").add(photos, quiet=True).decoded == 44


def test_photographs_that_are_the_same_file_share_its_row(tmp_path):
    """As of an archive or a folder that a person names twice."""
    make_homework(tmp_path / "data")
    shutil.make_archive(str(tmp_path / "data"), "zip", tmp_path / "data")
    for source in ("data", "data.zip"):
        photos = open_collection(tmp_path / source).parts[TRAIN]
        added = ImageStore(24, cache=tmp_path / "cache").add((*photos, *photos), quiet=True)
        assert not added.bad
        assert (added.rows[: len(photos)] == added.rows[len(photos) :]).all()
        assert len(set(added.rows.tolist())) == len(photos)


def test_half_written_rows_are_made_again(tmp_path):
    make_homework(tmp_path / "data")
    photos = open_collection(tmp_path / "data").parts[TRAIN]
    whole = ImageStore(24, cache=tmp_path / "whole")
    rows = whole.add(photos, quiet=True).rows
    store = ImageStore(24, cache=tmp_path / "cache")
    store.add(photos[:20], quiet=True)
    with (store.folder / "pixels.u8").open("ab") as stream:
        stream.write(b"x" * 3000)  # one row and a part, whose keys a kill has prevented
    with (store.folder / "keys.bin").open("ab") as stream:
        stream.write(b"y" * 7)
    added = ImageStore(24, cache=tmp_path / "cache").add(photos, quiet=True)
    assert added.decoded == 24
    assert (store.pixels(added.rows) == whole.pixels(rows)).all()


BUILD = """
import sys
from pathlib import Path
from imagecls.photos import store
from imagecls.photos.collection import open_collection
store.SAVE_EVERY = 4
made = store.ImageStore(64, cache=Path(sys.argv[2])).add(open_collection(sys.argv[1]).parts["whole"], quiet=True)
print(made.decoded, len(made.bad))
"""


@pytest.mark.slow
def test_killed_while_building_makes_only_what_is_missing(tmp_path):
    data = tmp_path / "data"
    for i in range(240):
        (data / f"class{i % 3}").mkdir(parents=True, exist_ok=True)
        (data / f"class{i % 3}" / f"{i}.jpg").write_bytes(encoded(colourful(i, (500, 400)), "JPEG"))
    keys = tmp_path / "cache" / "64-squash-v2" / "keys.bin"
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(data), str(tmp_path / "cache")],
            stdout=subprocess.PIPE,
            text=True,
        )
        before = keys.stat().st_size if keys.exists() else 0
        while process.poll() is None:
            if keys.exists() and keys.stat().st_size > before + 16 * 10:
                process.kill()
                kills += 1
                break
            time.sleep(0.002)
        process.communicate()
    assert kills >= 1
    kept = keys.stat().st_size // 16
    out = subprocess.run(
        [sys.executable, "-c", BUILD, str(data), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert int(out[0]) == 240 - kept
    assert out[1] == "0"
    store = ImageStore(64, cache=tmp_path / "cache")
    photos = open_collection(data).parts[WHOLE]
    rows = store.add(photos, quiet=True).rows
    for photo, pixels in zip(photos[::17], store.pixels(rows[::17]), strict=True):
        assert (pixels == decode((Path(photo.source) / photo.name).read_bytes(), 64)).all()


def test_two_build_the_same_store_at_once(tmp_path):
    data = tmp_path / "data" / "cat"
    data.mkdir(parents=True)
    for i in range(40):
        (data / f"{i}.jpg").write_bytes(encoded(colourful(i, (200, 100)), "JPEG"))
    command = [sys.executable, "-c", BUILD, str(tmp_path / "data"), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0].split() for process in running]
    # each picture once, whoever came first
    assert sum(int(decoded) for decoded, _ in answers) == 40
    store = ImageStore(64, cache=tmp_path / "cache")
    photos = open_collection(tmp_path / "data").parts[WHOLE]
    rows = store.add(photos, quiet=True).rows
    for photo, pixels in zip(photos, store.pixels(rows), strict=True):
        assert (pixels == decode((Path(photo.source) / photo.name).read_bytes(), 64)).all()
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()) == [
        "keys.bin",
        "pixels.u8",
    ]


def test_a_store_that_cannot_be_written_to_serves_what_it_holds(tmp_path, monkeypatch):
    make_homework(tmp_path / "data", classes=2)
    (tmp_path / "data" / "training" / "0_9.jpg").write_bytes(b"no picture")
    photos = open_collection(tmp_path / "data").parts[TRAIN]
    whole = ImageStore(24, cache=tmp_path / "cache").add(photos, quiet=True)
    monkeypatch.setattr(os, "access", lambda *arguments: False)
    again = ImageStore(24, cache=tmp_path / "cache").add(photos, quiet=True)
    assert (again.rows == whole.rows).all()
    assert again.reasons == whole.reasons != {}
    others = open_collection(tmp_path / "data").parts[VALID]
    with pytest.raises(UserError, match="is not in the image store"):
        ImageStore(24, cache=tmp_path / "cache").add(others, quiet=True)
    with pytest.raises(UserError, match="is not in the image store"):
        ImageStore(32, cache=tmp_path / "cache").add(others, quiet=True)


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from imagecls.photos.store import KEY_BYTES, ImageStore
store = ImageStore(256, cache=Path(sys.argv[1]))
rows = int(sys.argv[2])
with (store.folder / "pixels.u8").open("wb") as stream:  # a sparse file: rows of zeros, with a mark in each
    for i in range(rows):
        stream.seek(i * 3 * 256 * 256)
        stream.write(np.int64(i).tobytes())
    stream.truncate(rows * 3 * 256 * 256)
(store.folder / "keys.bin").write_bytes(b"".join(i.to_bytes(KEY_BYTES, "big") for i in range(rows)))
resource.setrlimit(resource.RLIMIT_DATA, (300 << 20, 300 << 20))
order = np.random.default_rng(0).permutation(rows)
for i in range(0, rows, 64):
    part = order[i : i + 64]
    assert (store.pixels(part).reshape(len(part), -1)[:, :8].copy().view(np.int64)[:, 0] == part).all()
print(rows * 3 * 256 * 256 >> 20)
"""


@needs_posix
def test_store_larger_than_the_memory_limit(tmp_path):
    out = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), "4000"], capture_output=True, text=True
    )
    assert out.returncode == 0, out.stderr
    assert int(out.stdout) > 700  # MB, of which the process may have 300


@needs_posix
def test_no_permission_or_no_room_for_the_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--cache"):
        ImageStore(16, cache=tmp_path / "file")
    make_homework(tmp_path / "data", classes=2)
    photos = open_collection(tmp_path / "data").parts[TRAIN]
    store = ImageStore(512, cache=tmp_path / "cache")
    code = (
        "import resource, sys, signal; from pathlib import Path; from gocnn.errors import"
        " UserError; from imagecls.photos.store import ImageStore\nfrom imagecls.photos.collection"
        " import open_collection\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (2000000, 2000000))\ntry:\n ImageStore(512,"
        " cache=Path(sys.argv[2])).add(open_collection(sys.argv[1]).parts['train'],"
        " quiet=True)\nexcept UserError as error:\n print(error)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "data"), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
    )
    assert "make room or choose another --cache" in out.stdout, out.stderr
    assert store.add(photos, quiet=True).bad == []  # and what was kept is sound
    assert os.path.getsize(store.folder / "pixels.u8") == len(store) * 3 * 512 * 512
