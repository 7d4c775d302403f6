"""What a person should know of the photographs of a training, a sentence each."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.wording import few
from imagecls.photos.labelling import pattern_for
from imagecls.photos.sets import PhotoSet


def class_notes(
    classes: Sequence[str], train: PhotoSet, valid: PhotoSet, source: str, reasons: str
) -> list[str]:
    """Which classes have few pictures or none. Raises UserError if nothing is left to train on or
    to validate on, or pictures of one class only; `reasons` (see `imagecls.photos.data.why`) say
    what became of the others."""
    if len(train) == 0:
        raise UserError(f"no picture of {source} is left to train on{reasons}; give other pictures")
    notes = []
    here, there = Counter(train.labels.tolist()), Counter(valid.labels.tolist())
    present = [name for i, name in enumerate(classes) if here[i]]
    if len(present) < 2:
        pattern = pattern_for(photo.name for photo in train.photos)
        raise UserError(
            f"{source} has pictures of one class only ({present[0]}); a classifier needs two"
            f" classes at least{reasons}" + (f"; {pattern}" if pattern else "")
        )
    for what, found in (
        (
            "has no training picture and can never be answered",
            [name for i, name in enumerate(classes) if here[i] == 0],
        ),
        ("has one training picture only", [name for i, name in enumerate(classes) if here[i] == 1]),
        ("is missing from validation", [name for i, name in enumerate(classes) if there[i] == 0]),
    ):
        notes += _together(found, what)
    if len(valid) == 0:
        raise UserError(
            f"no picture of {source} is left to validate on{reasons}; give more pictures, or"
            " --valid with another place"
        )
    return notes


MOST_ALONE = 3
"""Classes that are named in a note each; more are counted in one."""


def _together(names: Sequence[str], what: str) -> list[str]:
    """What is said of classes of those names: of each, or of many together."""
    if len(names) <= MOST_ALONE:
        return [f"class {name} {what}" for name in names]
    what = re.sub("^has ", "have ", re.sub("^is ", "are ", what))
    return [f"{len(names)} classes {what} ({', '.join(names[:MOST_ALONE])} ...)"]


def some(photos: PhotoSet, mask: npt.NDArray[np.bool_]) -> str:
    """Names of some of the photographs where a mask is true."""
    return few(photo.name for photo in photos.take(mask).photos)


def contradictions(classes: Sequence[str], photos: PhotoSet) -> list[str]:
    """A note on pictures that are there several times, byte for byte, with different labels."""
    order = np.argsort(photos.rows, kind="stable")
    same = np.flatnonzero(np.diff(photos.rows[order]) == 0)
    one, other = order[same], order[same + 1]
    differ = photos.labels[one] != photos.labels[other]
    if not differ.any():
        return []
    i, j = int(one[differ][0]), int(other[differ][0])
    count = len(np.unique(photos.rows[one[differ]]))
    shown = ", ".join(
        f"{photos.photos[k].name} as {classes[int(photos.labels[k])]}" for k in (i, j)
    )
    many = count > 1
    return [
        f"{count} picture{'s are' if many else ' is'} there several times with different labels, of"
        f" which one at most is right ({shown}{' ...' if many else ''})"
    ]
