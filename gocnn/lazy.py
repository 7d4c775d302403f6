"""A package whose public names are imported from a module of it once they are asked for."""

import sys
from collections.abc import Callable
from importlib import import_module


def face(package: str, module: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package, for its `__init__`: the names in its `__all__` are
    those of `module`, which is imported when the first of them is asked for."""

    def of_package(name: str) -> object:
        if name in sys.modules[package].__all__:
            return getattr(import_module(module), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def names() -> list[str]:
        found = sys.modules[package]
        return sorted({*vars(found), *found.__all__})

    return of_package, names
