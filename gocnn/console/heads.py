"""Heads: what is built on the shared library, each with commands of its own (Go in `gocnn`,
photographs in `imagecls`, others may follow).

A package makes its head known by an entry point of the group `gocnn.heads`; a checkout that nobody
installed registers it (see `cli.py`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

GROUP = "gocnn.heads"


@dataclass(frozen=True)
class Head:
    """commands: of each its name, the module that has it as `command`, and its line in the list.
    describer: the module whose `network(name)` is asked for what `describe` shows; it returns the
    network with the shape of its input, or None if `name` is not the head's."""

    name: str
    commands: dict[str, tuple[str, str]]
    describer: str

    def network(self, name: str) -> tuple[Any, tuple[int, int, int]] | None:
        """What `describe NAME` shows, if it is this head's. Raises UserError."""
        found: Callable[[str], tuple[Any, tuple[int, int, int]] | None] = import_module(
            self.describer
        ).network
        return found(name)


_registered: dict[str, Head] = {}
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
                register(point.load())
    return list(_registered.values())


def commands() -> dict[str, tuple[str, str]]:
    """The commands of all heads."""
    return {name: entry for head in heads() for name, entry in head.commands.items()}


def find(name: str) -> tuple[str, str] | None:
    """A command by its name. Installed packages are looked through only for names that are not
    registered."""
    for head in _registered.values():
        if name in head.commands:
            return head.commands[name]
    return commands().get(name)
