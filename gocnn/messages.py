"""Messages from outside, declared as msgspec structs: how JSON becomes one, and what is said of
JSON that does not fit."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import msgspec
from msgspec import Struct, inspect

M = TypeVar("M")


class BadMessage(Exception):
    """A message that cannot be followed.

    name: the field (empty if it is none's); inside: the place within its value (`.moves[0]`), if it
    is not all of it; why: what is wrong there, without the field's name. As text it is what to say
    beside the field's name, `sentence` what to say alone.
    """

    def __init__(self, name: str, why: str, inside: str = "") -> None:
        self.name, self.why, self.inside = name, why, inside
        super().__init__(self.sentence if inside else why)

    @property
    def sentence(self) -> str:
        """The place, and what is wrong there."""
        return f"{self.name}{self.inside}: {self.why}" if self.name else self.why


def read(values: Any, kind: type[M], field: str = "", *, strict: bool = True) -> M:
    """The message that an object stands for. Raises BadMessage with the field that is missing, of
    the wrong type, or out of range. field: what the object is the value of; strict: texts are no
    numbers."""
    try:
        return msgspec.convert(values, kind, strict=strict)
    except msgspec.ValidationError as error:
        why, _, path = str(error).partition(" - at `$")
        missing = re.search(r"missing required field `(\w+)`", why)
        where = path.rstrip("`")
        said = "it is missing" if missing else _plainly(why.replace("`", "").replace(" | null", ""))
        if why.startswith("Invalid enum value"):
            choices = ", ".join(_choices(kind, where))
            said = f"it is one of {choices}, not {why[19:60]}"
        if missing:
            where += f".{missing[1]}"
        name = field or (re.match(r"\.?(\w+)", where) or ("", ""))[1]
        inside = where if field else where.lstrip(".").removeprefix(name)
        raise BadMessage(name, said, inside) from None


def _choices(kind: Any, path: str) -> list[str]:
    """The texts that may stand at a path in a message of that type: `position.moves[0][1]`, as
    msgspec names places."""
    found = [inspect.type_info(kind)]
    for name, index in re.findall(r"(\w+)|\[(\d+|\.\.\.)\]", path):
        found = [part for one in found for part in _parts(one, name, index)]
    return [str(value) for one in found for each in _plain(one) for value in _values(each)]


def _plain(kind: inspect.Type) -> list[inspect.Type]:
    """The types of a union, without what is said of them besides."""
    match kind:
        case inspect.UnionType(types=types):
            return [plain for one in types for plain in _plain(one)]
        case inspect.Metadata(type=inner):
            return _plain(inner)
    return [kind]


def _parts(kind: inspect.Type, name: str, index: str) -> Iterator[inspect.Type]:
    """The types of what stands at a field, or at a place of a list or an object."""
    for one in _plain(kind):
        match one:
            case inspect.StructType(fields=fields) if name:
                yield from (each.type for each in fields if each.encode_name == name)
            case inspect.TupleType(item_types=types) if index.isdecimal():
                yield from types[int(index) : int(index) + 1]
            case inspect.CollectionType(item_type=item) if index:
                yield item
            case inspect.DictType(value_type=value):
                yield value


def _values(kind: inspect.Type) -> Iterable[Any]:
    match kind:
        case inspect.LiteralType(values=values):
            return values
        case inspect.EnumType(cls=cls):
            return [each.value for each in cls]
    return ()


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
    """Keys that the message does not have, each as it may be quoted, and which one may be meant, as
    the end of a sentence."""
    lower = {one.encode_name.lower(): one.encode_name for one in msgspec.structs.fields(kind)}
    said = []
    for key in sorted(set(values) - set(lower.values())):
        ends = [name for name in lower if len(key) > 4 and name.endswith(key.lower())]
        near = [*difflib.get_close_matches(key.lower()[:60], lower, 1, 0.8), *ends]
        said.append((key[:60], f" (is {lower[near[0]]} meant?)" if near else ""))
    return said
