"""From the bytes of a picture file to pixels of one size.

Decoding is Pillow's (HEIC by pillow-heif, where it is installed). Orientation follows EXIF (tag
0x0112); transparency is laid on white; grey, palette, CMYK, 16-bit and floating-point pictures
become RGB; of animations and of files of several pages the first picture counts.
"""

import io
import warnings
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from gocnn.errors import UserError
from imagecls.photos.errors import BadImage
from imagecls.photos.files import limited
from imagecls.photos.formats import AVIF_WORDS, HEIC_WORDS, RAW_WORDS, camera_raw, described

Fit = Literal["squash", "crop"]
"""How a picture becomes square: stretched (the lecture's `Resize((128, 128))`), or the middle
square of it."""

FITS: tuple[Fit, ...] = get_args(Fit)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")
MOST_PIXELS = 100_000_000
"""Larger pictures are refused from their header: 0.3 GB of memory once decoded, and more than any
camera makes."""

BITS, PHOTOMETRIC = 258, 262
"""Tags of TIFF: how many bits each colour has; whether white is 0."""

DECODER_VERSION = 2
"""Part of the store's key: raise it when the same bytes come out as other pixels."""

# the limit here is MOST_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")  # what is odd in a file but does no harm


def decode(data: bytes | Image.Image, size: int, fit: Fit = "squash") -> npt.NDArray[np.uint8]:
    """The picture, a file's bytes or Pillow's, as RGB planes, uint8 `(3, size, size)`, shrunk with
    an anti-aliased bilinear filter. Raises BadImage."""
    image = open_image(data, 2 * size)
    if fit == "crop":
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    small = image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1))


def decode_file(path: Path, size: int, fit: Fit = "squash") -> npt.NDArray[np.uint8]:
    """`decode` of one file that a person names. Raises UserError."""
    try:
        with path.open("rb") as stream:
            data = limited(stream)
        if isinstance(data, BadImage):
            raise data
        return decode(data, size, fit)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a picture file") from error
    except BadImage as error:
        raise UserError(f"{path}: {error}; give another picture") from error


def open_image(data: bytes | Image.Image, enough: int | None = None) -> Image.Image:
    """The picture, a file's bytes or Pillow's, in mode RGB, upright. A JPEG may come smaller, but
    not below `enough` pixels a side. Raises BadImage."""
    try:
        if isinstance(data, Image.Image):
            return _loaded(data)
        if not data:
            raise BadImage("empty")
        with Image.open(io.BytesIO(data), formats=allowed(data)) as image:
            return _loaded(image, enough)
    except BadImage:
        raise
    except Image.DecompressionBombError as error:
        raise BadImage(f"more than {MOST_PIXELS // 1_000_000} million pixels") from error
    except UnidentifiedImageError as error:
        raise BadImage(_unread(data) if isinstance(data, bytes) else "broken") from error
    except MemoryError as error:
        raise BadImage("not enough memory to decode it") from error
    except Exception as error:
        text = str(error).lower()
        cut = "truncated" in text or "too short" in text or "unexpected end" in text
        raise BadImage(
            "cut short"
            if cut
            else "a HEIC file that is broken"
            if isinstance(data, bytes) and described(data) == HEIC_WORDS
            else "broken"
        ) from error


def _loaded(image: Image.Image, enough: int | None = None) -> Image.Image:
    tags = dict(getattr(image, "tag_v2", {}))
    if camera_raw(tags):
        raise BadImage(RAW_WORDS)
    if image.width * image.height > MOST_PIXELS:
        raise BadImage(f"more than {MOST_PIXELS // 1_000_000} million pixels")
    if enough:
        image.draft("RGB", (enough, enough))
    image.load()
    return _rgb(_upright(image), tags)


def allowed(data: bytes) -> tuple[str, ...]:
    """What Pillow may take the bytes for: the formats that are here and, for a HEIC file, that of
    pillow-heif. Raises BadImage without it."""
    words = described(data)
    if words == RAW_WORDS:
        raise BadImage(words)
    if words == HEIC_WORDS:
        try:
            import pillow_heif
        except ImportError as error:
            raise BadImage(HEIC_WORDS) from error
        pillow_heif.register_heif_opener()
        return ("HEIF",)
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _unread(data: bytes) -> str:
    """Why bytes that Pillow does not know are no picture."""
    words = described(data)
    if words == HEIC_WORDS:
        return "a HEIC file that is broken"
    if words == AVIF_WORDS:
        return "an AVIF file that is broken" if "AVIF" in Image.OPEN else words
    if data[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return (
            "a TIFF file that is cut short, or of a kind that is not read, such as a raw file of a"
            " camera"
        )
    if not any(data):
        return "nothing but zeros: an unfinished download or copy"
    return (
        f"not a picture that can be read ({words})"
        if words
        else "not a picture (JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIC)"
    )


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - broken EXIF says nothing about the pixels
        return image


def _rgb(image: Image.Image, tags: dict[int, Any]) -> Image.Image:
    """The picture in RGB; `tags`: of a TIFF file."""
    if image.mode == "F" or image.mode.startswith("I"):  # I, I;16, I;16B ...
        return _from_deep(image, tags)
    if image.mode == "La":  # which Pillow turns into nothing else
        image = image.convert("LA")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")


def _from_deep(image: Image.Image, tags: dict[int, Any]) -> Image.Image:
    """Grey pixels of more than 8 bits. White is 65535, or what the fewer bits of a TIFF file can
    say; of floating-point pixels it is 1, 255 or 65535 by what occurs. Raises BadImage if they do
    not fit."""
    values = np.asarray(image).astype(np.float32)
    known = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(known.min()), float(known.max())
    most = 2.0 ** min((16, *tags.get(BITS, ()))) - 1
    whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (most,)
    white = next((w for w in whites if high <= w), None)
    if white is None or low < -0.01 * white:
        raise BadImage(f"pixels from {low:g} to {high:g}, which say no brightness")
    grey = known.clip(0, white) * (255 / white)
    if tags.get(PHOTOMETRIC) == 0:  # white is zero; Pillow sees to it for 8 bits alone
        grey = 255 - grey
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[values == clear] = 255
    return Image.fromarray((grey + 0.5).astype(np.uint8)).convert("RGB")
