"""Names and numbers of classes: their order, the homework's eleven, and which class of one
collection is which of another."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

HW03_CLASSES = (
    "bread",
    "dairy product",
    "dessert",
    "egg",
    "fried food",
    "meat",
    "noodles/pasta",
    "rice",
    "seafood",
    "soup",
    "vegetable/fruit",
)
"""The homework's eleven kinds of food (Food-11, Singla et al. 2016), by number."""


def natural(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sorting key by which 2 comes before 10, and by which no two names are equal: the order is
    the same in every process."""
    pieces = re.split(r"(\d+)", name)
    return [
        (0, int(piece), "") if piece.isdecimal() else (1, 0, piece.lower())
        for piece in pieces
        if piece
    ], name


def canonical(kind: str) -> str:
    """A class as folders and file names write it, in one spelling: accents composed (macOS
    decomposes them)."""
    return unicodedata.normalize("NFC", kind)


def same_numbers(kinds: Iterable[str]) -> dict[str, str]:
    """The name that each way of writing a class gets: where all are numbers, `03` and `3` are one
    class."""
    known = set(kinds)
    if known and all(kind.isdecimal() for kind in known):
        return {kind: str(int(kind)) for kind in known}
    return {kind: kind for kind in known}


def names_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """The kinds in order; the names of the homework's classes where they are just its eleven
    numbers."""
    ordered = tuple(sorted(set(kinds), key=natural))
    if ordered == tuple(str(number) for number in range(len(HW03_CLASSES))):
        return HW03_CLASSES
    return ordered


def indexed(learnt: Iterable[str], kinds: Iterable[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """The classes of a collection, and for each way of writing one (`kinds`) its index among them.

    Those of the training part (`learnt`) are told apart by every letter. A class that other parts
    alone write so is one of these all the same if it can be (see `match`: `TRAIN/Cat` and
    `Val/cat`, `training/Bread/` and `validation/0_1.jpg`); otherwise it is a class of its own.
    """
    everything, first = set(kinds), set(learnt)
    spelling = same_numbers(everything)
    if first and not all(kind.isdecimal() for kind in everything):
        spelling = same_numbers(first)
        base = names_of(spelling.values())
        written = dict(zip(sorted(set(spelling.values()), key=natural), base, strict=True))
        spelling = {kind: written[name] for kind, name in spelling.items()}
        others = sorted(everything - first, key=natural)
        comparable = numbered(others) and numbered(base)
        for kind, number, index in zip(others, numbers(others), match(others, base), strict=True):
            if index is not None:
                spelling[kind] = base[index]
            elif comparable:
                spelling[kind] = (
                    HW03_CLASSES[number]
                    if number < len(HW03_CLASSES) and not all(n.isdecimal() for n in base)
                    else str(number)
                )
            else:
                spelling[kind] = kind
    ordered = sorted(set(spelling.values()), key=natural)
    classes = names_of(spelling.values())
    if set(ordered) == set(classes):
        ordered = list(classes)
    return classes, {kind: ordered.index(name) for kind, name in spelling.items()}


def numbers(classes: Sequence[str]) -> tuple[int, ...]:
    """The number of each class: its own where the classes are numbers, or names of the homework's
    eleven; else its position in the list."""
    if classes and all(name.isdecimal() for name in classes):
        own = [int(name) for name in classes]
    else:
        course = {_key(name): number for number, name in enumerate(HW03_CLASSES)}
        own = [course.get(_key(name), -1) for name in classes]
    if -1 in own or len(set(own)) < len(own):
        return tuple(range(len(classes)))
    return tuple(own)


def marks(classes: Sequence[str]) -> tuple[str, ...]:
    """What stands for each class in a picture where its name has no room: the name itself where all
    are numbers, else its number (see `numbers`; from 0)."""
    if classes and all(name.isdecimal() for name in classes):
        return tuple(classes)
    return tuple(map(str, numbers(classes)))


def numbered(classes: Sequence[str]) -> bool:
    """Whether the classes are numbers or the homework's: two lists of such classes may be compared
    by number."""
    keys = {_key(name) for name in HW03_CLASSES}
    return all(name.isdecimal() for name in classes) or all(_key(name) in keys for name in classes)


def match(classes: Sequence[str], known: Sequence[str]) -> tuple[int | None, ...]:
    """For each class its index among the `known` ones, or None: the same name, else the same number
    where both lists have numbers of their own, else the only name that differs in nothing but case
    and punctuation (`Noodles-Pasta`, `noodles/pasta`)."""
    by_name = {name: i for i, name in enumerate(known)}
    by_number = (
        {number: i for i, number in enumerate(numbers(known))}
        if numbered(classes) and numbered(known)
        else {}
    )
    by_key: dict[str, list[int]] = {}
    for i, name in enumerate(known):
        by_key.setdefault(_key(name), []).append(i)
    found: list[int | None] = []
    for name, number in zip(classes, numbers(classes), strict=True):
        alike = by_key.get(_key(name), [])
        found.append(
            by_name.get(name, by_number.get(number, alike[0] if len(alike) == 1 else None))
        )
    taken = [i for i in found if i is not None]
    # Cat and cat of one collection are not both the cat of another
    if len(set(taken)) < len(taken):
        return tuple(by_name.get(name) for name in classes)
    return tuple(found)


def alike(classes: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of names that nothing but case, spaces, underscores, hyphens and slashes tells apart:
    `Cat` and `cat`, `fried egg` and `Fried_Egg`."""
    groups: dict[str, list[str]] = {}
    for name in classes:
        plain = re.sub(r"[\s_/-]+", "", unicodedata.normalize("NFKC", name).casefold())
        groups.setdefault(plain or name, []).append(name)
    return [tuple(names) for names in groups.values() if len(names) > 1]


def _key(name: str) -> str:
    """A name without case, spaces and punctuation; the name itself if nothing else is in it. Signs
    that carry meaning stay: vowels that are marks, `+`, `#`, emoji, a minus at the end (grade A-),
    and what makes numbers others (-5, 1.5)."""
    plain = unicodedata.normalize("NFKC", name).casefold().strip()
    of_numbers = {match.start() for match in _OF_NUMBERS.finditer(plain)}
    kept = "".join(
        c
        for i, c in enumerate(plain)
        if c == "#" or i in of_numbers or unicodedata.category(c)[0] in "LNS" or _vowel(c)
    )
    return (kept + "-" if kept and plain.endswith("-") else kept) or name


_OF_NUMBERS = re.compile(r"^[-\u2212](?=\d)|(?<=\d)[.,](?=\d)")
"""A minus before the first digit, and what stands within a number."""


def _vowel(character: str) -> bool:
    """Whether it is a mark that is written with letters, not one that chooses how they look."""
    return (
        unicodedata.category(character) in ("Mn", "Mc") and not 0xFE00 <= ord(character) <= 0xFE0F
    )
