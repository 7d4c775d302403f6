"""Decoding photographs: formats, modes, orientation, and what is no picture."""

import io
import struct
import sys

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, features

from imagecls.photos.collection import open_collection, read_photos
from imagecls.photos.decode import decode, open_image
from imagecls.photos.errors import BadImage
from imagecls.photos.layout import VALID
from tests.conftest import FOOD
from tests.photographs import colourful, encoded


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("JPEG", {"quality": 97, "subsampling": 0}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"big_tiff": True}),
    ],
)
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
    with pytest.raises(BadImage, match=r"pip install pillow-heif"):
        open_image(data)
    monkeypatch.undo()
    with pytest.raises(BadImage, match="broken|cut short"):
        open_image(data[:200])


def test_several_pictures_in_a_file_and_other_odd_ones():
    """The first page, frame or eye counts; 1, 8 and 16 bits, floats, alpha, CMYK and Lab of
    TIFF."""
    image, others = colourful(), [colourful(1), colourful(2)]
    grey = np.asarray(image.convert("L"))
    exact = np.asarray(image)
    for kind, options in (("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        assert (
            np.asarray(
                open_image(encoded(image, kind, save_all=True, append_images=others, **options))
            )
            == exact
        ).all(), kind
    stereo = encoded(image, "MPO", save_all=True, append_images=others, quality=95)
    assert np.abs(np.asarray(open_image(stereo)).astype(int) - exact).mean() < 8
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    for kind in ("PNG", "TIFF"):
        assert (
            np.abs(np.asarray(open_image(encoded(wide, kind))).astype(int) - grey[..., None]).max()
            <= 1
        )
    for white in (1.0, 255.0, 65535.0):
        floats = Image.fromarray((grey / 255 * white).astype(np.float32))
        assert (
            np.abs(
                np.asarray(open_image(encoded(floats, "TIFF"))).astype(int) - grey[..., None]
            ).max()
            <= 1
        ), white
    with pytest.raises(BadImage, match="pixels from .*, which say no brightness"):
        open_image(encoded(Image.fromarray((grey - 300.0).astype(np.float32)), "TIFF"))
    assert (
        np.abs(
            np.asarray(open_image(encoded(image.convert("CMYK"), "TIFF"))).astype(int) - exact
        ).max()
        <= 2
    )
    alpha = Image.merge("LA", (image.convert("L"), Image.new("L", image.size, 0)))
    for kind in ("PNG", "TIFF"):
        assert (np.asarray(open_image(encoded(alpha, kind))) == 255).all(), kind
    seen_through = image.convert("P", palette=Image.Palette.ADAPTIVE)
    data = encoded(seen_through, transparency=0)
    assert (np.asarray(open_image(data))[np.asarray(seen_through) == 0] == 255).all()


def tiff(pixels: bytes, photometric: int, *bits: int, **tags: int) -> bytes:
    """A TIFF file of 4 pixels side by side, of kinds that Pillow reads and does not write: `bits`
    of each sample of a pixel, and other tags as `t339=2`."""
    values = {256: 4, 257: 1, 259: 1, 262: photometric, 277: len(bits), 278: 1, 279: len(pixels)}
    values |= {int(name[1:]): value for name, value in tags.items()} | {258: 0}
    entries = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in values.items()}
    entries[258] = struct.pack("<HHI4s", 258, 3, len(bits), struct.pack(f"<{len(bits)}H", *bits))
    at = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries[273] = struct.pack("<HHII", 273, 4, 1, at)
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4) + pixels


def test_grey_of_any_depth_and_either_sense():
    """Grey from black to white however a file writes it: 12 bits, zero for white, one number for
    what is clear; and what says no brightness."""
    steps = np.array([0, 85, 170, 255])
    twelve = bytes([0, 5, 85, 170, 175, 255])  # 0, 0x555, 0xAAA, 0xFFF
    words, floats = (steps * 257).astype("<u2"), (steps / 255).astype("<f4")
    for data, expected in (
        (tiff(twelve, 1, 12), steps),
        (tiff(words.tobytes(), 1, 16), steps),
        (tiff(words.tobytes(), 0, 16), 255 - steps),
        (tiff(steps.astype(np.uint8).tobytes(), 0, 8), 255 - steps),
        (tiff((steps * 257).astype("<u4").tobytes(), 1, 32), steps),
        (tiff(floats.tobytes(), 1, 32, t339=3), steps),
        (tiff(floats.tobytes(), 0, 32, t339=3), 255 - steps),
        # half seen through, its grey multiplied already
        (tiff(bytes([0, 128, 64, 128, 128, 128, 128, 255]), 1, 8, 8, t338=1), (127, 191, 255, 128)),
        (encoded(Image.fromarray(words[None]), transparency=85 * 257), (0, 255, 170, 255)),
    ):
        found = np.asarray(open_image(data))
        assert found.shape == (1, 4, 3)
        assert np.abs(found.astype(int) - np.array(expected)[:, None]).max() <= 1, data
    for data in (
        tiff((steps * 2**24).astype("<u4").tobytes(), 1, 32),
        tiff((steps - 700).astype("<i2").tobytes(), 1, 16, t339=2),
    ):
        with pytest.raises(BadImage, match="pixels from .*, which say no brightness"):
            open_image(data)


def ftyp(brand: bytes, *others: bytes) -> bytes:
    return (
        (16 + 4 * len(others)).to_bytes(4, "big")
        + b"ftyp"
        + brand
        + bytes(4)
        + b"".join(others)
        + bytes(200)
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<?xml version='1.0'?><!-- made by --><svg xmlns='x'></svg>", r"drawing \(SVG\)"),
        (b"\xff\x0a" + bytes(90), "JPEG XL"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"8BPS\x00\x01" + bytes(90), "Photoshop"),
        (ftyp(b"isom", b"mp42"), r"video \(MP4\)"),
        (ftyp(b"qt  "), "QuickTime"),
        (ftyp(b"crx "), "raw file"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00" + bytes(90), "raw file"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(90), "raw file"),
        (b"<!DOCTYPE html><html><title>403 Forbidden</title>", "web page"),
        (b"\n<html>", "web page"),
        (b'{"error": "no such picture"}', "JSON"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS"),
        (b"PK\x03\x04" + bytes(90), "zip"),
        (b"\x1aE\xdf\xa3" + bytes(90), "WebM"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "AVI"),
        (bytes(4096), "nothing but zeros"),
        (b"P6 2 2 255\n" + bytes(12), "Netpbm"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(90), "JPEG 2000"),
        (b"\x00\x00\x01\x00\x01\x00" + bytes(90), "ICO"),
        (b"\x01\x02\x80\x90" * 9, "not a picture"),
    ],
)
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
    assert (
        np.abs(
            np.asarray(
                open_image(encoded(image.convert("CMYK"), "JPEG", quality=98, subsampling=0))
            ).astype(int)
            - rgb
        ).max()
        < 16
    )
    palette = image.convert("P", palette=Image.Palette.ADAPTIVE)
    assert (np.asarray(open_image(encoded(palette))) == np.asarray(palette.convert("RGB"))).all()
    assert (
        np.asarray(open_image(encoded(palette, "GIF"))) == np.asarray(palette.convert("RGB"))
    ).all()
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
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
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
    monkeypatch.setattr(
        "PIL.ImageFile.ImageFile.load", lambda picture: pytest.fail("has read the pixels")
    )
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
    kinds = [
        "JPEG",
        "PNG",
        "GIF",
        "BMP",
        "WEBP",
        "TIFF",
        *(["AVIF"] if features.check("avif") else []),
    ]
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


@pytest.mark.skipif(not FOOD.exists(), reason="the corpora are not here")
def test_real_photographs_decode_as_pillow_does():
    photos = open_collection(FOOD).parts[VALID][::75]
    for i, data in read_photos(photos):
        assert isinstance(data, bytes)
        ours = decode(data, 160)
        with Image.open(io.BytesIO(data)) as image:
            theirs = np.asarray(
                image.convert("RGB").resize((160, 160), Image.Resampling.BILINEAR)
            ).transpose(2, 0, 1)
        assert np.abs(ours.astype(int) - theirs).max() <= 2, photos[i].name
