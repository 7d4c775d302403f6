"""From a query of KataGo's analysis engine to positions and to how each is to be analysed; what
cannot be followed is refused or warned of."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, WHITE, BadVertex, IllegalMove
from gocnn.board.coords import PASS, SIZE, from_gtp
from gocnn.engine.analysis import AnalysisOptions
from gocnn.engine.game import Game
from gocnn.engine.limits import MOST_VISITS
from gocnn.engine.mcts import FPU_REDUCTION
from gocnn.engine.rulesets import CHINESE, RULES, BadRules, Rules, parse, parse_with_komi
from gocnn.games.text import MOST_KOMI
from gocnn.gtp.analysis_json.messages import BadQuery, Query, Restriction, Settings, settings
from gocnn.gtp.analyze import restrict

USUAL_VISITS = 500
USUAL_VARIATION = 15
"""Moves of a variation after its first one."""

COLOURS = {"b": BLACK, "black": BLACK, "w": WHITE, "white": WHITE}
Warn = Callable[[str, str], None]
"""Called with a field and what is to be said of it."""


@dataclass(frozen=True)
class Order:
    """How the positions of a query are to be analysed. visits: when to end; longest: moves of a
    variation, the first among them; every, first: seconds between reports, and before the first
    one."""

    query: Query
    settings: Settings
    visits: int
    longest: int
    options: AnalysisOptions
    every: float
    first: float

    @property
    def id(self) -> str:
        """The query's own."""
        return self.query.id

    def keep(self, colour: int) -> npt.NDArray[np.bool_] | None:
        """bool `(362,)`: the moves to look at, if they are restricted."""
        until = self.options.until or {}
        return until[colour] == 0 if colour in until else None


def order_of(query: Query, warn: Warn) -> Order:
    """Read how a query is to be analysed. Raises BadQuery."""
    found, idle = settings(query.override_settings)
    if idle:
        warn("overrideSettings", f"these have no effect here: {', '.join(idle)}")
    visits = query.max_visits or found.max_visits or found.max_playouts or USUAL_VISITS
    if visits > MOST_VISITS:
        warn("maxVisits", f"a search makes at most {MOST_VISITS} visits and answers after them")
    temperature = query.root_policy_temperature or found.root_policy_temperature or 1.0
    reduction = (
        query.root_fpu_reduction_max
        if query.root_fpu_reduction_max is not None
        else found.root_fpu_reduction_max
    )
    options = AnalysisOptions(
        symmetries=found.root_num_symmetries_to_sample,
        power=1 / temperature / (1 + 4 * found.wide_root_noise),
        # theirs is of a value from -1 to 1
        reduction=FPU_REDUCTION if reduction is None else reduction / 2,
        until=_until(query) or None,
    )
    every, first = query.report_during_search_every, query.first_report_during_search_after
    return Order(
        query,
        found,
        min(visits, MOST_VISITS),
        1 + (query.analysis_pv_len or found.analysis_pv_len or USUAL_VARIATION),
        options,
        every or 1e9,
        first or every or 1e9,
    )


def _until(query: Query) -> dict[int, npt.NDArray[np.int64]]:
    restrictions: list[tuple[int, list[int], int, bool]] = []
    for name, items, allowed in (
        ("avoidMoves", query.avoid_moves, False),
        ("allowMoves", query.allow_moves, True),
    ):
        restrictions += [
            (_colour(item.player, name), _points(item, name), item.until_depth, allowed)
            for item in items
        ]
    return restrict(restrictions)


def _points(item: Restriction, name: str) -> list[int]:
    return [_point(vertex, name) for vertex in item.moves]


def _colour(text: str, name: str) -> int:
    try:
        return COLOURS[text.lower()]
    except KeyError:
        raise BadQuery(name, f"{text[:20]!r} is not a player; write B or W") from None


def _point(text: str, name: str) -> int:
    """The flat index of a GTP vertex, or of `(x,y)`, counted from 0 at the upper left. Raises
    BadQuery."""
    numbers = re.fullmatch(r"\(\s*(\d{1,2})\s*,\s*(\d{1,2})\s*\)", text)
    if numbers and int(numbers[1]) < SIZE and int(numbers[2]) < SIZE:
        return (SIZE - 1 - int(numbers[2])) * SIZE + int(numbers[1])
    try:
        return from_gtp(text[:20])
    except BadVertex as error:
        raise BadQuery(name, str(error)) from error


def _rules(query: Query, warn: Warn) -> tuple[Rules, float]:
    """The rules and komi. Fractions of a point but halves are refused: servers that count stones,
    not points, write 3.75 for 7.5."""
    rules, komi = CHINESE, query.komi
    if query.rules is None:
        warn("rules", "none are given: Chinese rules are used")
    else:
        try:
            rules, stated = parse_with_komi(query.rules)
        except BadRules as error:
            raise BadQuery("rules", str(error)) from error
        if komi is None:
            komi = stated
    if komi is None:  # KataGo's
        named_nz = isinstance(query.rules, str) and rules == RULES["new-zealand"]
        komi = 7.0 if named_nz else 6.5 if rules.territory else 7.5
    if not abs(komi) <= MOST_KOMI or komi * 2 != int(komi * 2):
        raise BadQuery(
            "komi" if query.komi is not None else "rules",
            f"{komi:g} is no komi: it is a whole number or a half, at most {MOST_KOMI:g} to either"
            " side",
        )
    bonus = query.white_handicap_bonus
    if bonus is not None:
        rules = parse(rules.to_json() | {"whiteHandicapBonus": str(bonus)})
    return rules, komi


def games_of(query: Query, warn: Warn) -> dict[int, Game]:
    """The positions that a query asks for, by turn. Raises BadQuery."""
    for name, size in (("boardXSize", query.board_x_size), ("boardYSize", query.board_y_size)):
        if size != SIZE:
            raise BadQuery(name, f"the network plays 19x19 only, not {size}")
    rules, komi = _rules(query, warn)
    moves, stones = (
        [(_point(vertex, name), _colour(player, name)) for player, vertex in pairs]
        for name, pairs in (("moves", query.moves), ("initialStones", query.initial_stones))
    )
    turns = query.analyze_turns
    if turns == []:
        warn("analyzeTurns", "it is empty: the last position is analysed")
    turns = turns or [len(moves)]
    if max(turns) > len(moves):
        raise BadQuery(
            "analyzeTurns", f"turns are numbers from 0 to {len(moves)}, not {max(turns)}"
        )
    # the last one counts where a point is given twice, as an editor's records do
    standing = dict(stones)
    if PASS in standing:
        raise BadQuery("initialStones", "a stone stands on a point, not on a pass")
    black, white = (
        [index for index, c in standing.items() if c == colour] for colour in (BLACK, WHITE)
    )
    if query.initial_player is not None:
        first = _colour(query.initial_player, "initialPlayer")
    elif moves:
        first = moves[0][1]
    else:
        first = WHITE if len(black) > 1 and not white else BLACK
    game = Game(komi=komi, rules=rules)
    try:
        game.set_up(black, white, first)
    except IllegalMove as error:
        raise BadQuery("initialStones", str(error)) from error
    return _along(game, moves, set(turns))


def _along(game: Game, moves: list[tuple[int, int]], turns: Iterable[int]) -> dict[int, Game]:
    """The positions at the turns of a game that these moves continue; after a move it is the other
    side's turn, whoever moves next. As KataGo does it, a record's moves are held neither to ko nor
    to the rule of suicide (a single stone cannot be one): the rules count from there on."""
    found: dict[int, Game] = {}
    board = game.board
    board.superko, board.suicide = False, True
    for turn in range(len(moves) + 1):
        if turn in turns:
            found[turn] = game.copy()
            found[turn].set_rules(game.rules)
        if turn < len(moves):
            board.lift_ko()
            try:
                game.play(*moves[turn])
            except IllegalMove as error:
                raise BadQuery("moves", f"Illegal move {turn + 1}: {error}") from error
    return found
