"""go-match: two engines play each other."""

import json
import re
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gocnn.console import program
from gocnn.console.outputs import OutFolder
from gocnn.cores import cores
from gocnn.errors import UserError

if TYPE_CHECKING:
    from gocnn.match.game import Played, Seat

LEVEL = re.compile(r"\s*(\d+\s*(k|d|kyu|dan)|max)\s*", re.ASCII | re.IGNORECASE)
GAMES_FILE, TERMS_FILE, OPENINGS_FILE = "games.jsonl", "match.json", "openings.json"

LATER_TERMS = {"move_time": 0.0}
"""What matches that were begun before there was the option had."""

MOST_NAMED = 10
"""Games that are named one by one because something went wrong."""


@click.command("go-match")
@click.option(
    "--black",
    "first",
    required=True,
    metavar="ENGINE",
    help=(
        f'Command line of an engine, for example "{program.name()} go-gtp", or a level of'
        " this one, for example 5k; it has black first."
    ),
)
@click.option(
    "--white",
    "second",
    required=True,
    metavar="ENGINE",
    help='The other one, for example "gnugo --mode gtp --level 10".',
)
@click.option(
    "--games",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Colours alternate: every opening is played with both.",
)
@click.option(
    "--out",
    required=True,
    type=OutFolder(),
    help="Folder of the match: a record of every game, the results; goes on where it stopped.",
)
@click.option(
    "--openings",
    type=click.Path(path_type=Path),
    help="SGF file of openings.  [default: drawn from the network that ships]",
)
@click.option(
    "--opening-moves",
    type=click.IntRange(0, 100),
    default=6,
    show_default=True,
    help="So many moves of each.",
)
@click.option("--komi", type=click.FloatRange(-1000, 1000), default=6.5, show_default=True)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    help="Most that a move may take; more loses.",
)
@click.option(
    "--main-time",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Seconds of each side for a whole game (0: no clock).",
)
@click.option(
    "--move-time",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help=(
        "Seconds for each move that both are told they have "
        "(0: nothing is told); the result says how long they took."
    ),
)
@click.option(
    "--referee",
    metavar="ENGINE",
    help="Engine whose final_score counts.  [default: area, dead stones settled by playing out]",
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Games at the same time.  [default: the cores]"
)
@click.option(
    "--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the openings."
)
@click.option("--quiet", is_flag=True, help="No line a game.")
def command(
    first: str,
    second: str,
    games: int,
    out: Path,
    openings: Path | None,
    opening_moves: int,
    komi: float,
    seconds: float,
    main_time: float,
    move_time: float,
    referee: str | None,
    jobs: int | None,
    seed: int,
    quiet: bool,
) -> None:
    """Let two GTP engines play: win rate of the first with its 95 % interval, and the Elo
    difference.

    An engine that dies, hangs, answers nonsense or plays illegally loses the game, is started
    again, and the match goes on; the result names such games, and says how the match stands without
    them. Ctrl-C or a kill loses the games in progress only: the same command goes on.
    """
    if main_time and move_time:
        raise click.UsageError("give either --main-time or --move-time")
    if move_time > seconds:
        raise click.UsageError(
            f"--move-time {move_time:g} is more than a move may take; give --seconds of more than"
            " that too"
        )
    from gocnn.files import make_folder
    from gocnn.match.game import Terms
    from gocnn.match.openings import from_file, from_network
    from gocnn.policy.runtime import open_evaluator

    for engine in (first, second):
        _check_level(engine)
    make_folder(out)
    description = {
        "black": first,
        "white": second,
        "komi": komi,
        "seconds": seconds,
        "main_time": main_time,
        "move_time": move_time,
        "opening_moves": opening_moves,
        "openings": str(openings) if openings else "",
        "seed": seed,
        "referee": referee or "",
    }
    done = _resume(out, description)
    evaluator = open_evaluator(threads=1)
    pairs = (games + 1) // 2
    if openings:
        starts = from_file(openings, opening_moves)
    else:
        starts = (
            _same_openings(out, lambda: from_network(evaluator, pairs, opening_moves, seed), pairs)
            if opening_moves
            else [[]]
        )
    todo = [number for number in range(games) if number not in done]
    match = _Match(
        _engine(first),
        _engine(second),
        referee,
        Terms(komi, seconds, main_time, move_time),
        starts,
        evaluator,
        out,
        done,
        games,
        quiet,
    )
    interrupted = match.run(todo, jobs or cores())
    _show(match.results(), first, second)
    if interrupted:
        click.echo("stopped; the same command goes on with the games that are left", err=True)
        raise SystemExit(130)


def _check_level(engine: str) -> None:
    """Raises click.UsageError for what looks like a level of this engine, but is none."""
    from gocnn.engine.levels import BadLevel, parse

    if LEVEL.fullmatch(engine):
        try:
            parse(engine)
        except BadLevel as error:
            raise click.UsageError(str(error)) from error


def _engine(engine: str) -> str:
    """The command line that a level stands for; any other one as it is."""
    if not LEVEL.fullmatch(engine):
        return engine
    home = Path(__file__).parents[2].as_posix()
    start = f"import sys; sys.path.insert(0, {home!r}); from gocnn.commands import main; main()"
    return (
        f'"{Path(sys.executable).as_posix()}" -c "{start}" go-gtp --level "{engine.strip()}"'
        " --threads 1"
    )


def _resume(out: Path, description: dict[str, Any]) -> dict[int, "Played"]:
    """Games already played in this folder, by number. Raises UserError if they are of another
    match."""
    from gocnn.files import write_text
    from gocnn.match.game import Played

    terms = out / TERMS_FILE
    try:
        if terms.exists():
            before = json.loads(terms.read_text(encoding="utf-8"))
            before = LATER_TERMS | before
            other = [key for key in description if before.get(key) != description[key]]
            if other:
                raise UserError(
                    f"{out} holds a match with another {other[0]} ({before.get(other[0])!r});"
                    " choose another --out"
                )
        else:
            write_text(terms, json.dumps(description, indent=1))
        done: dict[int, Played] = {}
        path = out / GAMES_FILE
        if path.exists():
            text = path.read_text(encoding="utf-8")
            whole, _, rest = text.rpartition("\n")
            if rest:  # a kill cut the last line short: that game is played again
                write_text(path, whole + "\n" * bool(whole))
            for line in whole.splitlines():
                values = json.loads(line)
                done[values["number"]] = Played(**values | {"seconds": tuple(values["seconds"])})
        return done
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise UserError(
            f"{out} cannot be read as a match ({error}); choose another --out"
        ) from error


def _same_openings(out: Path, draw: Callable[[], list[list[int]]], count: int) -> list[list[int]]:
    """`count` openings or more: those that the match began with, and new ones after them (the
    network that draws them may be another now)."""
    from gocnn.files import write_text

    path = out / OPENINGS_FILE
    try:
        kept: list[list[int]] = (
            json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        )
        if not all(
            isinstance(moves, list)
            and all(isinstance(index, int) and 0 <= index < 361 for index in moves)
            for moves in kept
        ):
            raise ValueError("it does not list moves")
    except (ValueError, TypeError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as openings ({error}); choose another --out"
        ) from error
    if len(kept) < count:
        kept += [moves for moves in draw() if moves not in kept]
        write_text(path, json.dumps(kept))
    return kept


class _Match:
    """Games in several threads, each at a table of its own: two engines and perhaps a referee."""

    def __init__(
        self,
        first: str,
        second: str,
        referee: str | None,
        terms: Any,
        starts: list[list[int]],
        evaluator: Any,
        out: Path,
        done: dict[int, "Played"],
        games: int,
        quiet: bool,
    ) -> None:
        self.commands, self.referee, self.terms, self.starts, self.evaluator, self.out = (
            (first, second),
            referee,
            terms,
            starts,
            evaluator,
            out,
        )
        self.done, self.games, self.quiet = done, games, quiet
        self._lock = threading.Lock()

    def results(self) -> list["Played"]:
        """The games so far, in order."""
        return [self.done[number] for number in sorted(self.done)[: self.games]]

    def run(self, todo: list[int], jobs: int) -> bool:
        """Play these; whether Ctrl-C ended it."""
        from gocnn.match.game import Seat

        engines = [*self.commands, *([self.referee] if self.referee else [])]
        tables = [[Seat(engine) for engine in engines] for _ in range(jobs)]
        free = list(tables)
        pool = ThreadPoolExecutor(jobs)
        running: dict[Future[Played], list[Seat]] = {}
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
                for seat in table:
                    seat.end()
            pool.shutdown(wait=True, cancel_futures=True)
        return False

    _stop = False

    def _play(self, number: int, table: "list[Seat]") -> "Played":
        from gocnn.files import write_bytes
        from gocnn.match.game import play_game

        first, second, *referee = table
        opening = number // 2 % len(self.starts)
        played, record = play_game(
            number,
            opening,
            self.starts[opening],
            (first, second),
            number % 2,
            self.terms,
            partial(self._score, referee),
        )
        if not self._stop:
            write_bytes(self.out / f"{number:04d}.sgf", record)
        return played

    def _score(self, referee: "list[Seat]", board: Any, komi: float) -> float:
        from gocnn.engine.settle import settled_margin

        if referee:
            return _counted(referee[0], board, komi)
        with self._lock:
            return settled_margin(self.evaluator, board, komi)

    def _note(self, played: "Played") -> None:
        self.done[played.number] = played
        with (self.out / GAMES_FILE).open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(json.dumps(played.to_json()) + "\n")
        if not self.quiet:
            side = "black" if played.black == 0 else "white"
            detail = f" ({played.detail})" if played.detail else ""
            won = sum(g.winner == 0 for g in self.done.values())
            click.echo(
                f"game {played.number}: first engine {side}, {played.result}, {played.moves}"
                f" moves{detail}; first engine {won} of {len(self.done)}",
                err=True,
            )


def _counted(seat: Any, board: Any, komi: float) -> float:
    """What the referee says of the final position. Raises UserError if it does not say."""
    from gocnn.board.coords import to_gtp
    from gocnn.match.gtp_client import EngineFault, EngineRefusal

    try:
        for command in ("boardsize 19", "clear_board", f"komi {komi:g}"):
            seat.ask(command, 60.0)
        for index, colour in board.moves:
            seat.ask(f"play {'B' if colour == 1 else 'W'} {to_gtp(index)}", 60.0)
        answer = seat.ask("final_score", 120.0).strip().upper()
        if answer == "0":
            return 0.0
        return (1 if answer[0] == "B" else -1) * float(answer[2:])
    except (EngineFault, EngineRefusal, ValueError, IndexError) as error:
        raise UserError(
            f"the referee does not count the game ({error}); choose another --referee, or none"
        ) from error


def _show(results: list["Played"], first: str, second: str) -> None:
    from collections import Counter

    from gocnn.match.game import broken_off, seconds_a_move

    click.echo(f"{first}  against  {second}: {len(results)} games")
    click.echo(_standing(results))
    for colour, mine in (("black", 0), ("white", 1)):
        games = [g for g in results if g.black == mine]
        if games:
            click.echo(f"as {colour}: won {sum(g.winner == 0 for g in games)} of {len(games)}")
    ways = Counter(
        (("won" if g.winner == 0 else "lost" if g.winner == 1 else "drawn"), g.how) for g in results
    )
    click.echo(
        "; ".join(f"{what} by {how}: {count}" for (what, how), count in sorted(ways.items()))
    )
    if results:
        click.echo(
            f"{sum(g.moves for g in results) / len(results):.0f} moves a game; seconds a move:"
            " {:.2f} and {:.2f}".format(*seconds_a_move(results))
        )
    broken = broken_off(results)
    for game in broken[:MOST_NAMED]:
        click.echo(
            f"game {game.number}, {game.result}, not decided on the board ({game.how}):"
            f" {game.detail or f'{game.moves} moves'}"
        )
    if len(broken) > MOST_NAMED:
        click.echo(f"and {len(broken) - MOST_NAMED} more; {GAMES_FILE} has them all")
    if broken and len(broken) < len(results):
        click.echo("without these: " + _standing([game for game in results if game not in broken]))
    sys.stdout.flush()


def _standing(results: Sequence["Played"]) -> str:
    from gocnn.match.game import standing

    s = standing(results)
    return (
        f"won {s.wins}, lost {s.losses}, drawn {s.draws}: {s.rate:.1%} [{s.interval[0]:.1%},"
        f" {s.interval[1]:.1%}], Elo difference {s.elo:+.0f} [{s.elo_interval[0]:+.0f},"
        f" {s.elo_interval[1]:+.0f}]"
    )
