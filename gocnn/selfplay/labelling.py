"""Labelling a store: games that were resigned are played on to their end, or judged by another
engine, or games of the network with itself are added. Chunk by chunk, so that whatever stops it
loses little."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import bars
from gocnn.cores import cores
from gocnn.errors import UserError
from gocnn.games import labels
from gocnn.games.store import Store
from gocnn.games.store_writer import writing
from gocnn.locks import locked
from gocnn.policy import runtime, shipped
from gocnn.policy.suggestion import Evaluator
from gocnn.selfplay import adding, broken_off, judged, own, resigned, workers
from gocnn.selfplay.engine import AnalysisEngine, Stopped
from gocnn.selfplay.label_runs import JudgedRun, LabellingConfig, OwnRun, ResignedRun, Run
from gocnn.selfplay.playing import Ended, GameToPlay, Other

CHUNK = 256
"""Games that are written together: what a kill loses at most."""

FEW = 64
"""The same of games that another engine judges: it takes some ten seconds over so many."""


def label_resigned(config: LabellingConfig, most: int | None = None) -> ResignedRun:
    """Play resigned games on, at most so many, and label those that the recorded winner wins.
    Raises UserError if the store or the model cannot be read, or another run labels it."""
    run = ResignedRun()
    with _alone(config):
        opened, records = _resigned(config, run)
        games = resigned.waiting(opened, records, config.seed)[:most]
        if not len(games):
            return run
        komis, winners = resigned.komis(records), records["winner"]
        keys = records["key"].astype(np.int64)
        evaluators = _evaluators(config, len(games))
        text = _text(config, evaluators[0], temperature=resigned.TEMPERATURE)
        findings = run.findings = resigned.Findings()

        def write_chunk(chunk: list[Ended]) -> None:
            found = []
            for ended in chunk:
                game = ended.task.number
                winner, komi = int(winners[game]), float(komis[game])
                found.append((game, resigned.judge(ended, winner, komi, findings), ended.owner))
            adding.add_labels(config.target, keys, found, text)

        tasks = resigned.tasks(opened, records, games, config.seed)
        _play(config, evaluators, tasks, total=len(games), write_chunk=write_chunk, run=run)
        return run


def label_judged(config: LabellingConfig, command: str, most: int | None = None) -> JudgedRun:
    """Have another engine judge the last position of at most `most` resigned games (None: of all),
    and label those that it gives to the recorded winner.

    command: the engine's command line; it speaks KataGo's analysis protocol. Raises UserError if
    the store cannot be read, if another run labels it, or if the engine fails before it has judged
    a game; what it judged before a later failure is kept.
    """
    run = JudgedRun()
    with _alone(config):
        opened, records = _resigned(config, run)
        waiting = np.flatnonzero(judged.waiting(opened, records))
        games = resigned.shuffled(waiting, records, config.seed)[:most]
        if not len(games):
            return run
        komis, winners = resigned.komis(records), records["winner"]
        keys = records["key"].astype(np.int64)
        found = run.findings = judged.Judgements()
        chunk: list[tuple[int, int, npt.NDArray[np.int8]]] = []
        text, interrupts = "", run.interrupts
        began = time.perf_counter()
        interrupts.listen()
        try:
            with (
                AnalysisEngine(command, stopped=run.stopper(_until(config, run))) as engine,
                bars.bar(total=len(games), unit=" games", disable=not sys.stderr.isatty()) as bar,
            ):
                text = judged.text(command, engine.version())
                run.engine = labels.engine_of(text) or run.engine
                asked = judged.queries(opened, records, games, komis)
                for number, answer in engine.answers(asked, refusals=True):
                    game = int(games[number])
                    kind, owner = judged.answered(
                        engine,
                        answer,
                        found,
                        game=game,
                        winner=int(winners[game]),
                        komi=float(komis[game]),
                    )
                    chunk.append((game, kind, owner))
                    bar.update()
                    if len(chunk) >= CHUNK:
                        adding.add_labels(config.target, keys, chunk, text)
                        chunk = []
        except Stopped:
            pass
        except UserError as error:
            run.failure = error
        finally:
            interrupts.restore()
        if run.failure is not None and not found.judged:
            raise run.failure  # an engine that has judged nothing: no reason to call a game tried
        adding.add_labels(config.target, keys, chunk, text)
        run.seconds = time.perf_counter() - began
        return run


def add_own_games(config: LabellingConfig, count: int) -> OwnRun:
    """Let the network play with itself until the target holds `count` such games of this seed.
    Raises UserError if the store or the model cannot be read, or if another run adds to the
    target."""
    run = OwnRun()
    with _alone(config), adding.made(config.target):
        opened = Store(config.store)
        records = opened.records()
        begun = own.sources(records)
        evaluators = _evaluators(config, count)
        name = evaluators[0].name
        todo = _missing(config, count, own.KIND)
        if not todo:
            return run
        done, text = own.Own(), _text(config, evaluators[0])
        run.result = done

        def write_chunk(chunk: list[Ended]) -> None:
            done.note(chunk)
            adding.add_games(config.target, chunk, own.chunk(chunk, name, config.seed), text)

        tasks = (own.task(number, config.seed, opened, records, begun) for number in todo)
        _play(config, evaluators, tasks, total=len(todo), write_chunk=write_chunk, run=run)
        return run


def add_judged_games(
    config: LabellingConfig, command: str, count: int, *, against: bool = False
) -> OwnRun:
    """Let the network play resigned games on for a while, or with `against` whole games with
    another engine, and that engine judge where they stand then, until the target holds `count` such
    games of this seed.

    command: the engine's command line; it speaks KataGo's analysis protocol. Raises UserError as
    `add_own_games` does, if no game of the store was resigned, or if the engine fails; the chunks
    before are kept.
    """
    kind = broken_off.AGAINST if against else broken_off.PLAYED_ON
    run = OwnRun(kind=kind)
    with _alone(config), adding.made(config.target), ExitStack() as engines:
        opened = Store(config.store)
        records = opened.records()
        begun = own.sources(records) if against else np.flatnonzero(resigned.uncounted(records))
        if not len(begun) and not against:
            raise UserError(
                f"{config.store}: no game in it was resigned, so there is none to play on; give a"
                " store of games that people played, or leave out --engine"
            )
        todo = _missing(config, count, kind)
        if not todo:
            return run
        evaluators = _evaluators(config, len(todo))
        name, text = evaluators[0].name, _text(config, evaluators[0])
        done = run.result = own.Own()

        def start(until: float = float("inf")) -> AnalysisEngine:
            return engines.enter_context(AnalysisEngine(command, stopped=run.stopper(until)))

        engine = start()
        judge = judged.text(command, engine.version())
        run.engine = labels.engine_of(judge) or run.engine
        # Who plays is asked while the other one judges.
        opponent = broken_off.Opponent(start(_until(config, run))) if against else None

        def write_chunk(chunk: list[Ended]) -> None:
            known = list(broken_off.judge(engine, chunk, done.heard))
            done.note(known)
            games = own.chunk(
                known, name, config.seed, kind=kind, opponent=run.engine if against else ""
            )
            adding.add_games(config.target, known, games, text, judge=judge)

        task = broken_off.task_against if against else broken_off.task
        _play(
            config,
            evaluators,
            (task(number, config.seed, opened, records, begun) for number in todo),
            total=len(todo),
            write_chunk=write_chunk,
            run=run,
            most=FEW,
            other=opponent,
        )
        return run


def _missing(config: LabellingConfig, count: int, kind: str) -> list[int]:
    """The numbers below `count` of the games of a kind and the seed that the target lacks."""
    played = own.played(Store(config.target), config.seed, kind)
    return [number for number in range(count) if number not in played]


def _resigned(
    config: LabellingConfig, run: ResignedRun | JudgedRun
) -> tuple[Store, npt.NDArray[np.void]]:
    """The store with its records `(G,)`; how many of them were resigned is noted in `run`."""
    opened = Store(config.store)
    records = opened.records()
    run.total, run.records = int(resigned.uncounted(records).sum()), records
    return opened, records


@contextmanager
def _alone(config: LabellingConfig) -> Iterator[None]:
    target = config.target
    Store(config.store)
    with writing(target):
        pass  # an import that is under way: no use to begin
    with locked(
        target.with_name(target.name + ".labelling"),
        f"{target} is being labelled by another go-label; wait for it to end",
    ):
        yield


def _until(config: LabellingConfig, run: Run) -> float:
    """The time, as `time.monotonic()`, at which to stop."""
    return run.began + 60 * config.minutes if config.minutes else float("inf")


def _evaluators(config: LabellingConfig, most: int) -> list[Any]:
    """One for each thread, and no more threads than `most` games have use for."""
    count = max(1, min(config.jobs or cores(), -(-most // config.batch)))
    if not runtime.is_onnx(shipped.find(config.model)):
        import torch

        torch.set_num_threads(1)
        return [runtime.open_evaluator(config.model)] * count
    return [runtime.open_evaluator(config.model, threads=1) for _ in range(count)]


def _text(config: LabellingConfig, evaluator: Any, **more: Any) -> str:
    """What the store keeps of how its labels were made."""
    digest = hashlib.sha256(evaluator.path.read_bytes()).hexdigest()[:16]
    made = {"made_by": "go-label", "network": evaluator.name, "sha256": digest, "seed": config.seed}
    return json.dumps(made | more)


def _play(
    config: LabellingConfig,
    evaluators: list[Evaluator],
    tasks: Iterator[GameToPlay],
    *,
    total: int,
    write_chunk: Callable[[list[Ended]], None],
    run: Run,
    most: int | None = None,
    other: Other | None = None,
) -> None:
    """Play the tasks and hand them on in chunks of `most` (None: CHUNK), the last one, or what had
    ended at an interruption, too. What it took is noted in `run`."""
    interrupts, chunk = run.interrupts, []
    began, cpu = time.perf_counter(), time.process_time()
    interrupts.listen()
    try:
        with bars.bar(total=total, unit=" games", disable=not sys.stderr.isatty()) as bar:
            for ended in workers.play_all(
                evaluators,
                tasks,
                config.batch,
                run.spent,
                stopped=run.stopper(_until(config, run)),
                other=other,
            ):
                chunk.append(ended)
                bar.update()
                if len(chunk) >= (most or CHUNK):
                    write_chunk(chunk)
                    chunk = []
        write_chunk(chunk)
    finally:
        interrupts.restore()
    run.seconds, run.cpu = time.perf_counter() - began, time.process_time() - cpu
