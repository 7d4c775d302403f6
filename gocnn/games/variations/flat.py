"""A game tree as a flat list of nodes, read without recursion: however deep its variations are.

The grammar is that of `gocnn.games.nodes`, which reads the main line.
"""

from dataclasses import dataclass

from gocnn.games.nodes import _SMALL, _TOKEN, Node, Property, _stray

ROOT = -1
"""The parent of the first node."""


class TooManyNodes(Exception):
    """There are more nodes than are wanted."""


@dataclass
class TreeNode(Node):
    """A node of any variation. parent: the number of the one before it, ROOT for the first."""

    parent: int = ROOT


def all_nodes(data: bytes, begin: int, end: int, most: int) -> tuple[list[TreeNode], str]:
    """The nodes of the game tree in `data[begin:end]` in their order there, so that each comes
    after its parent; and what is wrong with the grammar (empty if nothing), which ends the list
    early.

    Raises TooManyNodes if there are more than `most`.
    """
    found: list[TreeNode] = []
    branches: list[int] = []  # the node that each open bracket's variation hangs on
    last, at, opened = ROOT, begin, False

    def add() -> None:
        nonlocal last
        if len(found) >= most:
            raise TooManyNodes
        found.append(TreeNode(at, parent=last))
        last = len(found) - 1

    while True:
        token = _TOKEN.match(data, at, end)
        if token is None:
            return found, str(_stray(data, at, end))
        kind, at = token.lastgroup, token.end()
        if kind == "value":
            return found, f"a value without a property at byte {token.start('value')}"
        if kind == "mark":
            mark = token["mark"]
            opened = mark == b"("
            if opened:
                branches.append(last)
            elif mark == b";":
                add()
            else:
                last = branches.pop() if branches else ROOT
                if not branches:
                    return found, "" if found else "it has no node"
            continue
        if opened:
            add()  # some servers leave the first `;` out
            opened = False
        start, values = token.start("name"), []
        while (value := _TOKEN.match(data, at, end)) is not None and value.lastgroup == "value":
            values.append(value.span("value"))
            at = value.end()
        if not values or last == ROOT:
            return found, f"{token['name'].decode()} at byte {start} has no value"
        name = token["name"].translate(None, _SMALL) or token["name"].upper()
        found[last].properties.append(Property(name.decode(), start, at, values))
        found[last].stop = at
