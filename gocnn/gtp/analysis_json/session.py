"""KataGo's analysis engine protocol: queries as lines of JSON, answers as lines of JSON. It is what
KaTrain speaks.

Positions are worked on one at a time, the highest priority first; a query for far fewer visits goes
before one that is under way. What the numbers mean is said in `gocnn.engine.analysis`; winrates and
leads are black's unless `reportAnalysisWinratesAs` says otherwise. Source:
https://github.com/lightvector/KataGo/blob/master/docs/Analysis_Engine.md
"""

import heapq
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gocnn import __version__
from gocnn.engine.analysis import Analysis
from gocnn.engine.game import Game
from gocnn.engine.player import Player
from gocnn.gtp.analysis_json.answers import answer
from gocnn.gtp.analysis_json.messages import Action, BadQuery, Query, parse
from gocnn.gtp.analysis_json.requests import Order, games_of, order_of
from gocnn.gtp.protocol import LineSource
from gocnn.messages import BadMessage, read, unknown

SLICE = 0.02
"""Seconds of analysis between two looks at the clock; the input is looked at after every visit."""

FAR_FEWER = 10
"""A query for so many times fewer visits goes before one that is under way."""


@dataclass(order=True)
class QueuedPosition:
    """One position of a query; the order is that of work."""

    key: tuple[int, int]
    order: Order = field(compare=False)
    turn: int = field(compare=False)
    game: Game = field(compare=False)
    stopped: bool = field(compare=False, default=False)


class Answerer:
    """Answers queries from `lines` until they end; `write` gets each answer, a line without its
    end."""

    def __init__(self, player: Player, lines: LineSource, write: Callable[[str], None]) -> None:
        self.player, self.lines, self.write = player, lines, write
        self._tasks: list[QueuedPosition] = []
        self._working: list[QueuedPosition] = []
        self._count = 0
        self._ended = False

    def run(self) -> None:
        """Work until the input has ended and everything is answered."""
        while self._tasks or not self._ended:
            while not self._ended and (self.lines.waiting() or not self._tasks):
                self._take(self.lines.next())
            if self._tasks:
                self._work(heapq.heappop(self._tasks))

    def _say(self, values: dict[str, Any]) -> None:
        self.write(json.dumps(values, separators=(",", ":"), allow_nan=False))

    def _take(self, line: bytes | None) -> None:
        """Note one line of input."""
        if line is None:
            self._ended = True
            return
        if not line.strip():
            return
        values: dict[str, Any] = {}
        try:
            values = parse(line)
            if "action" in values:
                self._act(values)
            else:
                self._enqueue(values)
        except BadMessage as bad:
            where = {"field": bad.name} if bad.name else {}
            self._say({"error": str(bad), **where} | ({"id": values["id"]} if values else {}))

    def _enqueue(self, values: dict[str, Any]) -> None:
        query = read(values, Query)
        warnings: list[tuple[str, str]] = [
            (name, f"{name}{meant}: this field is not known")
            for name, meant in unknown(values, Query)
        ]

        def warn(name: str, said: str) -> None:
            warnings.append((name, said))

        order, games = order_of(query, warn), games_of(query, warn)
        priorities = _priorities(query)
        for name, said in warnings:
            self._say({"warning": said, "field": name, "id": query.id})
        for turn, game in sorted(games.items()):
            self._count += 1
            heapq.heappush(
                self._tasks,
                QueuedPosition(
                    (-priorities.get(turn, query.priority or 0), self._count), order, turn, game
                ),
            )

    def _act(self, values: dict[str, Any]) -> None:
        action = read(values, Action)
        name, said = action.action, dict(values)
        if name == "terminate" and action.terminate_id is None:
            raise BadQuery("terminateId", "it is missing: which query is to be terminated?")
        for key, meant in unknown(values, Action):
            warning = f"{key}{meant}: this field is not known"
            self._say({"warning": warning, "field": key, "id": action.id})
        if name == "query_version":
            said |= {"version": f"gocnn {__version__}", "git_hash": "<omitted>"}
        elif name == "query_models":
            model = self.player.evaluator.name
            said["models"] = [
                {
                    "name": model,
                    "internalName": model,
                    "maxBatchSize": 1,
                    "usesHumanSLProfile": False,
                    "usingFP16": "false",
                    "version": 0,
                }
            ]
        elif name == "clear_cache":
            self.player.new_game()
        else:
            self._terminate(
                None if name == "terminate_all" else action.terminate_id, action.turn_numbers
            )
        self._say(_finite(said))

    def _terminate(self, query: str | None, turns: list[int] | None) -> None:
        """End the analyses of a query (None: of all), only those of these turns if any are
        given."""

        def meant(task: QueuedPosition) -> bool:
            return query in (None, task.order.id) and (turns is None or task.turn in turns)

        for task in filter(meant, self._working):
            task.stopped = True
        for task in sorted(filter(meant, self._tasks)):
            self._say(
                {
                    "id": task.order.id,
                    "turnNumber": task.turn,
                    "isDuringSearch": False,
                    "noResults": True,
                }
            )
        self._tasks = [task for task in self._tasks if not meant(task)]
        heapq.heapify(self._tasks)

    def _work(self, task: QueuedPosition) -> None:
        """Analyse one position: until its visits or its time are used up, or it is terminated."""
        order, game = task.order, task.game
        self._working.append(task)
        colour = game.board.to_play
        analysis = Analysis(
            self.player, game, colour, keep=order.keep(colour), options=order.options
        )
        begun = time.monotonic()
        end, report = begun + order.settings.max_time, begun + order.first
        while not (task.stopped or analysis.exhausted or analysis.visits >= order.visits):
            while not self._ended and self.lines.waiting():
                self._take(self.lines.next())
            if task.stopped or (analysis.visits and time.monotonic() >= end):
                break
            if self.lines.abandoned():  # the answer, which nobody reads, ends the program
                break
            if self._tasks and self._first(task):
                paused = time.monotonic()
                self._work(heapq.heappop(self._tasks))
                end += time.monotonic() - paused
                continue
            analysis.advance(SLICE, lambda: self.lines.waiting() and not self._ended, order.visits)
            if time.monotonic() >= report:
                self._say(answer(order, task.turn, analysis, True))
                report = time.monotonic() + order.every
        self._working.remove(task)
        self._say(answer(order, task.turn, analysis, False))

    def _first(self, task: QueuedPosition) -> bool:
        """Whether the next position in the queue goes before one that is under way. Each further
        one of these asks for far fewer visits, so they are few, and so are the positions that all
        their searches keep."""
        return (
            self._tasks[0].key[0] <= task.key[0]
            and self._tasks[0].order.visits * FAR_FEWER <= task.order.visits
        )


def _priorities(query: Query) -> dict[int, int]:
    """By turn, where they are given so. Raises BadQuery."""
    if query.priorities is None:
        return {}
    if query.priority is not None:
        raise BadQuery("priority", "give either priority or priorities")
    if query.analyze_turns is None or len(query.priorities) != len(query.analyze_turns):
        raise BadQuery("priorities", "there must be one for each of analyzeTurns")
    return dict(zip(query.analyze_turns, query.priorities, strict=True))


def _finite(values: Any) -> Any:
    """What can be written as JSON of values that came as JSON: a number beyond its range, which
    Python reads as infinite, becomes null."""
    if isinstance(values, dict):
        return {key: _finite(value) for key, value in values.items()}
    if isinstance(values, list):
        return [_finite(value) for value in values]
    return None if isinstance(values, float) and not abs(values) < float("inf") else values
