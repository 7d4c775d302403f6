"""How many photographs of each class there are, for people to read."""

from typing import NamedTuple

import numpy as np

from gocnn.wording import columns, padded
from imagecls.photos.data import Splits


class Count(NamedTuple):
    """A class and its photographs in the two parts."""

    name: str
    training: int
    validation: int


def counts(splits: Splits) -> list[Count]:
    """Of each class."""
    here, there = (
        np.bincount(photos.labels, minlength=len(splits.classes)).tolist()
        for photos in (splits.train, splits.valid)
    )
    return [Count(*row) for row in zip(splits.classes, here, there, strict=True)]


def lines(splits: Splits) -> list[str]:
    """The same as a table, and what is unusual."""
    rows = counts(splits)
    rows.append(Count("all", len(splits.train), len(splits.valid)))
    width = max(5, *(columns(row.name) for row in rows))
    table = [f"{padded(row.name, width)}  {row.training:8}  {row.validation:10}" for row in rows]
    return [
        f"{'class':{width}}  training  validation",
        *table,
        *(f"note: {note}" for note in splits.notes),
    ]
