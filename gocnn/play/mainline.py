"""The main line of a game record with everything around it kept: what a review reads, and writes back.

The tree is sgfmill's coarse one, whose values are the file's own bytes: variations, properties, comments and encoding come out as they went in.
Source of the format: SGF FF[4], https://www.red-bean.com/sgf/.
"""

from dataclasses import dataclass, field

from sgfmill import sgf, sgf_grammar

from gocnn.board import BLACK, WHITE, Board, IllegalMove
from gocnn.board.coords import COLOUR_NAMES, SIZE, from_row_column
from gocnn.errors import UserError
from gocnn.games import encoding

Properties = dict[str, list[bytes]]


@dataclass
class Step:
    """A move of the main line: its node (properties by name, raw values), the node before it, colour and flat index."""

    node: Properties
    before: Properties
    colour: int
    index: int
    setup: tuple[list[int], list[int]] | None = None
    """Stones, black and white, that stand instead of what was there, if the record sets the position up before this move."""


@dataclass
class Record:
    """A game of a file. `trouble`: why the moves stop early, or empty."""

    tree: sgf_grammar.Coarse_game_tree
    steps: list[Step] = field(default_factory=list)
    black: str = ""
    white: str = ""
    result: str = ""
    handicap: bool = False
    trouble: str = ""


def parse(data: bytes, name: str) -> list[Record]:
    """The games of a file, in order. Raises UserError if it is not SGF, or a game is not on 19x19."""
    try:
        trees = sgf_grammar.parse_sgf_collection(data)
    except ValueError as error:
        raise UserError(f"{name}: not a game record in SGF ({error}); give another file") from error
    return [_record(tree, name, number) for number, tree in enumerate(trees, 1)]


def serialise(records: list[Record]) -> bytes:
    """The file again, with what was added to the nodes."""
    return b"\n".join(sgf_grammar.serialise_game_tree(record.tree, wrap=79) for record in records)


def _nodes(tree: sgf_grammar.Coarse_game_tree) -> list[Properties]:
    nodes: list[Properties] = []
    while True:
        nodes.extend(tree.sequence)
        if not tree.children:
            return nodes
        tree = tree.children[0]


def _record(tree: sgf_grammar.Coarse_game_tree, name: str, number: int) -> Record:
    where = name if number == 1 else f"{name} (game {number})"
    nodes = _nodes(tree)
    # Read from a copy, since sgfmill notes its encoding in what it is given. Every byte stands for itself.
    copy = sgf_grammar.Coarse_game_tree()
    copy.sequence = [{key: list(values) for key, values in node.items()} for node in nodes]
    try:
        game = sgf.Sgf_game.from_coarse_game_tree(copy, override_encoding="ISO-8859-1")
    except ValueError as error:
        raise UserError(f"{where}: {error}; give a 19x19 game record") from error
    if game.get_size() != SIZE:
        raise UserError(f"{where}: the board is {game.get_size()}x{game.get_size()}, but the network plays 19x19 only; give another game")
    record = Record(tree)
    _header(record, nodes[0])
    _main_line(record, nodes, game)
    return record


def _header(record: Record, root: Properties) -> None:
    values = {key: root[key][0] for key in ("PB", "PW", "RE", "HA") if root.get(key)}
    codec = encoding.best_encoding(b"\n".join(values.values()), root.get("CA", [b""])[0].decode("ascii", "replace"))
    texts = {key: encoding.simple_text(value, codec) for key, value in values.items()}
    record.black, record.white, record.result = texts.get("PB", ""), texts.get("PW", ""), texts.get("RE", "")
    record.handicap = texts.get("HA", "") not in ("", "0", "1")


def _main_line(record: Record, nodes: list[Properties], game: sgf.Sgf_game) -> None:
    board = Board(SIZE)
    pending: tuple[list[int], list[int]] | None = None
    for place, (node, read) in enumerate(zip(nodes, game.get_main_sequence(), strict=True)):
        try:
            black, white, empty = read.get_setup_stones()
            move = read.get_move()
        except ValueError:
            record.trouble = f"a point after move {len(record.steps)} is not on the board"
            return
        if black or white or empty:
            stones = board.stones().ravel()
            for colour, points in ((BLACK, black), (WHITE, white), (0, empty)):
                for point in points:
                    stones[from_row_column(point)] = colour
            pending = [int(i) for i in (stones == BLACK).nonzero()[0]], [int(i) for i in (stones == WHITE).nonzero()[0]]
            try:
                board.set_up(*pending)
            except IllegalMove:
                record.trouble = f"the stones set up after move {len(record.steps)} leave a chain without a liberty"
                return
        if move[0] is None:
            continue
        colour = BLACK if move[0] == "b" else WHITE
        index = from_row_column(move[1])
        try:
            board.play(index, colour)
        except IllegalMove as error:
            record.trouble = f"move {len(record.steps) + 1} is not legal: {error}"
            return
        record.steps.append(Step(node, nodes[max(place - 1, 0)], colour, index, pending))
        pending = None


def position_before(board: Board, step: Step) -> None:
    """Bring the board, which stands after the step before, to where this step is chosen."""
    if step.setup is not None:
        board.set_up(*step.setup)
    board.to_play = step.colour


def side(colour: int) -> str:
    """`Black` or `White`."""
    return COLOUR_NAMES[colour].capitalize()
