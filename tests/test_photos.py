"""Finding and decoding photographs, and the store of decoded ones."""

import io
import os
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, features

from gocnn.errors import UserError
from imagecls.classes import HW03_CLASSES
from imagecls.collection import open_collection, read_photos
from imagecls.data import PhotoBatches, PhotoSource, Split, load_parts
from imagecls.decode import decode, open_image
from imagecls.errors import BadImage
from imagecls.layout import TEST, TRAIN, VALID, WHOLE
from imagecls.store import ImageStore
from tests.conftest import FOOD, needs_posix


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colourful(seed: int = 0, size: tuple[int, int] = (60, 40)) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def make_homework(folder: Path, per_class: int = 4, classes: int = 11) -> None:
    """The homework's layout, with its names."""
    for part, count in (("training", per_class), ("validation", 2)):
        (folder / part).mkdir(parents=True)
        for c in range(classes):
            for i in range(count):
                (folder / part / f"{c}_{i}.jpg").write_bytes(encoded(colourful(1000 * c + 10 * i + (part == "training")), "JPEG"))
    (folder / "evaluation").mkdir()
    for i in range(5):
        (folder / "evaluation" / f"{i:04d}.jpg").write_bytes(encoded(colourful(77000 + i), "JPEG"))


# --- finding -------------------------------------------------------------------------------------------------------------------------


def test_homework_layout_in_a_folder_a_zip_and_a_tar(tmp_path):
    make_homework(tmp_path / "food11")
    (tmp_path / "food11" / "readme.txt").write_text("not a picture")
    (tmp_path / "food11" / ".DS_Store").write_text("")
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for path in (tmp_path / "food11").rglob("*"):
            archive.write(path, path.relative_to(tmp_path))
    for suffix, mode in ((".tar", "w"), (".tar.gz", "w:gz"), (".tar.xz", "w:xz")):
        with tarfile.open(tmp_path / f"f{suffix}", mode) as bundle:
            bundle.add(tmp_path / "food11", "./food11")
    for place in ("food11", "f.zip", "f.tar", "f.tar.gz", "f.tar.xz"):
        found = open_collection(tmp_path / place)
        assert found.classes == HW03_CLASSES
        assert {part: len(photos) for part, photos in found.parts.items()} == {TRAIN: 44, VALID: 22, TEST: 5}
        assert [Path(p.name).name for p in found.parts[TEST]] == [f"{i:04d}.jpg" for i in range(5)]
        assert all(p.label == int(Path(p.name).name.split("_")[0]) for p in found.parts[TRAIN])
        assert all(p.label == -1 for p in found.parts[TEST])
        assert found.other_files == 1
        contents = dict(read_photos(found.parts[TRAIN]))
        originals = [(tmp_path / "food11" / "training" / Path(p.name).name).read_bytes() for p in found.parts[TRAIN]]
        assert [contents[i] for i in range(44)] == originals


@pytest.mark.parametrize("around", ["", "data/pictures/"])
def test_class_folders(tmp_path, around):
    for name in ("train/cat/1.jpg", "train/dog/a.PNG", "val/cat/2.jpg", "val/dog/b c.webp", "test/x.jpg"):
        path = tmp_path / (around + name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(colourful()))
    found = open_collection(tmp_path)
    assert found.classes == ("cat", "dog")
    assert {part: [p.label for p in photos] for part, photos in found.parts.items()} == {TRAIN: [0, 1], VALID: [0, 1], TEST: [-1]}


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
        load_parts(str(tmp_path / "one"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True)


def test_places_that_hold_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "cut.tar.gz").write_bytes(b"\x1f\x8b\x08\x00" + b"\x00" * 20)
    (tmp_path / "a.rar").write_text("x")
    (tmp_path / "a.txt").write_text("x")
    for name, words in (("empty", "holds no pictures"), ("gone", "does not exist"), ("text.zip", "not a whole archive"),
                        ("cut.tar.gz", "not a whole archive"), ("a.rar", "does not begin as an archive"), ("a.txt", "neither a folder nor")):  # fmt: skip
        with pytest.raises(UserError, match=words):
            open_collection(tmp_path / name)


# --- decoding ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "options"), [
    ("PNG", {}), ("BMP", {}), ("WEBP", {"lossless": True}), ("JPEG", {"quality": 97, "subsampling": 0}), ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"compression": "tiff_adobe_deflate"}), ("TIFF", {"big_tiff": True}),
])  # fmt: skip
def test_formats(kind, options):
    ours = decode(encoded(colourful(), kind, **options), 32)
    theirs = np.asarray(colourful().resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert ours.shape == (3, 32, 32)
    assert np.abs(ours.astype(int) - theirs).max() <= (6 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_formats_that_lose_a_little(kind):
    if kind == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    elif not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    ours = decode(encoded(colourful(), kind, quality=95), 32)
    theirs = np.asarray(colourful().resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert np.abs(ours.astype(int) - theirs).mean() < 4


def test_heic_without_its_package_says_what_to_install(monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.register_heif_opener()
    data = encoded(colourful(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(BadImage, match="pip install pillow-heif"):
        open_image(data)
    monkeypatch.undo()
    with pytest.raises(BadImage, match="broken|cut short"):
        open_image(data[:200])


def test_several_pictures_in_a_file_and_other_odd_ones():
    """The first page, frame or eye counts; 1, 8 and 16 bits, floats, alpha, CMYK and Lab of TIFF."""
    image, others = colourful(), [colourful(1), colourful(2)]
    grey = np.asarray(image.convert("L"))
    exact = np.asarray(image)
    for kind, options in (("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        assert (np.asarray(open_image(encoded(image, kind, save_all=True, append_images=others, **options))) == exact).all(), kind
    stereo = encoded(image, "MPO", save_all=True, append_images=others, quality=95)
    assert np.abs(np.asarray(open_image(stereo)).astype(int) - exact).mean() < 8
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        assert np.abs(np.asarray(open_image(encoded(wide, kind))).astype(int) - grey[..., None]).max() <= 1
    for white in (1.0, 255.0, 65535.0):
        floats = Image.fromarray((grey / 255 * white).astype(np.float32))
        assert np.abs(np.asarray(open_image(encoded(floats, "TIFF"))).astype(int) - grey[..., None]).max() <= 1, white
    with pytest.raises(BadImage, match="floating-point"):
        open_image(encoded(Image.fromarray((grey - 300.0).astype(np.float32)), "TIFF"))
    assert np.abs(np.asarray(open_image(encoded(image.convert("CMYK"), "TIFF"))).astype(int) - exact).max() <= 2
    alpha = Image.merge("LA", (image.convert("L"), Image.new("L", image.size, 0)))
    for kind in ("PNG", "TIFF"):
        assert (np.asarray(open_image(encoded(alpha, kind))) == 255).all(), kind
    seen_through = image.convert("P", palette=Image.Palette.ADAPTIVE)
    data = encoded(seen_through, transparency=0)
    assert (np.asarray(open_image(data))[np.asarray(seen_through) == 0] == 255).all()


def ftyp(brand: bytes, *others: bytes) -> bytes:
    return (16 + 4 * len(others)).to_bytes(4, "big") + b"ftyp" + brand + bytes(4) + b"".join(others) + bytes(200)


@pytest.mark.parametrize(("data", "words"), [
    (b"<?xml version='1.0'?><!-- made by --><svg xmlns='x'></svg>", r"drawing \(SVG\)"), (b"\xff\x0a" + bytes(90), "JPEG XL"), (b"%PDF-1.7 ...", "PDF"),
    (b"8BPS\x00\x01" + bytes(90), "Photoshop"), (ftyp(b"isom", b"mp42"), r"video \(MP4\)"), (ftyp(b"qt  "), "QuickTime"), (ftyp(b"crx "), "raw file"),
    (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(90), "raw file"), (b"FUJIFILMCCD-RAW 0201" + bytes(90), "raw file"),
    (b"<!DOCTYPE html><html><title>403 Forbidden</title>", "web page"), (b"\n<html>", "web page"), (b'{"error": "no such picture"}', "JSON"),
    (b"version https://git-lfs.github.com/spec/v1", "Git LFS"), (b"PK\x03\x04" + bytes(90), "zip"), (b"\x1aE\xdf\xa3" + bytes(90), "WebM"),
    (b"RIFF\x00\x00\x00\x00AVI LIST", "AVI"), (bytes(4096), "nothing but zeros"), (b"P6 2 2 255\n" + bytes(12), "Netpbm"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(90), "JPEG 2000"), (b"\x00\x00\x01\x00\x01\x00" + bytes(90), "ICO"), (b"\x01\x02\x80\x90" * 9, "not a picture"),
])  # fmt: skip
def test_what_is_no_picture_is_named(data, words):
    with pytest.raises(BadImage, match=words):
        open_image(data)


@pytest.mark.parametrize("tags", [{50706: (1, 4, 0, 0)}, {254: 1}, {262: 32803}])
def test_raw_files_that_are_tiff_are_not_taken_for_their_thumbnails(tags):
    extra = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        extra.tagtype[tag] = 1 if tag == 50706 else 4 if tag == 254 else 3
        extra[tag] = bytes(value) if tag == 50706 else value
    data = encoded(colourful().convert("L"), "TIFF", tiffinfo=extra)
    if 262 in tags:  # Pillow writes a photometric interpretation of its own
        at = data.index((262).to_bytes(2, "little") + (3).to_bytes(2, "little"))
        data = data[: at + 8] + (32803).to_bytes(2, "little") + data[at + 10 :]
    with pytest.raises(BadImage, match="raw file"):
        open_image(data)


def test_modes():
    image = colourful()
    grey = np.asarray(image.convert("L"))
    rgb = np.asarray(image)
    assert (np.asarray(open_image(encoded(image.convert("L")))) == grey[..., None]).all()
    assert np.abs(np.asarray(open_image(encoded(image.convert("CMYK"), "JPEG", quality=98, subsampling=0))).astype(int) - rgb).max() < 16
    palette = image.convert("P", palette=Image.Palette.ADAPTIVE)
    assert (np.asarray(open_image(encoded(palette))) == np.asarray(palette.convert("RGB"))).all()
    assert (np.asarray(open_image(encoded(palette, "GIF"))) == np.asarray(palette.convert("RGB"))).all()
    wide = Image.fromarray((grey.astype(np.uint16) * 257 + 100).clip(0, 65535).astype(np.uint16))
    assert wide.mode == "I;16"
    assert np.abs(np.asarray(open_image(encoded(wide))).astype(int) - grey[..., None]).max() <= 1
    assert np.asarray(open_image(encoded(image.convert("1")))).shape == rgb.shape


def test_alpha_lies_on_white():
    image = colourful().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    a = np.asarray(image).astype(float)
    expected = a[..., :3] * a[..., 3:] / 255 + 255 * (1 - a[..., 3:] / 255)
    assert np.abs(np.asarray(open_image(encoded(image))) - expected).max() <= 1.01


def test_first_frame_of_an_animation():
    frames = [colourful(i).convert("P", palette=Image.Palette.ADAPTIVE) for i in range(3)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (np.asarray(open_image(data)) == np.asarray(frames[0].convert("RGB"))).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation):
    upright = Image.new("RGB", (48, 32), "blue")
    upright.paste((255, 0, 0), (0, 0, 24, 16))
    undo = {2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270}  # fmt: skip
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = open_image(encoded(stored, "JPEG", exif=exif, quality=95))
    assert shown.size == (48, 32)
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(upright)).mean() < 3


def test_bad_pictures_say_why():
    whole = encoded(colourful(), "JPEG")
    cases = {
        b"": "empty",
        b"hello, I am a text named .jpg": "not a picture",
        whole[: len(whole) // 2]: "cut short",
        encoded(colourful())[:60]: "cut short|broken|not a picture",
        whole[:30]: "broken|cut short|not a picture",
    }
    for data, reason in cases.items():
        with pytest.raises(BadImage, match=reason):
            decode(data, 16)


def test_huge_pictures_are_refused_by_their_header(monkeypatch):
    data = encoded(Image.new("1", (20000, 20000)))
    assert len(data) < 100_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda picture: pytest.fail("has read the pixels"))
    with pytest.raises(BadImage, match="more than 100 million pixels"):
        decode(data, 16)


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (1, 1)])
@pytest.mark.parametrize("fit", ["squash", "crop"])
def test_thin_pictures(size, fit):
    pixels = decode(encoded(Image.new("RGB", size, (10, 200, 30))), 24, fit)
    assert (pixels == np.array([10, 200, 30])[:, None, None]).all()


def test_crop_takes_the_middle():
    image = Image.new("RGB", (90, 30), "red")
    image.paste((0, 0, 255), (30, 0, 60, 30))
    assert (decode(encoded(image), 16, "crop") == np.array([0, 0, 255])[:, None, None]).all()
    assert decode(encoded(image), 16)[0].max() == 255


def test_random_bytes_and_damaged_files_never_crash():
    rng = np.random.default_rng(0)
    kinds = ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", *(["AVIF"] if features.check("avif") else [])]
    sources = [encoded(colourful(), kind) for kind in kinds]
    outcomes = {"good": 0, "bad": 0}
    for i in range(400):
        data = bytearray(sources[i % len(sources)])
        for _ in range(rng.integers(1, 6)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            end = len(data) if i % 2 else rng.integers(10, len(data))
            assert decode(bytes(data[:end]), 16).shape == (3, 16, 16)
            outcomes["good"] += 1
        except BadImage as error:
            assert str(error)
            outcomes["bad"] += 1
    assert min(outcomes.values()) > 20


# --- the store -----------------------------------------------------------------------------------------------------------------------


def test_store_keeps_each_content_once(tmp_path):
    make_homework(tmp_path / "data")
    (tmp_path / "data" / "training" / "3_99.jpg").write_bytes((tmp_path / "data" / "training" / "3_0.jpg").read_bytes())
    photos = open_collection(tmp_path / "data").parts[TRAIN]
    store = ImageStore(24, cache=tmp_path / "cache")
    first = store.add(photos, quiet=True)
    assert first.decoded == len(store) == 44
    assert len(set(first.rows.tolist())) == 44
    again = ImageStore(24, cache=tmp_path / "cache").add(photos, quiet=True)
    assert again.decoded == 0
    assert (again.rows == first.rows).all()
    for photo, pixels in zip(photos, store.pixels(first.rows), strict=True):
        assert (pixels == decode((Path(photo.place) / photo.name).read_bytes(), 24)).all()
    assert ImageStore(32, cache=tmp_path / "cache").add(photos, quiet=True).decoded == 44  # another size is another store


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
from imagecls import store
from imagecls.collection import open_collection
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
    keys = tmp_path / "cache" / "64-squash-v1" / "keys.bin"
    kills = 0
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", BUILD, str(data), str(tmp_path / "cache")], stdout=subprocess.PIPE, text=True)
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
    out = subprocess.run([sys.executable, "-c", BUILD, str(data), str(tmp_path / "cache")], capture_output=True, text=True, check=True).stdout.split()
    assert int(out[0]) == 240 - kept
    assert out[1] == "0"
    store = ImageStore(64, cache=tmp_path / "cache")
    photos = open_collection(data).parts[WHOLE]
    rows = store.add(photos, quiet=True).rows
    for photo, pixels in zip(photos[::17], store.pixels(rows[::17]), strict=True):
        assert (pixels == decode((Path(photo.place) / photo.name).read_bytes(), 64)).all()


def test_two_build_the_same_store_at_once(tmp_path):
    data = tmp_path / "data" / "cat"
    data.mkdir(parents=True)
    for i in range(40):
        (data / f"{i}.jpg").write_bytes(encoded(colourful(i, (200, 100)), "JPEG"))
    command = [sys.executable, "-c", BUILD, str(tmp_path / "data"), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate()[0].split() for process in running]
    assert sum(int(decoded) for decoded, _ in answers) == 40  # each picture once, whoever came first
    store = ImageStore(64, cache=tmp_path / "cache")
    photos = open_collection(tmp_path / "data").parts[WHOLE]
    rows = store.add(photos, quiet=True).rows
    for photo, pixels in zip(photos, store.pixels(rows), strict=True):
        assert (pixels == decode((Path(photo.place) / photo.name).read_bytes(), 64)).all()
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()) == ["keys.bin", "pixels.u8"]


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
from imagecls.store import KEY_BYTES, ImageStore
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
    out = subprocess.run([sys.executable, "-c", LIMITED, str(tmp_path), "4000"], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert int(out.stdout) > 700  # MB, of which the process may have 300


# --- parts, folds, leaks, batches ----------------------------------------------------------------------------------------------------


def test_what_is_wrong_is_said_and_left_out(tmp_path):
    make_homework(tmp_path / "data", classes=3)
    train, valid = tmp_path / "data" / "training", tmp_path / "data" / "validation"
    (train / "0_70.jpg").write_text("I am a text")
    (train / "1_71.jpg").write_bytes(b"")
    (train / "2_72.jpg").write_bytes((valid / "2_0.jpg").read_bytes())
    (train / "3_0.jpg").write_bytes(encoded(colourful(31), "JPEG"))
    parts = load_parts(str(tmp_path / "data"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True)
    notes = "\n".join(parts.notes)
    for words in ("1 left out, not a picture", "0_70.jpg", "1 left out, empty", "1_71.jpg", "also in validation", "2_72.jpg",
                  "class 3 has one training picture only", "class 3 is missing from validation"):  # fmt: skip
        assert words in notes
    assert len(parts.train) == 13
    assert len(parts.valid) == 6


def test_test_folder_cannot_be_trained_on(tmp_path):
    make_homework(tmp_path / "data")
    with pytest.raises(UserError, match="looks like a test folder"):
        load_parts(str(tmp_path / "data" / "evaluation"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True)


def test_folds_are_disjoint_and_cover_everything(tmp_path):
    make_homework(tmp_path / "data", per_class=5, classes=3)
    store = ImageStore(16, cache=tmp_path / "cache")
    folds = [load_parts(str(tmp_path / "data"), Split(folds=4, fold=i), store, quiet=True) for i in range(4)]
    held = [set(f.valid.rows.tolist()) for f in folds]
    assert sorted(row for rows in held for row in rows) == list(range(21))
    for fold, rows in zip(folds, held, strict=True):
        assert not rows & set(fold.train.rows.tolist())
        assert len(rows) + len(fold.train) == 21
        assert max(np.bincount(fold.valid.labels)) - min(np.bincount(fold.valid.labels)) <= 1


def test_source_sees_everything_once_an_epoch_and_resumes(tmp_path):
    make_homework(tmp_path / "data", per_class=5, classes=3)
    parts = load_parts(str(tmp_path / "data"), Split(), ImageStore(16, cache=tmp_path / "cache"), quiet=True)
    source = PhotoSource(parts.train, 4, seed=3)
    seen = np.concatenate([source.indices(i) for i in range(15)])
    assert all(sorted(seen[e * 15 : e * 15 + 15]) == list(range(15)) for e in range(4))
    assert not (seen[:15] == seen[15:30]).all()
    assert (PhotoSource(parts.train, 4, seed=3).indices(9) == source.indices(9)).all()
    both = [PhotoSource(parts.train, 4, 3, rank, 2).indices(5) for rank in range(2)]
    assert sorted(np.concatenate(both)) == sorted(source.indices(5))
    pixels, labels = source.batch(2)
    assert pixels.shape == (4, 3, 16, 16)
    assert (labels == parts.train.labels[source.indices(2)]).all()
    assert sum(len(labels) for _, labels in PhotoBatches(parts.valid, 4)) == 6
    big = PhotoSource(parts.train, 64, seed=3)  # fewer pictures than a batch
    assert big.batches_per_epoch == 1
    assert len(big.batch(0)[1]) == 64


@pytest.mark.skipif(not FOOD.exists(), reason="the corpora are not here")
def test_real_photographs_decode_as_pillow_does():
    photos = open_collection(FOOD).parts[VALID][::75]
    for i, data in read_photos(photos):
        ours = decode(data, 160)
        with Image.open(io.BytesIO(data)) as image:
            theirs = np.asarray(image.convert("RGB").resize((160, 160), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        assert np.abs(ours.astype(int) - theirs).max() <= 2, photos[i].name


@needs_posix
def test_no_permission_or_no_room_for_the_store(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--cache"):
        ImageStore(16, cache=tmp_path / "file")
    make_homework(tmp_path / "data", classes=2)
    photos = open_collection(tmp_path / "data").parts[TRAIN]
    store = ImageStore(512, cache=tmp_path / "cache")
    code = (
        "import resource, sys, signal; from pathlib import Path; from gocnn.errors import UserError; from imagecls.store import ImageStore\n"
        "from imagecls.collection import open_collection\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (2000000, 2000000))\n"
        "try:\n ImageStore(512, cache=Path(sys.argv[2])).add(open_collection(sys.argv[1]).parts['train'], quiet=True)\n"
        "except UserError as error:\n print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code, str(tmp_path / "data"), str(tmp_path / "cache")], capture_output=True, text=True)
    assert "make room or choose another --cache" in out.stdout, out.stderr
    assert store.add(photos, quiet=True).bad == []  # and what was kept is sound
    assert os.path.getsize(store.folder / "pixels.u8") == len(store) * 3 * 512 * 512
