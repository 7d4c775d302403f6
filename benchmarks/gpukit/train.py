"""The best recipe for the minutes there are, on a pack or on stores; what must travel lies in parts
all the time.

    (the first of three commands, the second, the last:)
    gpu.py train trip --out runs/base --parts parts --minutes 9.5 --total-minutes 25
    gpu.py train trip --out runs/base --parts parts --minutes 9.5 --total-minutes 25 --resume
    gpu.py train trip --out runs/base --parts parts --minutes 9.5 --resume

--minutes is the time of the whole command: loading, compiling, validating and writing are within
it. --total-minutes is the training that the learning rate's schedule is for, over several commands;
a command without it is the last: the schedule ends with it. On a fresh machine --from-parts FOLDER
stands for --resume. Every minute, and at the end, the run is written into --parts; `join` makes a
run folder of that again.
"""

import argparse
import contextlib
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from gpukit.pack import tell
from gpukit.train_options import add

__all__ = ["add", "run"]

BEGAN = time.perf_counter()
CLOCK: Callable[[], float] = time.perf_counter
LEAST = 2.0
"""Seconds of training under which it is not begun."""

SETTINGS = (
    "batch",
    "accumulate",
    "optimiser",
    "learning_rate",
    "ema",
    "compile",
    "precision",
    "validations",
    "feeders",
    "seed",
)
LATER = ("compile", "precision", "accumulate", "feeders", "validations")
"""Those that a run may have otherwise from now on: what the trainer advises where memory or the
numbers' range ran out is among them."""


def run(options: argparse.Namespace) -> int:
    from gocnn.errors import UserError
    from gocnn.files import check_folder
    from gocnn.policy import training
    from gocnn.training.schedule import Deadline
    from gocnn.training.session import Launch
    from gpukit import common, luggage, travel
    from gpukit.courier import Courier

    began = BEGAN if CLOCK is time.perf_counter else CLOCK()
    device = common.device(options)
    for name in (*options.games, *options.valid):
        if not Path(name).exists():
            raise UserError(f"{name} does not exist; give the folder that `pack` wrote, or stores")
    resume = options.resume or options.from_parts is not None
    if not resume and (options.out / "run.json").exists():
        raise UserError(
            f"{options.out} holds a run already; go on with it by --resume, or choose another --out"
        )
    reserve = (
        options.reserve if options.reserve is not None else min(15.0, 0.2 * options.minutes * 60)
    )
    folder = options.parts or options.out.with_name(options.out.name + "-parts")
    check_folder(folder)
    if options.from_parts:
        luggage.unpack(options.from_parts, options.out)
    elif travel.has_parts(folder):
        travel.read_manifest(folder, luggage.KIND)  # not over a pack
        if not options.resume:
            raise UserError(
                f"{folder} holds the parts of a run: `gpu.py join` makes a run of them,"
                " --from-parts goes on with it; or choose another --parts"
            )
    games, valid = _games(options)
    deadline = Deadline(began + options.minutes * 60 - reserve, clock=CLOCK)
    config, fits, origin = (
        _resumed(options, games, valid, deadline)
        if resume
        else _run_config(options, device, games, valid, deadline)
    )
    deadline = replace(deadline, fits=fits)
    if deadline.left() < LEAST:
        spent = CLOCK() - began
        raise UserError(
            f"--minutes {options.minutes:g} leaves nothing to train in: getting ready took"
            f" {spent:.0f} s, and {reserve:.0f} s are kept for the end; give more"
        )
    tell(
        f"recipe {origin}: "
        + ", ".join(
            f"{name} {value}"
            for name, value in asdict(config.train).items()
            if name in SETTINGS and value is not None
        )
    )
    tell(
        f"ready after {CLOCK() - began:.1f} s; this command trains for at most"
        f" {deadline.left():.0f} s"
    )
    common.note_run(options.best, options.out)
    courier = Courier(
        options.out,
        folder,
        int(options.part * travel.MB),
        int(options.room * travel.MB),
        options.halves,
    )
    try:
        with courier:
            launch = Launch(
                out=options.out,
                resume=resume,
                device=options.device,
                say=tell,
                options=_asked(config, options),
                deadline=deadline,
            )
            outcome = training.train(config, launch)
    except UserError:
        # what there is travels; the sentence is about what happened first
        with contextlib.suppress(UserError, OSError):
            courier.send()
        raise
    left = deadline.left()
    tell(courier.send(finished=not outcome.interrupted))
    if not outcome.steps and outcome.interrupted and left <= 0:
        raise UserError(
            f"--minutes {options.minutes:g} was over before the first step: getting ready took"
            f" {CLOCK() - began:.0f} s; run it again with --resume (compiled kernels are kept), or"
            " give more"
        )
    _tell_outcome(outcome, options, CLOCK() - began)
    return 130 if outcome.interrupted and left > 0 else 0


def _games(options: argparse.Namespace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Games to train and to validate on, as paths; a pack is unpacked into the run's folder. Raises
    UserError."""
    from gpukit import travel
    from gpukit.gamepack import TRAIN, unpack

    games, valid = list(options.games), list(options.valid)
    if len(games) == 1 and travel.has_parts(Path(games[0])):
        stores = unpack(Path(games[0]), options.out / "games")
        return (str(stores[0]),), tuple(valid or map(str, stores[1:]))
    if len(games) == 1 and (Path(games[0]) / TRAIN).is_file():
        here = Path(games[0])
        return (str(here / TRAIN),), tuple(valid or map(str, sorted(here.glob("valid-*.games"))))
    return tuple(games), tuple(valid)


def _run_config(
    options: argparse.Namespace,
    device: Any,
    games: tuple[str, ...],
    valid: tuple[str, ...],
    deadline: Any,
) -> tuple[Any, bool, str]:
    """What is asked of a new run; whether its schedule ends with this command; where the recipe
    comes from."""
    from gocnn.errors import UserError
    from gocnn.games.selection import GameFilter
    from gocnn.policy import model
    from gocnn.policy.network import preset
    from gocnn.policy.training import PolicyRunConfig
    from gocnn.training import TrainConfig
    from gpukit import go
    from gpukit.recipes import PLANES, recipe

    if not games:
        raise UserError("no games to train on: give the folder that `pack` wrote, or stores")
    fits = options.steps is None and options.total_minutes is None
    minutes = options.total_minutes or max(deadline.left(), 1.0) / 60
    if options.begin:
        options.begin = str(model.named(options.begin))
        network, name = _begun(model.load(options.begin), options.preset)
    else:
        name = options.preset or "base"
        network = preset(name)
    chosen = recipe(
        name, device, minutes, options.best, {name: getattr(options, name) for name in SETTINGS}
    )
    groups = [name.strip() for name in (options.planes or PLANES).split(",")]
    try:
        network = replace(
            network,
            future=go.FUTURE,
            value=True,
            score=options.score,
            plane_groups=tuple(
                dict.fromkeys(
                    g
                    for name in groups
                    for g in (network.plane_groups if name == "default" else [name])
                )
            ),
        )
        budget = {"steps": options.steps} if options.steps else {"minutes": minutes}
        config = TrainConfig(**(budget | chosen.settings))
    except ValueError as error:
        raise UserError(f"such a run cannot be made: {error}") from error
    return (
        PolicyRunConfig(
            games=games,
            valid=valid,
            valid_share=0.02,
            valid_positions=options.valid_positions,
            game_filter=GameFilter(),
            network=network,
            train=config,
            begin=options.begin,
            **({} if options.own_share is None else {"own_share": options.own_share}),
        ),
        fits,
        chosen.origin,
    )


def _begun(policy: Any, larger: str | None) -> tuple[Any, str]:
    """The network that begins with the weights of `policy`, grown to the size of the preset
    `larger` if one is given, and the name of the preset of its size (else the one nearest to it),
    whose recipe it gets. Raises UserError if it cannot grow so."""
    from gocnn.policy import growth
    from gocnn.policy.network import PRESETS, preset

    network = policy.config
    if larger:
        size = preset(larger)
        network = replace(network, blocks=size.blocks, channels=size.channels)
        growth.check(policy.name, policy.config, network)
    work = {name: preset(name).blocks * preset(name).channels ** 2 for name in PRESETS}
    mine = network.blocks * network.channels**2
    return network, min(work, key=lambda name: abs(math.log(work[name] / mine)))


def _resumed(
    options: argparse.Namespace, games: tuple[str, ...], valid: tuple[str, ...], deadline: Any
) -> tuple[Any, bool, str]:
    """What is asked of an earlier run from now on; whether its schedule ends with this command;
    where its recipe comes from."""
    from gocnn.errors import UserError
    from gocnn.policy import KIND, training
    from gocnn.policy.network import preset
    from gocnn.training.run import RunFolder, read_reports

    given = [
        name
        for name in (
            "batch",
            "optimiser",
            "learning_rate",
            "ema",
            "seed",
            "planes",
            "begin",
            "steps",
        )
        if getattr(options, name) is not None
    ]
    before = RunFolder.read_config(options.out, KIND).get("train")
    batch = before.get("batch") if isinstance(before, dict) else None
    if "batch" in given and options.batch == batch:  # as the advice to divide it says
        given.remove("batch")
    if given:
        raise UserError(
            f"--{given[0].replace('_', '-').replace('begin', 'from')} cannot change in a run that"
            " goes on; leave it out, or start a new run"
        )
    if isinstance(batch, int) and options.accumulate and batch % options.accumulate:
        raise UserError(
            f"--accumulate {options.accumulate} does not divide the run's batch of {batch}; give"
            " one that does"
        )
    changes: dict[str, Any] = {name: getattr(options, name) for name in LATER} | {
        "checkpoint_minutes": 1.0
    }
    config = training.PolicyRunConfig.resumed(options.out, games, valid, changes)
    if options.preset:
        asked, network = preset(options.preset), config.network
        if (asked.blocks, asked.channels) != (network.blocks, network.channels):
            raise UserError(
                f"the run that goes on has {network.blocks} blocks of {network.channels} channels,"
                f" which is not --preset {options.preset}; leave --preset out"
            )
    if config.train.minutes is None:  # steps, which stay
        return config, False, f"of the run in {options.out}"
    spent = max(
        (float(line.get("seconds", 0.0)) for line in read_reports(options.out)), default=0.0
    )
    minutes = options.total_minutes or (spent + max(deadline.left(), 1.0)) / 60
    return (
        replace(config, train=config.train.changed({"minutes": minutes})),
        options.total_minutes is None,
        f"of the run in {options.out}",
    )


def _asked(config: Any, options: argparse.Namespace) -> dict[str, Any]:
    """What run.json says was asked, by the names of go-train's options, so that it can go on with
    the run."""
    network = config.network
    settings = {
        name: value
        for name, value in asdict(config.train).items()
        if name not in ("steps", "epochs", "minutes", "feeders", "checkpoint_minutes")
    }
    return settings | {
        "preset": None if config.begin else options.preset or "base",
        "begin": config.begin,
        "future": network.future,
        "value": network.value,
        "score": network.score,
        "planes": options.planes,
        "valid_share": config.valid_share,
        "valid_positions": config.valid_positions,
        "own_share": config.own_share,
    }


def _tell_outcome(outcome: Any, options: argparse.Namespace, seconds: float) -> None:
    rate = outcome.samples / max(outcome.seconds, 1e-9)
    tell(
        f"{outcome.steps} steps, {outcome.samples} samples in {outcome.seconds / 60:.1f} min of"
        f" training ({rate:.0f} samples/s, waited for data {outcome.waited:.1%}); {seconds:.0f} of"
        f" {options.minutes * 60:.0f} s"
    )
    if "top1" in outcome.best:
        best = outcome.best
        tell(
            f"best: top-1 {best['top1']:.2%}, top-5 {best['top5']:.2%}, loss {best['loss']:.4f} at"
            f" step {best['step']:.0f}"
        )
    print(
        f"{options.out}: {'stopped; go on with --resume' if outcome.interrupted else 'done'}, step"
        f" {outcome.steps}"
    )
