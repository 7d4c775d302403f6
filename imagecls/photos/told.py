"""Sentences on how a folder or archive of photographs was read: what was left out, and what looks
like a mistake."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from gocnn.wording import counted, few
from imagecls.photos.classes import alike, natural
from imagecls.photos.files import empty_folders
from imagecls.photos.formats import PICTURE, kind_of
from imagecls.photos.layout import Layout

_GOES_ON = re.compile(r"\.(jpe?g|png|webp|gif|bmp|tiff?|avif|heic)[^./]*(\.\d+)?$", re.IGNORECASE)
"""Names of pictures with something more at their ends, as downloads have it: `1.jpg_large`,
`1.jpg?w=300`, `1.jpg.1`."""


def several_sets(path: Path, sets: Sequence[str]) -> str:
    """A sentence on folders that are sets, not classes."""
    one = sets[0]
    way = f"give one of them, such as {path / one}"
    if not path.is_dir():
        way = f"unpack one, such as {one}"
    return (
        "what is taken for classes looks like sets of photographs, with parts and classes of their"
        f" own ({few(sets)}): {way}"
    )


def alike_classes(classes: Sequence[str]) -> list[str]:
    """Notes on classes that may be one."""
    return [
        f"{', '.join(names[:-1])} and {names[-1]} are different classes, though nothing but case or"
        " separators tells their names apart; if they are one, give it one name"
        for names in alike(classes)
    ]


def empty_classes(path: Path, layout: Layout, names: Sequence[str]) -> list[str]:
    """A note on empty folders beside those of classes, if there are any."""
    empty = empty_folders(path, names)
    pictures = (name for name in names if kind_of(name) == PICTURE) if empty else ()
    beside = {layout.around(name) for name in pictures} - {None}
    found = [name for name in sorted(empty, key=natural) if layout.around(f"{name}/x") in beside]
    found = [name for name in found if layout.locate(f"{name}/x")[1] == PurePosixPath(name).name]
    if not found:
        return []
    return [
        f"{len(found)} folder{'s' if len(found) > 1 else ''} beside the class folders"
        f" {'are' if len(found) > 1 else 'is'} empty and no class ({few(found)})"
    ]


def unused(names: Sequence[str], words: str) -> str:
    """On pictures that are not learnt from."""
    return f"not used: {counted(len(names), 'picture')} {words} ({few(names)})"


def ignored(names: Sequence[str]) -> str:
    """On files that are no pictures."""
    text = f"ignored: {counted(len(names), 'file')} of other kinds ({endings(names)})"
    if any(_GOES_ON.search(name) for name in names):
        text += "; rename those that are pictures: their names must end as pictures' do"
    return text


def instead(others: Sequence[str]) -> str:
    """What there is where no pictures are, half a sentence."""
    return f", only {endings(others)}" if others else ""


def endings(names: Sequence[str]) -> str:
    """How many files there are of each ending, the commonest first."""
    counts = Counter(Path(name).suffix.lower() or "without an ending" for name in names)
    shown = [
        f"{count} {ending}"
        for ending, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return few(shown, 6)
