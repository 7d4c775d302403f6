"""The pictures that clients have sent, as long as there is room for them, and the samples."""

import base64
import io
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
import numpy.typing as npt
from PIL import Image

from gocnn.errors import UserError
from gocnn.serve.failures import Refusal
from imagecls.photos.decode import Fit, decode, open_image
from imagecls.photos.errors import BadImage

MOST_BYTES = 256 << 20
"""Memory of all pictures that are kept; the one that was asked for longest ago goes first."""

LEAST = 16 << 10
"""Bytes that a picture counts for, however small it is."""

SHOWN = 1280
"""Pixels a side of a picture that is shown, at most."""

AT_ONCE = 2
"""Pictures that are decoded at once: a large one takes some hundred megabytes."""

SAMPLES = resources.files("imagecls.serve").joinpath("samples")
"""Drawn pictures of six dishes (data/images), for who has none at hand."""

Pixels = npt.NDArray[np.uint8]

_decoding = threading.Semaphore(AT_ONCE)


@dataclass
class Kept:
    """A picture. name: of its file; data: its bytes; small: its pixels as models want them, by side
    and fit."""

    name: str
    data: bytes
    small: dict[tuple[int, Fit], Pixels] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Memory that it takes, about."""
        small = sum(each.nbytes for each in list(self.small.values()))
        return max(LEAST, len(self.data) + small)

    def pixels(self, size: int, fit: Fit = "squash") -> Pixels:
        """As `imagecls.photos.decode.decode`. Raises UserError."""
        found = self.small.get((size, fit))
        if found is None:
            with _decoding:
                try:
                    found = decode(self.data, size, fit)
                except BadImage as error:
                    raise unreadable(self.name, error) from error
            if len(self.small) >= 8:
                self.small.clear()
            self.small[size, fit] = found
        return found


def unreadable(name: str, error: BadImage) -> UserError:
    """The sentence for a picture that cannot be read."""
    return UserError(f"{name}: {error}; give another picture")


def sample_names() -> list[str]:
    """The names of the samples: the dish, and a number."""
    return sorted(
        one.name.removesuffix(".jpg") for one in SAMPLES.iterdir() if one.name.endswith(".jpg")
    )


class Pictures:
    """The pictures by id; samples go by `sample:NAME`. May be used from several threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, name: str, data: bytes) -> str:
        """Keep a picture: its id."""
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._kept[key] = Kept(name, data)
            self._make_room()
        return key

    def get(self, key: str) -> Kept:
        """The picture of that id. Raises Refusal if it is not kept any more."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None and key.startswith("sample:") and key[7:] in sample_names():
                data = SAMPLES.joinpath(f"{key[7:]}.jpg").read_bytes()
                kept = Kept(key[7:], data)
            if kept is None:
                raise Refusal(404, "this picture is not kept any more; send it again")
            self._kept[key] = kept
            self._kept.move_to_end(key)
            self._make_room()
            return kept

    def _make_room(self) -> None:
        """Let go of the oldest ones where there are too many; the last one stays."""
        total = sum(one.bytes for one in self._kept.values())
        while total > MOST_BYTES and len(self._kept) > 1:
            total -= self._kept.popitem(last=False)[1].bytes


def opened(name: str, data: bytes) -> Image.Image:
    """A picture upright in RGB, at full size. Raises UserError."""
    with _decoding:
        try:
            return open_image(data)
        except BadImage as error:
            raise unreadable(name, error) from error


def shown(kept: Kept) -> bytes:
    """A picture as browsers can show it, whatever its file is: a JPEG. Raises UserError."""
    with _decoding:
        try:
            image = open_image(kept.data, SHOWN)
        except BadImage as error:
            raise unreadable(kept.name, error) from error
        image.thumbnail((SHOWN, SHOWN))
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=88)
    return stream.getvalue()


def address_of(pixels: Pixels, side: int | None = None, kind: str = "JPEG") -> str:
    """Pixels, uint8 `(3, H, W)`, as the address of a picture, at most `side` pixels a side."""
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if side is not None:
        image.thumbnail((side, side))
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": 88} if kind == "JPEG" else {}))
    coded = base64.b64encode(stream.getvalue()).decode()
    return f"data:image/{kind.lower()};base64,{coded}"
