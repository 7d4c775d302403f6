"""Heads: the parts of the program that build on the shared library, each with its own commands (Go
in `gocnn`, photographs in `imagecls`).

A package announces its head by an entry point of the group `gocnn.heads`; a checkout that is not
installed registers it (see `cli.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from gocnn import libraries
from gocnn.shipping import Shelf

GROUP = "gocnn.heads"


@dataclass(frozen=True)
class Head:
    """A head. commands: for each command its module, which has the click command as `command`, and
    its line in the list of commands. describer: the module whose `network(name)` finds the network
    for `describe`, with the shape of its input, or returns None if the head has none of that name.
    extra: the extra that installs its packages, if not those that everything needs. pages: the
    module of its part of the page's server, whose `routes(config)` are answered below `/api/NAME/`
    (`gocnn.serve`), or None. shipping: the module whose `shelf()` tells which networks of its come
    with the program (`gocnn.shipping.Shelf`), or None."""

    name: str
    commands: dict[str, tuple[str, str]]
    describer: str
    extra: str | None = None
    pages: str | None = None
    shipping: str | None = None

    def shelf(self) -> Shelf | None:
        """The networks of this head that come with the program."""
        if self.shipping is None:
            return None
        found: Shelf = import_module(self.shipping).shelf()
        return found

    def network(self, name: str) -> tuple[Any, tuple[int, int, int]] | None:
        """The network that `describe NAME` shows and the shape of its input (channels, height,
        width), or None if this head has none of that name. Raises UserError."""
        found: Callable[[str], tuple[Any, tuple[int, int, int]] | None] = import_module(
            self.describer
        ).network
        return found(name)


_registered: dict[str, Head] = {}
_broken: dict[str, str] = {}
"""Heads of installed packages that cannot be imported, and why."""
_looked = False


def register(head: Head) -> None:
    """Make a head known in this process."""
    _registered[head.name] = head


def heads() -> list[Head]:
    """All heads: those registered and those of installed packages."""
    global _looked
    if not _looked:
        _looked = True
        for point in entry_points(group=GROUP):
            if point.name not in _registered:
                _load(point)
    return list(_registered.values())


def _load(point: EntryPoint) -> None:
    """Register an installed head; one that is broken is set aside, since the others are not."""
    try:
        head = point.load()
    except (ImportError, OSError) as error:
        why = " ".join(str(error).split())[:200]
        _broken[point.name] = libraries.package(error) or f"it cannot be imported ({why})"
        return
    except Exception as error:  # noqa: BLE001 - another's code, which may fail in any way
        _broken[point.name] = f"it cannot be imported ({type(error).__name__}: {error})"
        return
    if isinstance(head, Head):
        register(head)
    else:
        _broken[point.name] = f"{point.value} is no Head"


def broken() -> dict[str, str]:
    """Why the commands of some heads are missing, by the head's name: a sentence each."""
    heads()
    return dict(_broken)


def commands() -> dict[str, tuple[str, str]]:
    """The commands of all heads."""
    return {name: found for head in heads() for name, found in head.commands.items()}


def head(name: str) -> Head | None:
    """The head of that name, or None."""
    return next((one for one in heads() if one.name == name), None)


def extra_of(name: str | None) -> str | None:
    """The extra that a command's head needs."""
    return next((head.extra for head in _registered.values() if name in head.commands), None)


def entry(name: str) -> tuple[str, str] | None:
    """A command by its name. Installed packages are looked through only for names that are not
    registered."""
    for head in _registered.values():
        if name in head.commands:
            return head.commands[name]
    return commands().get(name)
