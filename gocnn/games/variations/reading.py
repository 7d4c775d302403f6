"""From the bytes of a file to its games with all variations."""

from dataclasses import dataclass, field

from gocnn.board.coords import to_sgf
from gocnn.errors import UserError
from gocnn.games import encoding, nodes, sgf_tree, sources
from gocnn.games.variations.flat import ROOT, TooManyNodes, TreeNode, all_nodes
from gocnn.games.variations.texts import MOVES, values


@dataclass(frozen=True)
class Limits:
    """How much a file may hold. nodes: of all its games together; games: how many; unpacked: bytes
    that an archive may unpack to."""

    nodes: int = 200_000
    games: int = 5_000
    unpacked: int = 128 << 20


@dataclass
class GameTree:
    """A game. name: of its file, in an archive with its place there; parents: of each node the
    number of the one before it, -1 for the first; properties: of each node, texts by name; trouble:
    why moves are missing, or cannot be played, or empty; notes: what had to be decided about it;
    komi: points, None if the record states none that a game can have; handicap: how many stones, 0
    if none; a game that is not on 19x19 has its trouble and no nodes."""

    name: str
    parents: list[int] = field(default_factory=list)
    properties: list[dict[str, list[str]]] = field(default_factory=list)
    trouble: str = ""
    notes: list[str] = field(default_factory=list)
    komi: float | None = None
    handicap: int = 0


@dataclass
class Collection:
    """The games of a file or an archive, and what in it is no game, a sentence each."""

    games: list[GameTree] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def read_file(data: bytes, name: str, limits: Limits | None = None) -> Collection:
    """The games in the bytes of a file: SGF in any encoding, GIB, NGF or UGF (which become SGF), or
    an archive of such files.

    Nothing of a record is lost: every property of every node is there with all its values, as text.
    A node with several moves becomes several nodes. Handicap stones that a server's record leaves
    out are set up, as everywhere in this program; the game's notes say so. Raises UserError if
    there is no game record in the file, or if it has more games or nodes than `limits` allow.
    """
    limits = limits or Limits()
    found = Collection()
    left = limits.nodes
    for blob in sources.in_bytes(data, name, limits.unpacked):
        if blob.trouble:
            found.skipped.append(f"{blob.name}: {blob.trouble}")
            continue
        if blob.data.count(b"(;") > limits.nodes:
            raise _too_large(name, limits)
        try:
            records = sgf_tree.parse(blob.data, blob.name)
        except UserError as error:
            found.skipped.append(str(error))
            continue
        for number, record in enumerate(records, 1):
            if len(found.games) >= limits.games:
                raise UserError(f"{name} has more than {limits.games} games; give a part of it")
            shown = blob.name if len(records) == 1 else f"{blob.name} (game {number})"
            game = _game(record, shown, left, limits, name)
            left -= len(game.parents)
            found.games.append(game)
    if not found.games:
        raise UserError(found.skipped[0] if found.skipped else f"{name} holds no game record")
    return found


def _too_large(name: str, limits: Limits) -> UserError:
    return UserError(f"{name} has more than {limits.nodes} nodes; give a part of it")


def _game(record: sgf_tree.Record, shown: str, left: int, limits: Limits, name: str) -> GameTree:
    game = GameTree(shown, trouble=record.trouble)
    game.notes = [f"{note.what}: {note.detail}" for note in record.notes]
    game.komi = record.komi if (record.komi * 2).is_integer() else None
    game.handicap = record.handicap_stones
    begin, end = record.span
    try:
        tree, trouble = all_nodes(record.file.data, begin, end, left)
    except TooManyNodes:
        raise _too_large(name, limits) from None
    raw = record.file.raw
    # of another size, or no Go: there is nothing that could be shown
    if not tree or nodes.other_size(raw, list(tree)) or nodes.other_game(raw, list(tree)):
        return game
    game.trouble = game.trouble or (f"a part of it is broken SGF ({trouble})" if trouble else "")
    first = {one.name: raw[slice(*one.values[0])] for one in tree[0].properties}
    codec = record.file.codec(begin) or encoding.of_game(first, raw, begin, end)
    _lay_out(game, raw, tree, codec)
    if len(game.parents) > left:
        raise _too_large(name, limits)
    _add_stones(game, record)
    return game


def _lay_out(game: GameTree, raw: bytes, tree: list[TreeNode], codec: str) -> None:
    """The nodes with their texts; one with several moves becomes several."""
    last: dict[int, int] = {ROOT: ROOT}  # the number of a node, or of its last move
    for number, node in enumerate(tree):
        found: dict[str, list[str]] = {}
        moves: list[tuple[str, str]] = []
        for one in node.properties:
            several = values(one.name, [raw[start:stop] for start, stop in one.values], codec)
            if one.name in MOVES:
                moves += [(one.name, value) for value in several]
            else:
                found.setdefault(one.name, []).extend(several)
        if moves:
            # the move stands first, as people write it
            found = {moves[0][0]: [moves[0][1]], **found}
        game.parents.append(last[node.parent])
        game.properties.append(found)
        for colour, value in moves[1:]:
            game.parents.append(len(game.parents) - 1)
            game.properties.append({colour: [value]})
        last[number] = len(game.parents) - 1


def _add_stones(game: GameTree, record: sgf_tree.Record) -> None:
    """Handicap stones that the program knows of though the record does not set them up."""
    black, white = (record.steps[0].setup if record.steps else record.setup) or ([], [])
    if not black or white or any({"AB", "AW"} & each.keys() for each in game.properties):
        return
    game.properties[0]["AB"] = [to_sgf(index) for index in black]
