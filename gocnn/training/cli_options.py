"""The options of training, the same for both heads: budget, optimiser, schedule, precision,
device."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click
from click.core import ParameterSource

from gocnn.console import program
from gocnn.console.device_option import device_option
from gocnn.training.config import CompileMode, Convolution, Precision, TrainConfig

if TYPE_CHECKING:
    from gocnn.training import Outcome

F = TypeVar("F", bound=Callable[..., Any])

BUDGETS = ("steps", "epochs", "minutes")
DEFAULT_MINUTES = 30.0

MACHINE = ("feeders", "threads", "checkpoint_minutes")
"""Settings of TrainConfig that change nothing of what is learnt, so that a resumed run may have
others."""

ROUNDING = ("precision", "convolution", "compile", "compile_mode", "pad_planes", "accumulate")
"""Settings of TrainConfig that the machine at hand asks for: another one may need others. They
change how sums are rounded, and accumulate over how many samples norms are taken; so in a run with
--deterministic they stay."""

FREE = {
    "out",
    "resume",
    "quiet",
    "games",
    "data",
    "valid",
    "jobs",
    "max_unpacked",
    "cache",
    "device",
    *BUDGETS,
    *MACHINE,
    *ROUNDING,
}
"""Parameters that may be given anew when a run is resumed; all others are what the run is."""


@dataclass(frozen=True)
class Chosen:
    """A default that the command chooses itself, by what it `said` in the help; the option is None
    where it is not given."""

    said: str


def training_options(**defaults: Any) -> Callable[[F], F]:
    """Options that become a TrainConfig (see `train_config`), with other defaults than
    TrainConfig's if given, or `Chosen`."""

    def default(name: str) -> Any:
        return defaults.get(name, getattr(TrainConfig, name))

    def shown(name: str) -> dict[str, Any]:
        value = default(name)
        return (
            {"default": None, "show_default": value.said}
            if isinstance(value, Chosen)
            else {"default": value, "show_default": True}
        )

    options = [
        click.option(
            "--steps",
            type=click.IntRange(1),
            help="Budget in optimiser steps (then a resumed run repeats bit for bit).",
        ),
        click.option(
            "--epochs",
            type=click.FloatRange(0, min_open=True),
            help="Budget in passes over the training samples.",
        ),
        click.option(
            "--minutes",
            type=click.FloatRange(0, min_open=True),
            help=f"Budget in time.  [default: {DEFAULT_MINUTES:g}]",
        ),
        click.option(
            "--batch",
            type=click.IntRange(1),
            help="Samples a step, over all processes.",
            **shown("batch"),
        ),
        click.option(
            "--accumulate",
            type=click.IntRange(1),
            help="Parts in which a batch is computed, to save memory.",
            **shown("accumulate"),
        ),
        click.option(
            "--optimiser", type=click.Choice(["muon", "adamw", "sgd"]), **shown("optimiser")
        ),
        click.option(
            "--learning-rate",
            type=click.FloatRange(0, min_open=True),
            help="Highest rate.  [default: the optimiser's]",
        ),
        click.option("--weight-decay", type=click.FloatRange(0), **shown("weight_decay")),
        click.option(
            "--schedule", type=click.Choice(["cosine", "onecycle", "constant"]), **shown("schedule")
        ),
        click.option(
            "--warmup",
            type=click.FloatRange(0, 1),
            help="Share of the budget in which the rate rises.",
            **shown("warmup"),
        ),
        click.option(
            "--clip",
            type=click.FloatRange(0),
            help="Largest norm of the gradient (0: none).",
            **shown("clip"),
        ),
        click.option(
            "--label-smoothing",
            type=click.FloatRange(0, 0.9),
            is_flag=False,
            flag_value=0.1,
            help="Share of each label that is spread over all classes (alone: 0.1).",
            **shown("label_smoothing"),
        ),
        click.option(
            "--ema",
            type=click.FloatRange(0, 1, max_open=True),
            help="Decay of the averaged weights (0: none).",
            **shown("ema"),
        ),
        click.option(
            "--precision",
            type=click.Choice(get_args(Precision)),
            help="auto: what the device trains fastest in.",
            **shown("precision"),
        ),
        click.option(
            "--convolution",
            type=click.Choice(get_args(Convolution)),
            help=(
                "How 3x3 convolutions are computed on a CPU in fp32. auto: as is faster by a"
                " stopwatch, with --minutes of ten or more."
            ),
            **shown("convolution"),
        ),
        click.option(
            "--compile/--no-compile",
            help="Use torch.compile (needs a C++ compiler on CPUs).",
            **shown("compile"),
        ),
        click.option(
            "--compile-mode",
            type=click.Choice(get_args(CompileMode)),
            help="With --compile: how fast kernels are found; reduce-overhead means CUDA graphs.",
            **shown("compile_mode"),
        ),
        click.option(
            "--pad-planes/--no-pad-planes",
            help="Fill the network's input up to a multiple of 8 planes as it computes.",
            **shown("pad_planes"),
        ),
        click.option(
            "--sync-norms/--no-sync-norms",
            default=None,
            help=(
                "Several processes normalise over the batch of all, or each over its own share:"
                " faster.  [default: if that is 64 or more]"
            ),
        ),
        click.option(
            "--validations",
            type=click.IntRange(1),
            help="How many, evenly over the budget.",
            **shown("validations"),
        ),
        click.option(
            "--patience",
            type=click.IntRange(0),
            help="Stop after so many validations without a better one (0: never).",
            **shown("patience"),
        ),
        click.option(
            "--checkpoint-minutes", type=click.FloatRange(0), **shown("checkpoint_minutes")
        ),
        click.option(
            "--feeders",
            type=click.IntRange(1),
            help="Threads that prepare samples.  [default: 1 on a CPU, what a GPU needs is found]",
        ),
        click.option("--seed", type=click.IntRange(0), **shown("seed")),
        click.option(
            "--threads",
            type=click.IntRange(1),
            help="Threads that compute on the CPU.  [default: the cores; 1 beside a GPU]",
        ),
        click.option(
            "--deterministic",
            is_flag=True,
            help=(
                "No stopwatch decides anything, and only operations that repeat bit for bit are"
                " used."
            ),
        ),
        device_option("auto"),
    ]

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def take_budget(options: dict[str, Any]) -> dict[str, Any]:
    """Take the budget out of a command's keyword arguments: steps, epochs and minutes, of which one
    at most is not None."""
    budget = {key: options.pop(key) for key in BUDGETS}
    if sum(value is not None for value in budget.values()) > 1:
        raise click.UsageError("give one budget only: --steps, --epochs or --minutes")
    return budget


def train_config(budget: dict[str, Any], options: dict[str, Any], **more: Any) -> TrainConfig:
    """Take the training options out of a command's keyword arguments and make a TrainConfig of
    them."""
    if all(value is None for value in budget.values()):
        budget = budget | {"minutes": DEFAULT_MINUTES}
    names = [name for name in TrainConfig.__dataclass_fields__ if name in options]
    values = {name: options.pop(name) for name in names}
    try:
        return TrainConfig(**(budget | values | more))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def use_threads(options: dict[str, Any]) -> None:
    """Obey --threads from now on; the training itself does so too (see `train_config`)."""
    import torch

    if options["threads"]:
        torch.set_num_threads(options["threads"])


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """What run.json says of the command's options, by the names of its parameters: `options`, and
    what is not among them as it was given."""
    given = click.get_current_context().params
    return {
        name: _plain(options.get(name, value)) for name, value in given.items() if name not in FREE
    }


def resuming(out: Path, budget: dict[str, Any]) -> dict[str, Any]:
    """What may change in the run in `out`, as far as it was given now (see `TrainConfig.changed`).

    Raises click.UsageError if an option was given that says otherwise than the run began with,
    UserError if there is no run.
    """
    import torch

    from gocnn.training import RunFolder

    context = click.get_current_context()
    description = RunFolder.read_description(out)
    began, wishes = (
        part if isinstance(part, dict) else {}
        for part in (description.get("options"), description.get("wishes"))
    )
    given = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    for parameter in context.command.params:
        name = parameter.name or ""
        if (
            name in given
            and name not in FREE
            and (name not in began or began[name] != _plain(given[name]))
        ):
            option = parameter.opts[0]
            before = (
                f"began with {_shown(began[name])}"
                if began.get(name)
                else "began without it"
                if name in began
                else "does not say what it had"
            )
            raise click.UsageError(
                f"{option} cannot be {_shown(given[name])} in a resumed run: the run in {out}"
                f" {before}; leave it out, or start a new run"
            )
    fixed = isinstance(wishes.get("train"), dict) and wishes["train"].get("deterministic")
    if fixed and isinstance(description.get("threads"), int):
        if given.get("threads") not in (None, description["threads"]):
            raise click.UsageError(
                "--threads cannot change in a run with --deterministic: it began with"
                f" {description['threads']}; leave it out"
            )
        torch.set_num_threads(description["threads"])
    for name in ROUNDING if fixed else ():
        if name in given and wishes["train"].get(name) != given[name]:
            option = next(
                parameter.opts[0] for parameter in context.command.params if parameter.name == name
            )
            raise click.UsageError(
                f"{option} cannot change in a run with --deterministic: it began with"
                f" {_shown(wishes['train'].get(name))}; leave it out"
            )
    if fixed and budget["minutes"]:
        raise click.UsageError(
            "a run with --deterministic has its budget in --steps or --epochs; give one of them"
            " instead of --minutes"
        )
    batch = wishes["train"].get("batch") if isinstance(wishes.get("train"), dict) else None
    if isinstance(batch, int) and "accumulate" in given and batch % given["accumulate"]:
        raise click.UsageError(
            f"--accumulate {given['accumulate']} does not divide the run's batch of {batch}; give"
            " one that does"
        )
    return budget | {name: given[name] for name in (*MACHINE, *ROUNDING) if name in given}


def _plain(value: Any) -> Any:
    """The value as JSON has it."""
    return (
        [_plain(part) for part in value]
        if isinstance(value, tuple | list)
        else str(value)
        if isinstance(value, Path)
        else value
    )


def _shown(value: Any) -> str:
    """The value as a person would write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def show_outcome(outcome: "Outcome", command: str, out: Path, metrics: dict[str, str]) -> None:
    """Say how a run ended (`metrics`: name of each share in the figures, and what to call it); exit
    code 130 if it was interrupted."""
    if outcome.interrupted:
        if outcome.first:
            click.echo(
                f"stopped at step {outcome.steps}; go on with: {program.name()} {command}"
                f" --out {out} --resume",
                err=True,
            )
        raise SystemExit(130)
    best = outcome.best
    if not outcome.first:
        return
    rate = outcome.samples / max(outcome.seconds, 1e-9)
    speed = f"{rate:.0f} samples/s, waited for data {outcome.waited:.1%}"
    click.echo(
        f"{outcome.steps} steps, {outcome.samples} samples in {outcome.seconds / 60:.1f} min"
        f" ({speed})"
    )
    shares = ", ".join(f"{name} {best[key]:.2%}" for key, name in metrics.items())
    click.echo(
        f"best: {shares}, loss {best['loss']:.4f} at {best['samples']} samples:"
        f" {out}/best.safetensors"
    )
