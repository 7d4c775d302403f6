"""What is done to a picture file before it is looked at, in words that a page can translate."""

import io
from typing import Literal

from PIL import Image

from imagecls.photos.decode import allowed

Treatment = Literal["turned", "transparent", "cmyk", "deep", "first", "grey"]
"""turned: upright by EXIF; transparent: laid on white; cmyk: from print colours; deep: more than 8
bits a colour; first: of several pictures the first; grey: without colours."""

ORIENTATION = 0x0112


def treatments(data: bytes) -> list[Treatment]:
    """What `imagecls.photos.decode` does to the bytes of a picture that it can read; nothing of one
    that it cannot."""
    found: list[Treatment] = []
    try:
        with Image.open(io.BytesIO(data), formats=allowed(data)) as image:
            if image.getexif().get(ORIENTATION, 1) in range(2, 9):
                found.append("turned")
            if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
                found.append("transparent")
            if image.mode == "CMYK":
                found.append("cmyk")
            if image.mode == "F" or image.mode.startswith("I"):
                found.append("deep")
            if image.mode in ("1", "L", "LA"):
                found.append("grey")
            if getattr(image, "n_frames", 1) > 1:
                found.append("first")
    except Exception:  # noqa: BLE001 - whoever decodes it says what is wrong
        pass
    return found
