"""The careful path's view of a game: the nodes of its main line, with the place in the file of
everything in them.

It takes what is found in the wild: lower-case letters in property names (`AddBlack`, and `ab` for
AB), a first node without its `;`, moves without a `;` between them, white space anywhere. What is
no SGF at all (text between properties, a property without a value) is BadGrammar. Grammar: SGF
FF[4], https://www.red-bean.com/sgf/sgf4.html, and its forerunners FF[1] and FF[3].
"""

import re
from dataclasses import dataclass, field

from gocnn.board.coords import BLACK, PASS, SIZE, WHITE

_TOKEN = re.compile(
    rb"[\x00-\x20]*+(?:(?P<name>[A-Za-z][A-Za-z0-9_]{0,63}+)|\[(?P<value>[^\\\]]*+(?:\\.[^\\\]]*+)*+)\]|(?P<mark>[;()]))",
    re.DOTALL,
)
_BLANKS = bytes(range(33))
_SMALL = bytes(range(ord("a"), ord("z") + 1))
_SIZE = re.compile(rb"(\d{1,9})(?:[:xX*](\d{1,9}))?")


class BadGrammar(ValueError):
    """Bytes that are no SGF; the message says what is there and where."""


class OffBoard(ValueError):
    """A move that is no point of the board; the message quotes it."""


class BadSetup(ValueError):
    """A set-up stone that is no point of the board; the message quotes it."""


@dataclass
class Property:
    """One property as it stands: its name in capitals, where it starts and stops, and where each
    value does (without its brackets)."""

    name: str
    start: int
    stop: int
    values: list[tuple[int, int]]


@dataclass
class Node:
    """A node of the main line; `stop` is where another property could be added."""

    stop: int
    properties: list[Property] = field(default_factory=list)

    def first(self, name: str) -> tuple[int, int] | None:
        """Where the first value of the property is, if the node has it."""
        return next((each.values[0] for each in self.properties if each.name == name), None)


@dataclass
class Change:
    """What a node does: stones set up (colour, or 0 to take one away, and flat index), then moves
    (colour and flat index), and the side that `PL` names (0 if none)."""

    setup: list[tuple[int, int]]
    moves: list[tuple[int, int]]
    to_play: int


def main_line(data: bytes, begin: int, end: int) -> list[Node]:
    """The nodes of the game tree in `data[begin:end]`, always the first branch that has any. What
    stands in other variations is not looked at.

    Raises BadGrammar.
    """
    nodes: list[Node] = []
    at, opened = begin, False
    while True:
        token = _TOKEN.match(data, at, end)
        if token is None:
            raise _stray(data, at, end)
        kind, at = token.lastgroup, token.end()
        if kind == "value":
            raise BadGrammar(f"a value without a property at byte {token.start('value')}")
        if kind == "mark":
            mark = token["mark"]
            if mark == b")":
                if not nodes:
                    raise BadGrammar("it has no node")
                if not opened:
                    return nodes
                opened = False  # a variation of nothing
                continue
            opened = mark == b"("
            if not opened:
                nodes.append(Node(at))
            continue
        if opened:
            nodes.append(Node(token.start("name")))
            opened = False
        start, values = token.start("name"), []
        while (value := _TOKEN.match(data, at, end)) is not None and value.lastgroup == "value":
            values.append(value.span("value"))
            at = value.end()
        if not values:
            raise BadGrammar(f"{token['name'].decode()} at byte {start} has no value")
        name = token["name"].translate(None, _SMALL) or token["name"].upper()
        nodes[-1].properties.append(Property(name.decode(), start, at, values))
        nodes[-1].stop = at


def _stray(data: bytes, at: int, end: int) -> BadGrammar:
    rest = data[at:end].lstrip(_BLANKS)
    return BadGrammar(
        f"unexpected {rest[:12].decode('ascii', 'replace')!r} at byte {end - len(rest)}"
        if rest
        else "it ends too early"
    )


def text_of(raw: bytes, node: Node) -> dict[str, list[bytes]]:
    """The properties of a node, each with all its values as they stand."""
    found: dict[str, list[bytes]] = {}
    for each in node.properties:
        found.setdefault(each.name, []).extend(raw[start:stop] for start, stop in each.values)
    return found


def other_size(raw: bytes, nodes: list[Node]) -> str:
    """The size of the board, such as `9x9`, if the game says that it is not 19x19; else empty."""
    for node in nodes:
        if span := node.first("SZ"):
            value = raw[slice(*span)].translate(None, _BLANKS)
            match = _SIZE.fullmatch(value)
            if match:
                width, height = int(match[1]), int(match[2] or match[1])
                return "" if width == height == SIZE else f"{width}x{height}"
            return f"SZ[{value[:20].decode('ascii', 'replace')}]" if value else ""
    return ""


def other_game(raw: bytes, nodes: list[Node]) -> str:
    """The `GM` value if the game says that it is not Go; else empty."""
    span = nodes[0].first("GM")
    value = raw[slice(*span)].translate(None, _BLANKS) if span else b""
    return "" if value in (b"", b"1", b"01") else f"GM[{value[:20].decode('ascii', 'replace')}]"


def change(raw: bytes, node: Node) -> Change:
    """What the node does to the board. Raises OffBoard, or BadSetup."""
    found = Change([], [], 0)
    for each in node.properties:
        if each.name in ("B", "W"):
            value = raw[slice(*each.values[0])].translate(None, _BLANKS)
            index = PASS if value in (b"", b"tt") else _point(value)
            if index is None:
                raise OffBoard(f"{each.name}[{value[:20].decode('ascii', 'replace')}]")
            found.moves.append((BLACK if each.name == "B" else WHITE, index))
        elif each.name in ("AB", "AW", "AE"):
            colour = {"AB": BLACK, "AW": WHITE, "AE": 0}[each.name]
            for span in each.values:
                found.setup.extend(
                    (colour, index)
                    for index in _points(raw[slice(*span)].translate(None, _BLANKS), each.name)
                )
        elif each.name == "PL":
            side = raw[slice(*each.values[0])].translate(None, _BLANKS).lower()[:1]
            found.to_play = {b"b": BLACK, b"1": BLACK, b"w": WHITE, b"2": WHITE}.get(side, 0)
    return found


def _point(value: bytes) -> int | None:
    """Flat index of an SGF point on 19x19; None if it is none."""
    if len(value) != 2:
        return None
    column, row = value[0] - 97, value[1] - 97
    return (SIZE - 1 - row) * SIZE + column if 0 <= column < SIZE and 0 <= row < SIZE else None


def _points(value: bytes, name: str) -> list[int]:
    """The points of a list's entry: one, or the rectangle between two corners."""
    if not value:
        return []
    corners = [_point(part) for part in value.split(b":", 1)]
    if None in corners:
        raise BadSetup(f"{name}[{value[:20].decode('ascii', 'replace')}]")
    rows, columns = zip(
        *(divmod(corner, SIZE) for corner in corners if corner is not None), strict=True
    )
    return [
        row * SIZE + column
        for row in range(min(rows), max(rows) + 1)
        for column in range(min(columns), max(columns) + 1)
    ]
