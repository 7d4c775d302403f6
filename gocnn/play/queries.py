"""KataGo's analysis engine protocol: queries as lines of JSON, answers as lines of JSON. It is what KaTrain speaks.

Positions are worked on one at a time, the highest priority first. What the numbers mean is said in `gocnn.play.analysis`; winrates and leads are
black's unless `reportAnalysisWinratesAs` says otherwise. Source: https://github.com/lightvector/KataGo/blob/master/docs/Analysis_Engine.md
"""

import heapq
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import __version__
from gocnn.board import BLACK, WHITE, BadVertex, IllegalMove
from gocnn.board.coords import MOVES, PASS, SIZE, from_gtp, to_gtp
from gocnn.play.analysis import MOST_MOVES, Analysis, MoveInfo, from_the_top
from gocnn.play.game import Game
from gocnn.play.gtp import Lines
from gocnn.play.outlook import Outlook
from gocnn.play.player import Player
from gocnn.play.rulesets import CHINESE, BadRules, parse

Query = dict[str, Any]
MOST_VISITS = 1000
COLOURS = {"b": BLACK, "w": WHITE}
SWITCHES = ("includePolicy", "includeOwnership", "includeMovesOwnership")


class BadQuery(Exception):
    """A query that cannot be answered: the field, and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name, self.why = name, why


@dataclass(order=True)
class Task:
    """One position of a query; the order is that of work."""

    key: tuple[float, int]
    query: Query = field(compare=False)
    turn: int = field(compare=False)
    game: Game = field(compare=False)


def _field(query: Query, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    value = query.get(name, default)
    if value is default:
        return default
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        raise BadQuery(name, f"{json.dumps(value)[:60]} is not of the right type")
    return value


def _colour(text: Any, name: str) -> int:
    try:
        return COLOURS[str(text).lower()[:1]]
    except KeyError:
        raise BadQuery(name, f"{text!r} is not a player; write B or W") from None


def _point(text: Any, name: str) -> int:
    try:
        return from_gtp(str(text))
    except BadVertex as error:
        raise BadQuery(name, str(error)) from error


def _stones(query: Query, name: str) -> list[tuple[int, int]]:
    """Pairs of flat index and colour."""
    pairs = _field(query, name, list, [])
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise BadQuery(name, 'it must be a list of pairs such as ["B", "Q4"]')
    return [(_point(vertex, name), _colour(player, name)) for player, vertex in pairs]


def games_of(query: Query) -> tuple[dict[int, Game], str]:
    """The positions that the query asks for, by turn, and a warning or nothing. Raises BadQuery."""
    if (_field(query, "boardXSize", int, SIZE), _field(query, "boardYSize", int, SIZE)) != (SIZE, SIZE):
        raise BadQuery("boardXSize", "the network plays 19x19 only")
    rules, warning = query.get("rules", "chinese"), ""
    try:
        found_rules = parse(rules)
    except BadRules as error:
        found_rules, warning = CHINESE, f"{error}; Chinese rules are used"
    moves, stones = _stones(query, "moves"), _stones(query, "initialStones")
    turns = _field(query, "analyzeTurns", list, [len(moves)])
    if not all(isinstance(turn, int) and 0 <= turn <= len(moves) for turn in turns):
        raise BadQuery("analyzeTurns", f"turns are numbers from 0 to {len(moves)}")
    game = Game(komi=float(_field(query, "komi", (int, float), 6.5)), rules=found_rules)
    first = _colour(query["initialPlayer"], "initialPlayer") if "initialPlayer" in query else moves[0][1] if moves else BLACK
    handicap = sum(colour == BLACK for _, colour in stones) if stones and all(colour == BLACK for _, colour in stones) else 0
    try:
        game.set_up([i for i, c in stones if c == BLACK], [i for i, c in stones if c == WHITE], first, handicap)
    except IllegalMove as error:
        raise BadQuery("initialStones", str(error)) from error
    found: dict[int, Game] = {}
    for turn in range(len(moves) + 1):
        if turn in turns:
            if turn < len(moves):
                game.board.to_play = moves[turn][1]
            found[turn] = game.copy()
        if turn < len(moves):
            try:
                game.play(*moves[turn])
            except IllegalMove as error:
                raise BadQuery("moves", f"Illegal move {turn + 1}: {error}") from error
    return found, warning


def _kept(query: Query, colour: int) -> npt.NDArray[np.bool_]:
    """bool `(362,)`: what `avoidMoves` and `allowMoves` leave to the player to move."""
    keep = np.ones(MOVES, np.bool_)
    for name, allowed in (("avoidMoves", False), ("allowMoves", True)):
        for item in _field(query, name, list, []):
            if not isinstance(item, dict) or not isinstance(item.get("moves"), list):
                raise BadQuery(name, "each item needs player, moves and untilDepth")
            if _colour(item.get("player"), name) == colour:
                listed = np.isin(np.arange(MOVES), [_point(vertex, name) for vertex in item["moves"]])
                keep &= listed if allowed else ~listed
    return keep


class Answerer:
    """Answers queries from `lines` until they end; `write` gets each answer, a line without its end."""

    def __init__(self, player: Player, lines: Lines, write: Callable[[str], None]) -> None:
        self.player, self.lines, self.write = player, lines, write
        self._tasks: list[Task] = []
        self._count = 0
        self._ended = False
        self._dropped: set[str] = set()

    def run(self) -> None:
        """Work until the input has ended and everything is answered."""
        while self._tasks or not self._ended:
            while not self._ended and (self.lines.waiting() or not self._tasks):
                self._take(self.lines.next())
            if self._tasks:
                self._work(heapq.heappop(self._tasks))

    def _say(self, values: dict[str, Any]) -> None:
        self.write(json.dumps(values, separators=(",", ":")))

    def _take(self, line: bytes | None) -> None:
        """Note one line of input."""
        if line is None:
            self._ended = True
            return
        if not line.strip():
            return
        try:
            query = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            self._say({"error": "could not parse the query: every line must be a JSON object"})
            return
        if not isinstance(query, dict) or not isinstance(query.get("id"), str):
            self._say({"error": "a query must be a JSON object with an id, a string"})
            return
        try:
            if "action" in query:
                self._act(query)
                return
            games, warning = games_of(query)
            _kept(query, BLACK)
            _field(query, "overrideSettings", dict, {})
            priority = float(_field(query, "priority", (int, float), 0))
            if warning:
                self._say({"warning": warning, "field": "rules", "id": query["id"]})
            for turn, game in sorted(games.items()):
                self._count += 1
                heapq.heappush(self._tasks, Task((-priority, self._count), query, turn, game))
        except BadQuery as bad:
            self._say({"error": bad.why, "field": bad.name, "id": query["id"]})

    def _act(self, query: Query) -> None:
        action = query["action"]
        if action == "query_version":
            self._say({"id": query["id"], "action": action, "version": f"gocnn {__version__}", "git_hash": ""})
            return
        if action in ("terminate", "terminate_all"):
            stopped = [t for t in self._tasks if action == "terminate_all" or t.query["id"] == query.get("terminateId")]
            self._tasks = [t for t in self._tasks if t not in stopped]
            heapq.heapify(self._tasks)
            for task in stopped:
                self._say({"id": task.query["id"], "turnNumber": task.turn, "isDuringSearch": False, "noResults": True})
            self._dropped.add("" if action == "terminate_all" else str(query.get("terminateId")))
        elif action != "clear_cache":
            raise BadQuery("action", f"{action!r} is not known")
        self._say(query)

    def _work(self, task: Task) -> None:
        """Analyse one position: until its visits or its time are used up, or it is terminated."""
        query, game = task.query, task.game
        self._dropped.clear()
        colour = game.board.to_play
        settings: dict[str, Any] = query.get("overrideSettings", {})
        visits = min(max(int(_number(query.get("maxVisits"), MOST_VISITS)), 1), 10**7)
        end = time.monotonic() + _number(settings.get("maxTime"), 1e9)
        every = _number(query.get("reportDuringSearchEvery"), 1e9)
        analysis = Analysis(self.player, game, colour, _kept(query, colour), MOST_MOVES)
        report = time.monotonic() + every
        while analysis.candidates and analysis.visits < visits and time.monotonic() < end and not {"", query["id"]} & self._dropped:
            while not self._ended and self.lines.waiting():
                self._take(self.lines.next())
            analysis.advance(0.02, lambda: self.lines.waiting() and not self._ended, visits)
            if time.monotonic() >= report:
                self._say(self._answer(task, analysis, settings, True))
                report = time.monotonic() + every
        self._say(self._answer(task, analysis, settings, False))

    def _answer(self, task: Task, analysis: Analysis, settings: dict[str, Any], partial: bool) -> dict[str, Any]:
        query, colour = task.query, analysis.colour
        asked = str(settings.get("reportAnalysisWinratesAs", "BLACK")).upper()
        flip = (asked == "BLACK" and colour == WHITE) or (asked == "WHITE" and colour == BLACK)
        sign = -1 if (asked == "WHITE" or (asked == "SIDETOMOVE" and colour == WHITE)) else 1
        infos, outlooks = analysis.moves(), analysis.outlooks()
        answer: dict[str, Any] = {"id": query["id"], "isDuringSearch": partial, "turnNumber": task.turn,
                                  "moveInfos": [_info(info, order, flip) for order, info in enumerate(infos)]}  # fmt: skip
        wanted = {name: query.get(name) is True for name in SWITCHES}
        if wanted["includeMovesOwnership"]:
            for values, outlook in zip(answer["moveInfos"], outlooks, strict=True):
                values["ownership"] = _ownership(outlook, sign)
        if infos:
            best = answer["moveInfos"][0]
            root = {key: best[key] for key in ("winrate", "scoreLead", "scoreSelfplay", "scoreStdev", "utility", "lcb")}
            answer["rootInfo"] = root | {"visits": analysis.visits, "currentPlayer": "B" if colour == BLACK else "W"}
            if wanted["includeOwnership"]:
                answer["ownership"] = _ownership(outlooks[0], sign)
        if wanted["includePolicy"]:
            p = np.where(analysis.legal, analysis.probabilities, -1.0)
            answer["policy"] = [round(float(v), 6) for v in (*from_the_top(p[:PASS]).ravel(), p[PASS])]
        return answer


def _number(value: Any, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value == value else default


def _ownership(outlook: Outlook, sign: int) -> list[float]:
    return [round(float(v), 4) for v in from_the_top(sign * outlook.owner).ravel()]


def _info(info: MoveInfo, order: int, flip: bool) -> dict[str, Any]:
    """One move, seen from the side to move, or from the other if `flip`."""
    winrate, lead, lcb = (1 - info.winrate, -info.lead, 1 - info.lcb) if flip else (info.winrate, info.lead, info.lcb)
    return {
        "move": to_gtp(info.index), "order": order, "visits": info.visits, "winrate": winrate, "lcb": lcb, "prior": info.prior,
        "utility": 2 * winrate - 1, "utilityLcb": 2 * lcb - 1, "scoreLead": lead, "scoreMean": lead, "scoreSelfplay": lead, "scoreStdev": info.spread,
        "pv": [to_gtp(index) for index in info.variation],
    }  # fmt: skip
