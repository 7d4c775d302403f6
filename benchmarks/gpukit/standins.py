"""Stand-ins for small packages that a rented machine may lack: tqdm (no bars), platformdirs (the cache under ~/.cache) and msgspec (model files are
taken at their word). Each is used only where the package itself cannot be imported. Also a plugin of pytest: `-p gpukit.standins`.
"""  # fmt: skip

import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGES = ("tqdm", "platformdirs", "msgspec")


class _Bar:
    """tqdm's bar, unseen."""

    n = 0.0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._items = arguments[0] if arguments else options.get("iterable") or ()

    def __iter__(self) -> Any:
        return iter(self._items)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to close."""

    @classmethod
    def __class_getitem__(cls, item: object) -> type["_Bar"]:
        return cls

    def update(self, count: float = 1) -> None:
        """Nothing to draw."""

    def close(self) -> None:
        """Nothing to close."""

    def set_postfix_str(self, text: str) -> None:
        """Nothing to draw."""

    @staticmethod
    def write(text: str, file: Any = None) -> None:
        print(text, file=file, flush=True)


def _tqdm() -> ModuleType:
    module = ModuleType("tqdm")
    module.tqdm = _Bar  # type: ignore[attr-defined]
    return module


def _platformdirs() -> ModuleType:
    def user_cache_dir(name: str, appauthor: object = None) -> str:
        return str(Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / name)

    module = ModuleType("platformdirs")
    module.user_cache_dir = user_cache_dir  # type: ignore[attr-defined]
    return module


class _Struct:
    def __init_subclass__(cls, **options: Any) -> None:
        """msgspec's options of a struct mean nothing here."""

    def __init__(self, **values: Any) -> None:
        for key in self.__class__.__annotations__:
            if key in values or not hasattr(type(self), key):
                setattr(self, key, values[key])


class _Raw(bytes):
    """A value of a JSON object that is read later."""


def _decode(text: str | bytes, type: Any = None) -> Any:
    try:
        value = json.loads(text)
        if getattr(type, "__args__", None) == (str, _Raw):
            return {key: _Raw(json.dumps(item).encode()) for key, item in value.items()}
        return type(**value) if isinstance(type, _METACLASS) and issubclass(type, _Struct) else value
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error


_METACLASS = type


def _msgspec() -> ModuleType:
    module = ModuleType("msgspec")
    coder = ModuleType("msgspec.json")
    coder.decode = _decode  # type: ignore[attr-defined]
    coder.encode = lambda value: json.dumps(value).encode()  # type: ignore[attr-defined]
    parts = {"Struct": _Struct, "Raw": _Raw, "Meta": lambda **limits: None, "DecodeError": ValueError, "ValidationError": ValueError, "json": coder}
    for name, part in parts.items():
        setattr(module, name, part)
    module.convert = lambda value, of, **options: value  # type: ignore[attr-defined]
    module.field = lambda default=None, **options: default  # type: ignore[attr-defined]
    sys.modules["msgspec.json"] = coder
    return module


def install() -> tuple[str, ...]:
    """Put stand-ins where packages are missing; the names of those."""
    makers = {"tqdm": _tqdm, "platformdirs": _platformdirs, "msgspec": _msgspec}
    missing = []
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = makers[name]()
            missing.append(name)
    return tuple(missing)


MISSING = install()
"""What is missing here and was stood in for."""
