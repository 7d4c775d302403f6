"""Matplotlib, as everything here uses it: files in the format of their name, and text as it is
written, in whatever script."""

import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gocnn.files import replacing
from gocnn.libraries import keep_private
from gocnn.wording import either

PICTURES = (".png", ".jpg", ".jpeg", ".svg", ".pdf")
"""Endings of the pictures that can be written."""

INSTALL = {
    "a font for Chinese, Japanese and Korean, such as Noto Sans CJK"
    " (Debian, Ubuntu: fonts-noto-cjk)": (
        (0x1100, 0x11FF),
        (0x2E80, 0xA4CF),
        (0xAC00, 0xD7FF),
        (0xF900, 0xFAFF),
        (0xFE30, 0xFE4F),
        (0xFF00, 0xFFEF),
        (0x20000, 0x3FFFF),
    )
}
"""Fonts to recommend, and the characters (first, last) that they are for."""

TITLE_LINES = 3
"""Lines that a title has at most; of one that is longer the middle is left out."""


def pyplot() -> Any:
    """Matplotlib for files, without a screen; imported when it is wanted."""
    keep_private()
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    return plt


def picture_format(target: Path) -> str:
    """`png`, `jpg`, `svg` or `pdf`, from the file's name. Raises ValueError for any other."""
    ending = target.suffix.lower()
    if ending not in PICTURES:
        raise ValueError(f"{target} must end in {either(PICTURES)}")
    return "jpg" if ending == ".jpeg" else ending[1:]


def save_figure(figure: Any, target: Path, dpi: int = 110) -> None:
    """Write the figure, whole or not at all, as the ending of `target` says, and close it. Raises
    ValueError for another ending.

    Names in the figure are shown as they are: `$` is no mathematics, and text in a script that the
    usual font lacks gets another installed one; where there is none, a line on standard error says
    what to install. Titles that are wider than their place are broken into lines.
    """
    kind = picture_format(target)
    with replacing(target) as stream, _names_as_they_are(figure):
        fit_titles(figure)
        figure.savefig(stream, format=kind, dpi=dpi)
    pyplot().close(figure)


def lay_out(figure: Any) -> None:
    """Give everything its place and size, as `save_figure` will, for who measures before."""
    with _names_as_they_are(figure):
        figure.draw_without_rendering()


@contextmanager
def _names_as_they_are(figure: Any) -> Iterator[None]:
    """Within it the figure's texts can be drawn: none is mathematics, and each has fonts."""
    from matplotlib.text import Text

    for axes in figure.axes:  # the labels of ticks are made when they are asked for
        axes.get_xticklabels()
        axes.get_yticklabels()
    texts = figure.findobj(Text)
    families = font_families(text.get_text() for text in texts)
    for text in texts:
        text.set_parse_math(False)
        text.set_text(printable(text.get_text()))
        if not text.get_text().isascii():
            text.set_fontfamily(families)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it has been said
        yield


def fit_titles(figure: Any) -> None:
    """Break the titles that reach beyond the figure, or into the next column, into lines."""
    titles = [title for axis in figure.axes for title in (axis.title, axis._left_title)]
    texts = [title.get_text() for title in titles]
    if not any(texts) and not figure.get_suptitle():
        return
    for title in titles:  # too wide ones would push the axes together
        title.set_text("")
    figure.draw_without_rendering()
    for title, text in zip(titles, texts, strict=True):
        title.set_text(text)
    if figure.get_suptitle():
        _fit(figure._suptitle, figure.bbox.width)
    boxes = [axis.get_window_extent() for axis in figure.axes]
    for axis, box in zip(figure.axes, boxes, strict=True):
        beside = [other for other in boxes if other.y0 < box.y1 and other.y1 > box.y0]
        ends = [other.x1 for other in beside if other.x1 <= box.x0]
        starts = [other.x0 for other in beside if other.x0 >= box.x1]
        left = (max(ends) + box.x0) / 2 + 2 if ends else 0.0
        right = (min(starts) + box.x1) / 2 - 2 if starts else figure.bbox.width
        middle = (box.x0 + box.x1) / 2
        _fit(axis.title, 2 * min(middle - left, right - middle))
        _fit(axis._left_title, right - box.x0)


def _fit(title: Any, room: float) -> None:
    """Break the title into lines of at most `room` pixels."""
    text, width = title.get_text(), title.get_window_extent().width
    longest = max((len(line) for line in text.split("\n")), default=0)
    if not text or width <= room or room <= 0:
        return
    columns = int(longest * room / width)
    while columns > 1:
        title.set_text("\n".join(_lines(text, columns)))
        if title.get_window_extent().width <= room:
            return
        columns -= 1


def _lines(text: str, columns: int) -> list[str]:
    """The text in lines of so many characters, without its middle where they would be too many."""
    lines = [line for part in text.split("\n") for line in textwrap.wrap(part, columns)]
    if len(lines) <= TITLE_LINES:
        return lines
    kept = max(columns * TITLE_LINES // 2 - columns // 3, 1)
    flat = " ".join(text.split())
    return textwrap.wrap(f"{flat[:kept]}...{flat[-kept:]}", columns)


def printable(text: str) -> str:
    """The text without control characters, which no font has (line feeds stay)."""
    return "".join(c if c == "\n" or c.isprintable() else " " for c in text)


def font_families(texts: Iterable[str]) -> list[str]:
    """Families for matplotlib that together have all characters of the texts, as far as fonts are
    installed for them; says what is missing."""
    files = fonts_for(texts)
    from matplotlib import font_manager

    families = list(pyplot().rcParams["font.family"])
    for path in files:
        if path not in {entry.fname for entry in font_manager.fontManager.ttflist}:
            font_manager.fontManager.addfont(path)
        families.append(
            next(entry.name for entry in font_manager.fontManager.ttflist if entry.fname == path)
        )
    return list(dict.fromkeys(families))


def fonts_for(texts: Iterable[str]) -> list[str]:
    """Font files that have the characters of the texts which the usual font (DejaVu Sans) lacks;
    says on standard error which none has."""
    wanted = {
        ord(c)
        for text in texts
        for c in printable(text)
        if not (c.isspace() or c.isascii())  # which DejaVu Sans has
    }
    missing = wanted - characters(usual_font()) if wanted else wanted
    if not missing:
        return []
    files = sorted(_installed(), key=_plain, reverse=True)
    whole = next((path for path in files if missing <= characters(path)), None)
    if whole is not None:
        return [whole]
    chosen: list[str] = []
    while missing:
        best = max(files, key=lambda path: len(missing & characters(path)), default=None)
        if best is None or not missing & characters(best):
            break
        chosen.append(best)
        missing -= characters(best)
    if missing:
        _say_missing("".join(chr(code) for code in sorted(missing)))
    return chosen


def usual_font() -> str:
    """The file of DejaVu Sans, which comes with matplotlib. Where that lies as it usually does,
    nothing is imported: that would take longer than all that is written with it."""
    found = find_spec("matplotlib")
    for folder in (found and found.submodule_search_locations) or ():
        usual = Path(folder, "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
        if usual.exists():
            return str(usual)
    pyplot()
    from matplotlib import font_manager

    return str(font_manager.findfont("DejaVu Sans"))


@cache
def characters(path: str) -> frozenset[int]:
    """The code points that a font file has glyphs for; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (RuntimeError, OSError, ValueError):
        return frozenset()


@cache
def _installed() -> tuple[str, ...]:
    """The font files of the system, found anew in each process: matplotlib's own list does not know
    those installed since."""
    pyplot()
    from matplotlib import font_manager

    return tuple(sorted(font_manager.findSystemFonts()))


def _plain(path: str) -> tuple[bool, bool, str]:
    """Prefers an upright sans-serif font of ordinary weight to others with the same characters."""
    name = Path(path).name.lower()
    odd = any(
        word in name
        for word in (
            "bold",
            "light",
            "thin",
            "black",
            "italic",
            "oblique",
            "medium",
            "mono",
            "condensed",
        )
    )
    return not odd, "sans" in name or "gothic" in name, path


@cache
def _say_missing(letters: str) -> None:
    advice = [
        font
        for font, ranges in INSTALL.items()
        if any(low <= ord(c) <= high for c in letters for low, high in ranges)
    ]
    shown = letters[:20] + ("..." if len(letters) > 20 else "")
    encoding = sys.stderr.encoding or "ascii"
    safe = shown.encode(encoding, "backslashreplace").decode(encoding)
    print(
        f"note: no installed font has the characters {safe}; install"
        f" {'; '.join(advice) or 'one that has them'}",
        file=sys.stderr,
    )
