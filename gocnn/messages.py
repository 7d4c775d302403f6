"""Messages from outside, declared as msgspec structs: how JSON becomes one, and what is said of
JSON that does not fit."""

import difflib
import re
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import Struct

QUOTED = re.compile("'([^']+)'")

M = TypeVar("M")


class BadMessage(Exception):
    """A message that cannot be followed: the field (empty if it is none's), and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name, self.why = name, why


def read(values: Any, kind: type[M], field: str = "", strict: bool = True) -> M:
    """The message that an object stands for. Raises BadMessage with the field that is missing, of
    the wrong type, or out of range. field: what the object is the value of; strict: texts are no
    numbers."""
    try:
        return msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as error:
        why, _, path = str(error).partition(" - at `$")
        missing = re.search(r"missing required field `(\w+)`", why)
        where = path.rstrip("`").lstrip(".")
        name = (re.match(r"\w+", where) or [missing[1] if missing else ""])[0]
        said = (
            f"{missing[1]} is missing"
            if missing
            else _plainly(why.replace("`", "").replace(" | null", ""))
        )
        if why.startswith("Invalid enum value"):
            choices = ", ".join(_choices(kind, name))
            said = f"it is one of {choices}, not {why[19:60]}"
        raise BadMessage(
            field or name, f"{where}: {said}" if where and (field or where != name) else said
        ) from None


def _choices(kind: Any, name: str) -> list[str]:
    """The texts that a field of a struct may have, or a type of texts itself."""
    if not (isinstance(kind, type) and issubclass(kind, Struct)):
        return [str(one) for one in get_args(kind)]
    kinds = {one.encode_name: str(one.type) for one in msgspec.structs.fields(kind)}
    return re.findall(QUOTED, kinds.get(name, ""))


PLAIN = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


def _plainly(why: str) -> str:
    """What msgspec says of a value, without the names of Python's types."""
    return re.sub(
        r"\b(int|float|str|bool|array|object)\b",
        lambda kind: PLAIN[kind[1]],
        why[:1].lower() + why[1:],
    ).replace(" | ", " or ")


def unknown(values: dict[str, Any], kind: type[Struct]) -> list[tuple[str, str]]:
    """Keys that the message does not have, each as it may be quoted, with the one that may be
    meant."""
    lower = {one.encode_name.lower(): one.encode_name for one in msgspec.structs.fields(kind)}
    said = []
    for key in sorted(set(values) - set(lower.values())):
        ends = [name for name in lower if len(key) > 4 and name.endswith(key.lower())]
        near = [*difflib.get_close_matches(key.lower()[:60], lower, 1, 0.8), *ends]
        said.append((key[:60], key[:60] + (f" (is {lower[near[0]]} meant?)" if near else "")))
    return said
