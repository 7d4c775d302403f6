"""Arguments of functions that other programs call: a wrong type is a TypeError, a value out of
range a UserError, both in one sentence that names the argument."""

import operator
import os
from collections.abc import Iterable
from numbers import Real
from reprlib import repr as shortened
from typing import Any

from gocnn import files
from gocnn.errors import UserError

Name = str | os.PathLike[str]


def whole(name: str, value: Any, low: int, *, high: int | None = None) -> int:
    """`value` as an int from `low` to `high`; what stands for one (numpy's integers) is taken.
    Raises TypeError, UserError."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {shortened(value)}") from None
    if number < low or (high is not None and number > high):
        rest = f"from {low} to {high}" if high is not None else f"{low} or more"
        raise UserError(f"{name}={number} must be {rest}")
    return number


def number(name: str, value: Any, low: float, high: float) -> float:
    """`value` as a float from `low` to `high`, numpy's numbers included. Raises TypeError,
    UserError."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {shortened(value)}")
    found = float(value)
    if not low <= found <= high:  # nan too
        raise UserError(f"{name}={found:g} must be from {low:g} to {high:g}")
    return found


def path(name: str, value: Any) -> str:
    """`value`, a str or a path, as str, with the home folder for `~`. Raises TypeError, also for
    bytes, and UserError for an empty one and for an address of the web."""
    found = os.fspath(value) if isinstance(value, str | os.PathLike) else None
    if not isinstance(found, str):
        raise TypeError(f"{name} must be a path (str or pathlib.Path), not {shortened(value)}")
    if not found.strip():
        raise UserError(f"{name} is empty; give the name of a file or a folder")
    files.need_local(found)
    return files.at_home(found)


def paths(name: str, value: Any) -> list[str]:
    """A path, or several, as a list. Raises TypeError."""
    if isinstance(value, str | os.PathLike):
        return [path(name, value)]
    return [path(name, one) for one in items(name, value, "a path or a list of paths")]


def items(name: str, value: Any, what: str) -> list[Any]:
    """`value` as a list, in its order. Raises TypeError if it has none. what: that it has to be."""
    if isinstance(value, bytes | bytearray | set | frozenset | dict) or not isinstance(
        value, Iterable
    ):
        raise TypeError(f"{name} must be {what}, not {shortened(value)}")
    return list(value)
