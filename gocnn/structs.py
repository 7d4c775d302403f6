"""Dataclasses from what JSON gives, and back: configurations in model files and run.json.

By type annotations, without a library: machines that only train need not have one for this.
"""

from dataclasses import MISSING, Field, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def stored_as(name: str, default: Any) -> Any:
    """A field with a default whose name in files, which stays for ever, is another."""
    return field(default=default, metadata={"stored": name})


def _stored(one: "Field[Any]") -> str:
    return str(one.metadata.get("stored", one.name))


def to_json(instance: Any) -> dict[str, Any]:
    """The inverse of `from_json`: the fields of a dataclass, and of those in it, by their names in
    files."""
    return {
        _stored(one): to_json(value) if is_dataclass(value) else value
        for one in fields(instance)
        for value in (getattr(instance, one.name),)
    }


def from_json(values: Any, of: type[T], where: str = "") -> T:
    """An instance of the dataclass `of` from parsed JSON: arrays become tuples, objects the
    dataclasses of their fields, whole numbers floats where the field is one, and fields that are
    not there have their defaults.

    Raises ValueError, which names the field (after `where`), if a value is of another type, if a
    field without a default is missing, if there is a field that `of` does not have (a newer version
    wrote it, and without it the rest may mean something else), or if `of` refuses the values.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where.rstrip('.') or of.__name__} is {_short(values)}, not an object")
    of_fields: Any = of
    known = {_stored(one): one for one in fields(of_fields)}
    for name in sorted(values.keys() - known.keys()):
        raise ValueError(f"{where}{name} is not known")
    for name, one in known.items():
        if name not in values and one.default is MISSING and one.default_factory is MISSING:
            raise ValueError(f"{where}{name} is missing")
    kinds = get_type_hints(of)
    return of(
        **{
            known[name].name: _converted(value, kinds[known[name].name], where + name)
            for name, value in values.items()
        }
    )


def _converted(value: Any, kind: Any, name: str) -> Any:
    """The value as one of that type: bool, int, float, str, None, a Literal, a union of those, a
    tuple, or a dataclass. Raises ValueError, which names the field."""
    if is_dataclass(kind):
        return from_json(value, kind, f"{name}.")  # type: ignore[arg-type]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        for one in arguments:
            try:
                return _converted(value, one, name)
            except ValueError:
                continue
    elif origin is tuple and isinstance(value, list | tuple):
        kinds = arguments[:1] * len(value) if arguments[1:] == (Ellipsis,) else arguments
        if len(kinds) == len(value):
            return tuple(_converted(*pair, name) for pair in zip(value, kinds, strict=True))
    elif origin is Literal:
        if isinstance(value, str) and value in arguments:
            return value
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is (NoneType if kind is None else kind):
        return value
    raise ValueError(f"{name} is {_short(value)}")


def _short(value: Any) -> str:
    return repr(value)[:40]
