"""A whole match: two engines, many games, several at a time, in a folder from which it goes on
where it was stopped."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from gocnn.board import Board
from gocnn.board.coords import to_gtp
from gocnn.cores import cores
from gocnn.engine.settle import settled_margin
from gocnn.errors import UserError
from gocnn.files import make_folder, write_bytes
from gocnn.locks import locked
from gocnn.match.engines import engine_command
from gocnn.match.folder import add_game, given_openings, resume, same_openings
from gocnn.match.game import EngineSlot, GameResult, MatchRules, play_game
from gocnn.match.gtp_client import EngineFault, EngineRefusal, program_of
from gocnn.match.openings import from_file, from_network
from gocnn.policy.runtime import open_evaluator
from gocnn.policy.suggestion import Evaluator

OnGame = Callable[[GameResult, Sequence[GameResult]], None]
"""Called after each game: with the game, and with all that have been played so far."""


@dataclass(frozen=True, kw_only=True)
class MatchConfig:
    """What to play. first, second: a command line or a level (`gocnn.match.engines`); the first has
    black in the games of even number. out: the folder. openings: an SGF file to take them from;
    without it they are drawn from the network that ships, with `seed`; opening_moves: moves of
    each. referee: command line of the engine whose `final_score` counts; without it, area once dead
    stones are settled by playing out. jobs: games at the same time (None: the cores)."""

    first: str
    second: str
    out: Path
    games: int = 100
    rules: MatchRules = field(default_factory=MatchRules)
    openings: Path | None = None
    opening_moves: int = 6
    seed: int = 1
    referee: str | None = None
    jobs: int | None = None

    def to_json(self) -> dict[str, Any]:
        """What must be the same for a match to go on in its folder."""
        return {
            "black": self.first,
            "white": self.second,
            "komi": self.rules.komi,
            "seconds": self.rules.seconds,
            "main_time": self.rules.main_time,
            "move_time": self.rules.move_time,
            "opening_moves": self.opening_moves,
            "openings": str(self.openings) if self.openings else "",
            "seed": self.seed,
            "referee": self.referee or "",
        }


def run_match(config: MatchConfig, on_game: OnGame | None = None) -> tuple[list[GameResult], bool]:
    """Play the games of a match that its folder does not have yet. Returns the results of all games
    in order, and whether Ctrl-C ended it before the last (the games in progress are lost; the same
    call goes on).

    Each opening is played twice, with the colours exchanged. An engine that fails loses the game
    and is started again. Raises UserError if the folder holds another match or another process
    plays it, if there are no openings, if an engine cannot be started or the referee does not
    count; `gocnn.engine.levels.BadLevel` if there is no such level.
    """
    commands = (engine_command(config.first), engine_command(config.second))
    # All that may be wrong, before the folder holds the settings of a match that cannot begin.
    for command in (*commands, *([config.referee] if config.referee else [])):
        program_of(command)
    given = from_file(config.openings, config.opening_moves) if config.openings else None
    evaluator = open_evaluator(threads=1)
    make_folder(config.out)
    busy = f"another process plays the match in {config.out}; wait for it, or choose another --out"
    with locked(config.out, busy):
        done = resume(config.out, config.to_json())
        openings = (
            given_openings(config.out, given, bool(done)) if given else _openings(config, evaluator)
        )
        match = _Match(config, commands, openings, evaluator, done=done, on_game=on_game)
        interrupted = match.run([number for number in range(config.games) if number not in done])
    return [done[number] for number in sorted(done)[: config.games]], interrupted


def _openings(config: MatchConfig, evaluator: Evaluator) -> list[list[int]]:
    if not config.opening_moves:
        return [[]]
    pairs = (config.games + 1) // 2
    return same_openings(
        config.out, lambda: from_network(evaluator, pairs, config.opening_moves, config.seed), pairs
    )


class _Match:
    """Games in several threads, each at a table of its own: two engines and perhaps a referee."""

    def __init__(
        self,
        config: MatchConfig,
        commands: tuple[str, str],
        openings: list[list[int]],
        evaluator: Evaluator,
        *,
        done: dict[int, GameResult],
        on_game: OnGame | None,
    ) -> None:
        """done: the games so far by number; those that are played are added."""
        self.config, self.commands, self.openings = config, commands, openings
        self.evaluator, self.done, self.on_game = evaluator, done, on_game
        self._lock = threading.Lock()
        self._stop = False

    def run(self, todo: list[int]) -> bool:
        """Play these; whether Ctrl-C ended it."""
        jobs, referee = self.config.jobs or cores(), self.config.referee
        engines = [*self.commands, *([referee] if referee else [])]
        tables = [[EngineSlot(engine) for engine in engines] for _ in range(jobs)]
        free = list(tables)
        pool = ThreadPoolExecutor(jobs)
        running: dict[Future[GameResult], list[EngineSlot]] = {}
        queue = list(reversed(todo))
        try:
            while queue or running:
                while queue and free:
                    table = free.pop()
                    running[pool.submit(self._play, queue.pop(), table)] = table
                # With a limit, because a wait without one cannot be interrupted by Ctrl-C on
                # Windows.
                for future in wait(running, 1.0, FIRST_COMPLETED).done:
                    free.append(running.pop(future))
                    self._note(future.result())
        except KeyboardInterrupt:
            return True
        finally:
            # Without engines the games that are still going end at once.
            self._stop = True
            for table in tables:
                for slot in table:
                    slot.end()
            pool.shutdown(wait=True, cancel_futures=True)
        return False

    def _play(self, number: int, table: list[EngineSlot]) -> GameResult:
        first, second, *referee = table
        opening = number // 2 % len(self.openings)
        result, record = play_game(
            number,
            opening,
            self.openings[opening],
            (first, second),
            names=(self.config.first, self.config.second),
            black=number % 2,
            rules=self.config.rules,
            score=partial(self._score, referee),
        )
        if not self._stop:
            write_bytes(self.config.out / f"{number:04d}.sgf", record)
        return result

    def _score(self, referee: list[EngineSlot], board: Board, komi: float) -> float:
        if referee:
            return referee_margin(referee[0], board, komi)
        with self._lock:
            return settled_margin(self.evaluator, board, komi)

    def _note(self, result: GameResult) -> None:
        self.done[result.number] = result
        add_game(self.config.out, result)
        if self.on_game:
            self.on_game(result, list(self.done.values()))


def referee_margin(referee: EngineSlot, board: Board, komi: float) -> float:
    """Black's margin in points, komi subtracted, as an engine says it of the final position. Raises
    UserError if it does not say."""
    try:
        for command in ("boardsize 19", "clear_board", f"komi {komi:g}"):
            referee.ask(command, 60.0)
        for index, colour in board.moves:
            referee.ask(f"play {'B' if colour == 1 else 'W'} {to_gtp(index)}", 60.0)
        answer = referee.ask("final_score", 120.0).strip().upper()
        if answer == "0":
            return 0.0
        return (1 if answer[0] == "B" else -1) * float(answer[2:])
    except (EngineFault, EngineRefusal, ValueError, IndexError) as error:
        raise UserError(
            f"the referee does not count the game ({error}); choose another --referee, or none"
        ) from error
