"""Pictures as other programs hand them over: files, the bytes of files, Pillow's pictures, and
arrays of pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gocnn.arguments import Name, items, path
from gocnn.errors import UserError
from imagecls.photos.errors import BadImage

if TYPE_CHECKING:
    from PIL import Image

    Picture = Name | bytes | Image.Image | npt.NDArray[np.uint8]

KINDS = (
    "a picture's file (str or pathlib.Path), its bytes, a picture of Pillow's, or an array of RGB"
    " pixels, uint8 (H, W, 3)"
)


@dataclass(frozen=True)
class Given:
    """A picture. title: what it is called in a sentence; content: its file, the bytes of that, or
    the picture."""

    title: str
    content: str | bytes | Image.Image

    def read(self) -> bytes | Image.Image | BadImage:
        """The file's bytes or the picture, or why there are none."""
        if not isinstance(self.content, str):
            return self.content
        from imagecls.photos.files import bytes_of

        return bytes_of(Path(self.content))

    def pixels(self, size: int, fit: Any) -> npt.NDArray[np.uint8]:
        """RGB planes, uint8 `(3, size, size)` (see `decode`). Raises UserError."""
        from imagecls.photos.decode import decode, decode_file

        if isinstance(self.content, str):
            return decode_file(Path(self.content), size, fit)
        try:
            return decode(self.content, size, fit)
        except BadImage as error:
            raise self.refused(error) from error

    def refused(self, why: object) -> UserError:
        """The sentence for a picture that cannot be read."""
        return UserError(f"{self.title}: {why}; give another picture")


def one(name: str, value: Any) -> Given:
    """The picture that an argument of that name is. Raises TypeError, and UserError for a file that
    is not there."""
    if isinstance(value, bytes | bytearray | memoryview):
        return Given(name, bytes(value))
    if isinstance(value, np.ndarray):
        return Given(name, _of_array(name, value))
    if _is_pillows(value):
        return Given(name, value)
    if not isinstance(value, str | os.PathLike):
        raise TypeError(f"{name} must be {KINDS}, not {shortened(value)}")
    file = path(name, value)
    if not os.path.isfile(file):
        if os.path.isdir(file):
            raise UserError(f"{file} is a folder; give the pictures in it")
        raise UserError(f"{file} does not exist or is no file; give a picture")
    return Given(file, file)


def several(name: str, value: Any) -> list[Given]:
    """The pictures that an argument of that name is: one, or a list of them. Raises as `one`
    does."""
    single = isinstance(value, str | os.PathLike | bytes | bytearray | memoryview)
    if single or _is_pillows(value) or (isinstance(value, np.ndarray) and value.ndim < 4):
        return [one(name, value)]
    listed = items(name, value, f"{KINDS}, or a list of such")
    return [one(f"{name}[{i}]", each) for i, each in enumerate(listed)]


def _is_pillows(value: Any) -> bool:
    """Whether it is a picture of Pillow's, which is not imported for that: who has one has it."""
    kinds = [(kind.__module__, kind.__name__) for kind in type(value).__mro__]
    return ("PIL.Image", "Image") in kinds


def _of_array(name: str, array: npt.NDArray[Any]) -> Image.Image:
    """Raises UserError for an array that is not a picture's."""
    shape = array.shape
    if array.dtype != np.uint8:
        raise UserError(
            f"{name} holds {array.dtype}, not uint8; give pixels from 0 to 255 as uint8, for"
            " example (255 * x).round().astype(numpy.uint8) of x from 0 to 1"
        )
    if array.ndim == 3 and shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or not (array.ndim == 2 or (array.ndim == 3 and shape[2] in (3, 4))):
        raise UserError(
            f"{name} has the shape {shape}; give (H, W, 3) in the order red, green, blue, (H, W, 4)"
            " with alpha, or (H, W) in grey"
        )
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(array))
