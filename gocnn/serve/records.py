"""Game records that are dropped on the page: read into trees of nodes."""

from msgspec import Struct
from starlette.routing import BaseRoute

from gocnn.engine import rulesets
from gocnn.games.variations import GameTree, Limits, read_file
from gocnn.serve.config import RECORD_BYTES, RECORD_NODES
from gocnn.serve.endpoints import post
from gocnn.serve.state import ServeState


class File(Struct):
    """The file that the body is. name: its own, to be quoted in what is said of it."""

    name: str = "the file"


class Node(Struct):
    """A node of a game. parent: the number of the node before it, -1 for the first; props: the
    properties of SGF, each with its values as text (moves and points in SGF's letters)."""

    parent: int
    props: dict[str, list[str]]


class Record(Struct):
    """A game. name: of its file; nodes: all variations, each node after its parent; trouble: why
    moves are missing or cannot be played, or empty; notes: what had to be decided about it; komi:
    points, as the record means them, null if it states none; rules: those that it names, as
    `Position` takes them, null if it names none that are known; handicap: how many stones. A game
    that is not on 19x19 has no nodes, and its trouble says its size."""

    name: str
    nodes: list[Node]
    trouble: str
    notes: list[str]
    komi: float | None
    rules: str | None
    handicap: int


class Records(Struct):
    """The games of a file, and what in it is none, a sentence each."""

    games: list[Record]
    skipped: list[str]


def sgf(asked: File, data: bytes) -> Records:
    """The games of a file with all their variations.

    The file may be SGF in any encoding, GIB, NGF or UGF, packed, or an archive of such files.
    """
    name = " ".join(asked.name.split())[:200].replace("\\", "/").rpartition("/")[2]
    found = read_file(data, name or "the file", Limits(nodes=RECORD_NODES))
    return Records([_record(game) for game in found.games], found.skipped[:100])


def _record(game: GameTree) -> Record:
    nodes = [Node(*each) for each in zip(game.parents, game.properties, strict=True)]
    stated = game.properties[0].get("RU", [""])[0] if game.properties else ""
    rules = rulesets.of_record(stated)
    return Record(game.name, nodes, game.trouble, game.notes, game.komi, rules, game.handicap)


def routes(state: ServeState) -> list[BaseRoute]:
    """Reading records."""
    return [post("/api/sgf", sgf, most=RECORD_BYTES)]
