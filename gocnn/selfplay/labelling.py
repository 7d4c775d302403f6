"""Labelling a store by playing: games that were resigned are played on to their end, or games of
the network with itself are added. Chunk by chunk, so that whatever stops it loses little."""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import bars
from gocnn.cores import cores
from gocnn.games.store import Store, write, writing
from gocnn.interrupts import Interrupts
from gocnn.locks import locked
from gocnn.policy import runtime
from gocnn.policy.suggestion import Evaluator
from gocnn.selfplay import adding, own, resigned, workers
from gocnn.selfplay.playing import Ended, GameTask, Spent

CHUNK = 256
"""Games that are written together: what a kill loses at most."""


@dataclass(frozen=True, kw_only=True)
class LabellingConfig:
    """How to play. store: whose games are played on, or begin own ones; out: where own games go
    (None: the store); model: who plays (None: the network that ships); batch: boards that the
    network is asked about at once; jobs: threads with as many boards each (None: the cores);
    minutes: when to stop (None: at the end); seed: of all that is drawn."""

    store: Path
    out: Path | None = None
    model: str | None = None
    batch: int = 64
    jobs: int | None = None
    minutes: float | None = None
    seed: int = 1

    @property
    def target(self) -> Path:
        """The store that is written to."""
        return self.out or self.store


@dataclass
class Run:
    """What it took. began: `time.monotonic()`; spent: moves played; seconds, cpu: of playing, by
    the clock and of processor time; interrupted: whether Ctrl-C ended it."""

    began: float = field(default_factory=time.monotonic)
    spent: Spent = field(default_factory=Spent)
    seconds: float = 0.0
    cpu: float = 0.0
    interrupted: bool = False


@dataclass
class ResignedRun(Run):
    """Games played on. total: how many games of the store were resigned; findings: what came of
    those that were played on now, None if none was waiting; records: of the store."""

    total: int = 0
    findings: resigned.Findings | None = None
    records: npt.NDArray[np.void] | None = None

    def disagreed(self) -> str:
        """The games whose winner was another, as a table with tabs."""
        rows = ["game\twinner\tmoves\tfound\n"]
        if self.findings is not None and self.records is not None:
            for game, found in self.findings.wrong:
                winner = "BW"[int(self.records["winner"][game]) - 1]
                rows.append(f"{game}\t{winner}\t{self.records['moves'][game]}\t{found:+.1f}\n")
        return "".join(rows)


@dataclass
class OwnRun(Run):
    """Games of the network with itself. result: what came of them, None if all that were asked for
    were there already."""

    result: own.Own | None = None


def label_resigned(config: LabellingConfig, most: int | None = None) -> ResignedRun:
    """Play resigned games on, at most so many, and label those that the recorded winner wins.
    Raises UserError if the store or the model cannot be read, or another run labels it."""
    run = ResignedRun()
    with _alone(config):
        opened = Store(config.store)
        records = opened.records()
        games = resigned.waiting(opened, records, config.seed)
        run.total, run.records = int(resigned.uncounted(records).sum()), records
        if not len(games):
            return run
        games = games[:most]
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
        _play(config, evaluators, tasks, len(games), write_chunk, run)
        return run


def add_own_games(config: LabellingConfig, count: int) -> OwnRun:
    """Let the network play with itself until the target holds `count` such games of this seed.
    Raises UserError likewise."""
    run = OwnRun()
    with _alone(config):
        opened = Store(config.store)
        records = opened.records()
        begun = own.sources(records)
        evaluators = _evaluators(config, count)
        name = evaluators[0].name
        if not config.target.exists():
            with writing(config.target):
                write(config.target, iter(()))
        played = own.played(Store(config.target), config.seed)
        todo = [number for number in range(count) if number not in played]
        if not todo:
            return run
        done, text = own.Own(), _text(config, evaluators[0])
        run.result = done

        def write_chunk(chunk: list[Ended]) -> None:
            done.note(chunk)
            adding.add_games(config.target, chunk, name, config.seed, text)

        tasks = (own.task(number, config.seed, opened, records, begun) for number in todo)
        _play(config, evaluators, tasks, len(todo), write_chunk, run)
        return run


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


def _evaluators(config: LabellingConfig, most: int) -> list[Any]:
    """One for each thread, and no more threads than `most` games have use for."""
    count = max(1, min(config.jobs or cores(), -(-most // config.batch)))
    if config.model is not None and not runtime.is_onnx(config.model):
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
    tasks: Iterator[GameTask],
    total: int,
    write_chunk: Callable[[list[Ended]], None],
    run: Run,
) -> None:
    """Play the tasks and hand them on in chunks, the last one, or what had ended at an
    interruption, too. What it took is noted in `run`."""
    until = run.began + 60 * config.minutes if config.minutes else float("inf")
    interrupts, chunk = Interrupts(), []
    began, cpu = time.perf_counter(), time.process_time()
    interrupts.listen()
    try:
        with bars.bar(total=total, unit=" games", disable=not sys.stderr.isatty()) as bar:
            for ended in workers.play_all(
                evaluators,
                tasks,
                config.batch,
                run.spent,
                lambda: interrupts.came or time.monotonic() > until,
            ):
                chunk.append(ended)
                bar.update()
                if len(chunk) >= CHUNK:
                    write_chunk(chunk)
                    chunk = []
        write_chunk(chunk)
    finally:
        interrupts.restore()
    run.interrupted = interrupts.came
    run.seconds, run.cpu = time.perf_counter() - began, time.process_time() - cpu
