"""go-label: whose each point is at the end, of games that were not counted, and of games that a
network plays with itself."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from click.core import ParameterSource

from gocnn import bars
from gocnn.console.outputs import OutFile
from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.games import labels
from gocnn.games.store import Store
from gocnn.games.store_writer import write, writing
from gocnn.locks import locked

CHUNK = 256
"""Games that are written together: what a kill loses at most."""


@click.command("go-label")
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--model",
    help=(
        "Who plays: a model file (.safetensors or .onnx), or the folder of a training run. "
        " [default: the model that ships]"
    ),
)
@click.option(
    "--engine",
    help=(
        "Instead of a network that plays: the command line of an engine that speaks KataGo's"
        " analysis protocol, asked once about each game's last position, such as \"katago analysis"
        ' -model M -config C".'
    ),
)
@click.option(
    "--own",
    type=click.IntRange(1),
    help=(
        "Instead of playing on the store's: so many games of the network with itself; those of this"
        " seed that are there count."
    ),
)
@click.option(
    "--out",
    type=OutFile(),
    help="With --own: the store to add them to, made if it is not there.  [default: STORE]",
)
@click.option(
    "--games",
    type=click.IntRange(1),
    help="Play on, or have judged, at most so many games.  [default: all that are waiting]",
)
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Stop after so many minutes."
)
@click.option(
    "--batch",
    type=click.IntRange(1, 4096),
    default=64,
    show_default=True,
    help="Boards that the network is asked about at once.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Threads, each with as many boards.  [default: the cores]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Of what is drawn: moves, the order of games, own games.",
)
@click.option(
    "--disagreed",
    type=OutFile(),
    help="List the games whose winner was another, for a look at them (tab-separated).",
)
@click.pass_context
def command(
    context: click.Context,
    store: Path,
    model: str | None,
    engine: str | None,
    own: int | None,
    out: Path | None,
    games: int | None,
    minutes: float | None,
    batch: int,
    jobs: int | None,
    seed: int,
    disagreed: Path | None,
) -> None:
    """Label the games of STORE that were resigned, for training a network that knows the score:
    whose each point is in the end.

    From its last position the network plays each game on, for both sides, until nothing is left to
    play for; the label is kept where the recorded winner has won. With --engine another engine
    judges that position instead, once; what it owns is the label, where its lead gives the game to
    the recorded winner. With --own N the network plays games with itself instead, unequal ones.
    Labels and games are added to the store chunk by chunk: stopped at any time, the same command
    goes on with what is left.
    """
    if engine is not None:
        given = [
            name
            for name in ("model", "own", "batch", "jobs")
            if context.get_parameter_source(name) is not ParameterSource.DEFAULT
        ]
        if given:
            raise click.UsageError(
                "--engine has another engine judge the games, no network plays; leave out"
                f" --{given[0]}"
            )
    if own is not None and (games is not None or disagreed is not None):
        raise click.UsageError(
            f"--own plays no games on; leave out --{'games' if games is not None else 'disagreed'}"
        )
    if own is None and out is not None:
        raise click.UsageError("--out is where --own adds games; the labels of STORE stay in it")
    target = out or store
    Store(store)
    with writing(target):
        pass  # an import that is under way: no use to begin
    with locked(
        target.with_name(target.name + ".labelling"),
        f"{target} is being labelled by another go-label; wait for it to end",
    ):
        session = _Session(store, target, model, batch, jobs or cores(), minutes, seed)
        if engine is not None:
            interrupted = session.judged(engine, games, disagreed)
        else:
            interrupted = (
                session.own(own) if own is not None else session.resigned(games, disagreed)
            )
    if interrupted:
        click.echo("stopped; the same command goes on with the games that are left", err=True)
        raise SystemExit(130)


NONE_RESIGNED = (
    "no game in it was resigned (or lost on time), with a known winner and 30 moves or more"
)


def _list(path: Path | None, records: np.ndarray[Any, Any], wrong: list[tuple[int, float]]) -> None:
    """Write the games whose winner was another, with the margin found."""
    if path is None:
        return
    from gocnn.files import write_text

    write_text(
        path,
        "game\twinner\tmoves\tfound\n"
        + "".join(
            f"{game}\t{'BW'[int(records['winner'][game]) - 1]}\t{records['moves'][game]}\t"
            f"{found:+.1f}\n"
            for game, found in wrong
        ),
    )


class _Session:
    def __init__(
        self,
        store: Path,
        target: Path,
        model: str | None,
        batch: int,
        jobs: int,
        minutes: float | None,
        seed: int,
    ) -> None:
        self.store, self.target, self.model, self.batch, self.jobs, self.seed = (
            store,
            target,
            model,
            batch,
            jobs,
            seed,
        )
        self.until = time.monotonic() + 60 * minutes if minutes else float("inf")

    def _evaluators(self, most: int) -> list[Any]:
        from gocnn.policy.runtime import is_onnx, open_evaluator

        count = max(1, min(self.jobs, -(-most // self.batch)))
        if self.model is not None and not is_onnx(self.model):
            import torch

            torch.set_num_threads(1)
            return [open_evaluator(self.model)] * count
        return [open_evaluator(self.model, threads=1) for _ in range(count)]

    def _text(self, evaluator: Any, **more: Any) -> str:
        digest = hashlib.sha256(evaluator.path.read_bytes()).hexdigest()[:16]
        return json.dumps(
            {"made_by": "go-label", "network": evaluator.name, "sha256": digest, "seed": self.seed}
            | more
        )

    def resigned(self, most: int | None, listing: Path | None) -> bool:
        """Play resigned games on; whether it was interrupted."""
        from gocnn.selfplay import adding, resigned

        opened = Store(self.store)
        records = opened.records()
        games = resigned.waiting(opened, records, self.seed)
        total = int(resigned.uncounted(records).sum())
        if not len(games):
            click.echo(
                f"{self.store}: nothing to label: "
                + (
                    f"all {total} games that were resigned have been played on"
                    if total
                    else NONE_RESIGNED
                )
            )
            return False
        games = games[:most]
        komis, winners, keys = (
            resigned.komis(records),
            records["winner"],
            records["key"].astype(np.int64),
        )
        evaluators = self._evaluators(len(games))
        text = self._text(evaluators[0], temperature=resigned.TEMPERATURE)
        findings = resigned.Findings()

        def write_chunk(chunk: list[Any]) -> None:
            found = [
                (
                    e.task.number,
                    resigned.judge(
                        e, int(winners[e.task.number]), float(komis[e.task.number]), findings
                    ),
                    e.owner,
                )
                for e in chunk
            ]
            adding.add_labels(self.target, keys, found, text)

        interrupted, spent, seconds, cpu = self._run(
            evaluators, resigned.tasks(opened, records, games, self.seed), len(games), write_chunk
        )
        _list(listing, records, findings.wrong)
        n, tried = findings.agreed, max(findings.tried, 1)
        wrong, open_ = findings.disagreed / tried, findings.unsettled / tried
        click.echo(
            f"{self.store}: {findings.tried} games played on, {n} labelled ({n / tried:.1%} gave"
            f" the recorded winner, {wrong:.1%} another, {open_:.1%} were not settled); mean margin"
            f" {findings.margins / max(n, 1):.1f} points"
        )
        self._say(findings.tried, spent, seconds, cpu)
        return interrupted

    def judged(self, command: str, most: int | None, listing: Path | None) -> bool:
        """Have another engine judge the last position of resigned games; whether it was
        interrupted. Raises UserError if the engine fails; what it judged before is kept."""
        from gocnn.interrupts import Interrupts
        from gocnn.selfplay import adding, judged, resigned
        from gocnn.selfplay.engine import AnalysisEngine, Stopped

        opened = Store(self.store)
        records = opened.records()
        games = resigned.shuffled(
            np.flatnonzero(judged.waiting(opened, records)), records, self.seed
        )
        total = int(resigned.uncounted(records).sum())
        if not len(games):
            click.echo(
                f"{self.store}: nothing to label: "
                + (
                    f"all {total} games that were resigned have been played on or judged"
                    if total
                    else NONE_RESIGNED
                )
            )
            return False
        games = games[:most]
        komis, winners, keys = (
            resigned.komis(records),
            records["winner"],
            records["key"].astype(np.int64),
        )
        found, failure, name = judged.Judgements(), None, "the engine"
        chunk: list[tuple[int, int, Any]] = []
        text = ""
        began, interrupts = time.perf_counter(), Interrupts()
        interrupts.listen()
        try:
            with (
                AnalysisEngine(
                    command, stopped=lambda: interrupts.came or time.monotonic() > self.until
                ) as engine,
                bars.bar(total=len(games), unit=" games", disable=not sys.stderr.isatty()) as bar,
            ):
                text = judged.text(command, engine.version())
                name = labels.engine_of(text) or name
                for number, answer in engine.answers(
                    judged.queries(opened, records, games, komis), refusals=True
                ):
                    game = int(games[number])
                    chunk.append(
                        (
                            game,
                            *judged.answered(
                                engine, answer, game, int(winners[game]), float(komis[game]), found
                            ),
                        )
                    )
                    bar.update()
                    if len(chunk) >= CHUNK:
                        adding.add_labels(self.target, keys, chunk, text)
                        chunk = []
        except Stopped:
            pass
        except UserError as error:
            failure = error
        finally:
            interrupts.restore()
        if failure is not None and not found.judged:
            raise failure  # an engine that has judged nothing is no reason to call a game tried
        adding.add_labels(self.target, keys, chunk, text)
        _list(listing, records, found.wrong)
        n, tried, seconds = found.agreed, max(found.tried, 1), time.perf_counter() - began
        refused = (
            f", {found.refused / tried:.1%} were refused: {found.reason}" if found.refused else ""
        )
        click.echo(
            f"{self.store}: {found.tried} games judged by {name}, {n} labelled ({n / tried:.1%}"
            f" gave the recorded winner, {found.disagreed / tried:.1%} another{refused}); mean"
            f" margin {found.margins / max(n, 1):.1f} points, the labels' area"
            f" {found.off / max(n, 1):.1f} from it"
        )
        click.echo(
            f"{found.tried} positions in {seconds:.1f} s: {found.tried / seconds:.1f} positions/s"
        )
        if failure is not None:
            raise failure
        return interrupts.came

    def own(self, count: int) -> bool:
        """Play own games; whether it was interrupted."""
        from gocnn.selfplay import adding, own

        opened = Store(self.store)
        records = opened.records()
        begun = own.sources(records)
        evaluators = self._evaluators(count)
        name = evaluators[0].name
        if not self.target.exists():
            with writing(self.target):
                write(self.target, iter(()))
        played = own.played(Store(self.target), self.seed)
        todo = [number for number in range(count) if number not in played]
        if not todo:
            click.echo(
                f"{self.target}: nothing to play: the {count} own games of seed {self.seed} are"
                " there; ask for more, or for another --seed"
            )
            return False
        done, text = own.Own(), self._text(evaluators[0])

        def write_chunk(chunk: list[Any]) -> None:
            done.note(chunk)
            adding.add_games(self.target, chunk, name, self.seed, text)

        tasks = (own.task(number, self.seed, opened, records, begun) for number in todo)
        interrupted, spent, seconds, cpu = self._run(evaluators, tasks, len(todo), write_chunk)
        margins = np.array(done.margins or [0.0])
        click.echo(
            f"{self.target}: {done.kept} own games added, {done.unsettled} were not settled; mean"
            f" margin {margins.mean():.1f} points (quartiles"
            f" {', '.join(f'{q:.0f}' for q in np.percentile(margins, [25, 50, 75]))}),"
            f" {done.captured / max(done.kept, 1):.1f} stones captured a game"
        )
        self._say(done.kept + done.unsettled, spent, seconds, cpu)
        return interrupted

    def _run(
        self,
        evaluators: list[Any],
        tasks: Iterator[Any],
        total: int,
        write_chunk: Callable[[list[Any]], None],
    ) -> tuple[bool, Any, float, float]:
        """Play the tasks and hand them on in chunks, the last one, or what had ended at an
        interruption, too."""
        from gocnn.interrupts import Interrupts
        from gocnn.selfplay.playing import Spent
        from gocnn.selfplay.workers import play_all

        spent, interrupts, chunk = Spent(), Interrupts(), []
        began, cpu = time.perf_counter(), time.process_time()
        interrupts.listen()
        try:
            with bars.bar(total=total, unit=" games", disable=not sys.stderr.isatty()) as bar:
                for ended in play_all(
                    evaluators,
                    tasks,
                    self.batch,
                    spent,
                    lambda: interrupts.came or time.monotonic() > self.until,
                ):
                    chunk.append(ended)
                    bar.update()
                    if len(chunk) >= CHUNK:
                        write_chunk(chunk)
                        chunk = []
            write_chunk(chunk)
        finally:
            interrupts.restore()
        return interrupts.came, spent, time.perf_counter() - began, time.process_time() - cpu

    def _say(self, games: int, spent: Any, seconds: float, cpu: float) -> None:
        moves, games = max(spent.moves, 1), max(games, 1)
        click.echo(
            f"{spent.moves} moves in {seconds:.1f} s: {spent.moves / max(seconds, 1e-9):.0f}"
            f" moves/s, {1e3 * cpu / moves:.2f} ms of processor time a move,"
            f" {spent.moves / games:.0f} moves and {cpu / games:.2f} s a game"
        )
