"""Pictures that other programs hand over: whatever holds the pixels, the answer is the file's."""

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imagecls
from tests.conftest import ROOT
from tests.typed import cli

PICTURE = ROOT / "data/images/validation/pizza/000.jpg"


@pytest.fixture(scope="module")
def food() -> Any:
    return imagecls.load()


def shapes(file: Path) -> dict[str, Any]:
    """One picture in every shape."""
    rgb = np.asarray(Image.open(file).convert("RGB"))
    return {
        "str": str(file),
        "bytes": file.read_bytes(),
        "bytearray": bytearray(file.read_bytes()),
        "opened": Image.open(file),
        "converted": Image.open(file).convert("RGB"),
        "array": rgb,
        "strided": np.flip(np.flip(rgb, 1).copy(), 1),
        "alpha": np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]),
    }


def test_whatever_holds_the_pixels_the_answer_is_the_files(food: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    Image.open(PICTURE).convert("RGB").save(file)
    expected = food.probabilities([file])
    given = shapes(file)
    for kind, picture in given.items():
        row = [food.predict(picture, top=None)[i].probability for i in range(10)]
        assert np.array_equal(row, np.sort(expected[0])[::-1]), kind
    assert np.array_equal(food.probabilities([*given.values()]), np.repeat(expected, len(given), 0))
    looks = food.explain(file)
    assert np.array_equal(food.explain(given["array"]).heat, looks.heat)
    with Image.open(file) as opened:  # left as it was, for who has it
        food.predict(opened)
        assert opened.size == Image.open(file).size
        opened.getpixel((0, 0))


def test_one_array_is_one_picture_and_more_dimensions_are_more(food: Any) -> None:
    rgb = np.asarray(Image.open(PICTURE).convert("RGB"))
    grey = np.asarray(Image.open(PICTURE).convert("L"))
    one = food.probabilities(rgb)
    assert one.shape == (1, 10)
    assert np.array_equal(food.probabilities(np.stack([rgb, rgb])), np.repeat(one, 2, 0))
    same = [grey, grey[:, :, None], Image.fromarray(grey), np.dstack([grey] * 3)]
    rows = food.probabilities(same)
    assert np.array_equal(rows, np.repeat(rows[:1], 4, 0))
    assert np.array_equal(food.probabilities(grey), rows[:1])


def test_a_photograph_turned_by_its_camera_is_turned_back(food: Any) -> None:
    turned = Image.open(PICTURE).convert("RGB").transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6  # to be turned clockwise
    written = io.BytesIO()
    turned.save(written, "PNG", exif=turned.getexif())
    upright = food.probabilities(np.asarray(Image.open(PICTURE).convert("RGB")))
    for picture in (written.getvalue(), Image.open(written)):
        assert np.array_equal(food.probabilities([picture]), upright)


@pytest.mark.parametrize(
    ("picture", "kind", "said"),
    [
        (np.zeros((8, 8, 3)), imagecls.UserError, "photo holds float64, not uint8"),
        (np.zeros((3, 8, 8), np.uint8), imagecls.UserError, "the shape (3, 8, 8); give (H, W, 3)"),
        (np.zeros((0, 8, 3), np.uint8), imagecls.UserError, "the shape (0, 8, 3)"),
        (np.zeros((1, 8, 8, 3), np.uint8), imagecls.UserError, "the shape (1, 8, 8, 3)"),
        (b"no picture", imagecls.UserError, "photo: not a picture that can be read (text)"),
        (b"", imagecls.UserError, "photo: empty; give another picture"),
        (PICTURE.read_bytes()[:900], imagecls.UserError, "photo: cut short"),
        (5, TypeError, "photo must be a picture's file"),
        (None, TypeError, "photo must be a picture's file"),
        (io.BytesIO(b""), TypeError, "photo must be a picture's file"),
        (PICTURE.parent, imagecls.UserError, "is a folder; give the pictures in it"),
    ],
)
def test_what_is_no_picture_is_one_sentence(
    food: Any, picture: Any, kind: type[Exception], said: str
) -> None:
    for ask in (food.predict, food.explain):
        with pytest.raises(kind, match=re.escape(said)) as caught:
            ask(picture)
        assert "\n" not in str(caught.value)
    with pytest.raises(imagecls.UserError, match=re.escape("photos[1]: empty")):
        food.probabilities([PICTURE, b""])


def test_the_standard_input_may_be_a_picture() -> None:
    by_name = cli("img-predict", PICTURE, "--quiet").stdout.splitlines()[0]
    piped = cli("img-predict", "-", "--quiet", stdin=PICTURE.read_bytes())
    assert piped.exit_code == 0, piped.output
    assert piped.stdout.splitlines()[0] == by_name.replace(str(PICTURE), "-")
    empty = cli("img-predict", "-", stdin=b"")
    assert (empty.exit_code, "-: empty" in empty.output) == (1, True)
