"""Pictures made with Pillow: text in whatever script, and files in the format of their name.

Nothing here draws with matplotlib, which takes longer to import than most such pictures to make.
"""

import base64
import io
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from gocnn.figures import characters, fonts_for, picture_format, printable, usual_font
from gocnn.files import write_bytes

ELLIPSIS = "…"

LEFTWARDS = (
    r"([\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]+(?: +[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]+)*)"
)
"""Words of Hebrew, Arabic and the like, and the spaces between them."""

PILLOWS = ""
"""Stands for the font that comes with Pillow, which has no file and few characters."""


class Letters:
    """Fonts for some texts, at a size in pixels: lines are measured, shortened and drawn, each
    piece of them in the first font that has its characters."""

    def __init__(self, texts: Sequence[str], size: int = 11) -> None:
        self._files, self.size = _font_files(texts), size

    @property
    def line(self) -> int:
        """Pixels from one line to the next."""
        return self.size + 4

    def width(self, text: str) -> float:
        """Pixels that a line takes."""
        return sum(_font(file, self.size).getlength(piece) for file, piece in self._pieces(text))

    def fitted(self, text: str, width: float) -> str:
        """The line; where it is wider, without its middle, in whose place is an ellipsis: names
        differ at their ends, too."""
        text = printable(text)
        if self.width(text) <= width:
            return text
        low, high = 0, len(text) - 1  # characters that stay
        while low < high:
            kept = (low + high + 1) // 2
            if self.width(_without_middle(text, kept)) <= width:
                low = kept
            else:
                high = kept - 1
        return _without_middle(text, low)

    def broken(self, words: Sequence[str], width: float) -> list[str]:
        """Words in lines of at most that width, a comma after each but the last."""
        lines: list[str] = []
        for i, word in enumerate(words):
            shown = word + ("," if i + 1 < len(words) else "")
            if lines and self.width(f"{lines[-1]} {shown}") <= width:
                lines[-1] += f" {shown}"
            else:
                lines.append(shown)
        return lines

    def draw(
        self, canvas: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, width: float
    ) -> None:
        """Draw a line on its baseline, shortened to the width."""
        x, y = corner
        for file, piece in self._pieces(self.fitted(text, width)):
            font = _font(file, self.size)
            canvas.text((x, y), piece, fill="black", font=font, anchor="ls")
            x += font.getlength(piece)

    def _pieces(self, text: str) -> list[tuple[str, str]]:
        """The fonts and what each draws. Words that run from right to left are pieces of their own:
        in one with what follows, a percentage would be drawn on their other side."""
        pieces: list[tuple[str, str]] = []
        for run in re.split(LEFTWARDS, text):
            begun = len(pieces)
            for c in run:
                here = self._font_of(c)
                if len(pieces) > begun and (pieces[-1][0] == here or c.isspace()):
                    pieces[-1] = (pieces[-1][0], pieces[-1][1] + c)
                else:
                    pieces.append((here, c))
        return pieces

    def _font_of(self, c: str) -> str:
        if c.isascii() or self._files == [PILLOWS]:
            return self._files[0]
        return next((file for file in self._files if ord(c) in characters(file)), self._files[0])


def _without_middle(text: str, kept: int) -> str:
    begin = -(-kept * 2 // 3)
    return text[:begin].rstrip() + ELLIPSIS + (text[begin - kept :] if begin < kept else "")


def _font_files(texts: Sequence[str]) -> list[str]:
    """The font files that the texts need, the usual one first; only `PILLOWS` where matplotlib,
    which has that, is not installed."""
    try:
        return [usual_font(), *fonts_for(texts)]
    except ImportError:
        return [PILLOWS]


@cache
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    if file != PILLOWS:
        return ImageFont.truetype(file, size)
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # as it is for a size
    return font


def save(image: Image.Image, target: Path) -> None:
    """Write a picture in the format that its name says; as SVG it is a picture inside of a
    drawing."""
    kind = picture_format(target)
    buffer = io.BytesIO()
    image.save(
        buffer,
        {"jpg": "JPEG", "pdf": "PDF"}.get(kind, "PNG"),
        **({"quality": 92} if kind == "jpg" else {}),
    )
    data = buffer.getvalue()
    if kind == "svg":
        size = f'width="{image.width}" height="{image.height}"'
        inside = f'<image {size} href="data:image/png;base64,{base64.b64encode(data).decode()}"/>'
        data = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {image.width}'
            f' {image.height}">{inside}</svg>\n'.encode()
        )
    write_bytes(target, data)
