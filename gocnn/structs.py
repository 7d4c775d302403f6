"""Dataclasses from what JSON gives: configurations in model files and run.json."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def from_json(values: Any, of: type[T]) -> T:
    """An instance of the dataclass `of` from parsed JSON: arrays become tuples, whole numbers
    become floats where the field is one, and fields that are not there have their defaults.

    Raises ValueError, which names the field, if a value is of another type, if a field without a
    default is missing, if there is a field that `of` does not have, or if `of` refuses the values.
    """
    try:
        result = msgspec.convert(values, of)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    _need_known(values, result)
    return result


def _need_known(values: Any, result: Any, where: str = "") -> None:
    """Raises ValueError for a key that the dataclass `result` does not have: a newer version wrote
    it, and without it the rest may mean something else."""
    known = {field.name for field in fields(result)}
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{where}{key} is not known")
        if is_dataclass(part := getattr(result, key)):
            _need_known(value, part, f"{where}{key}.")
