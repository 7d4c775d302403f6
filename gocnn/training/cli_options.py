"""The options of training, the same for both heads: budget, optimiser, schedule, precision,
device."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from gocnn import program
from gocnn.console.device_option import device_option
from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.outputs import OutFolder
from gocnn.console.shared_options import of_another, together
from gocnn.training.config import (
    LEAST_RANGE_STEPS,
    CompileMode,
    Convolution,
    Optimiser,
    Precision,
    Schedule,
    TrainConfig,
)
from gocnn.training.names import CURVE, OF_A_RUN, TABLE
from gocnn.training.resuming import BUDGETS
from gocnn.wording import counted

if TYPE_CHECKING:
    from gocnn.training import Outcome

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_MINUTES = 30.0
RANGE_STEPS = 100
"""Steps of --find-rate where --steps says none."""

OPTIMISATION_OPTIONS = (
    "batch",
    "optimiser",
    "learning_rate",
    "find_rate",
    "weight_decay",
    "schedule",
    "warmup",
    "clip",
    "label_smoothing",
    "ema",
    "sam",
    "seed",
)
BUDGET_OPTIONS = ("steps", "epochs", "validations", "patience", "checkpoint_minutes")
MACHINE_OPTIONS = (
    "device",
    "precision",
    "accumulate",
    "convolution",
    "compile",
    "compile_mode",
    "pad_planes",
    "sync_norms",
    "feeders",
    "threads",
    "deterministic",
    "tensorboard",
    "quiet",
)
"""Options of training as `--help` groups them (`gocnn.console.grouped`); `minutes` is among a
command's main ones."""


run_folder_option = click.option(
    "--out",
    required=True,
    type=OutFolder(),
    help="Folder of the run: checkpoints, models, metrics, curves.",
)
resume_option = click.option(
    "--resume",
    is_flag=True,
    help=(
        "Go on with the run in --out, with the options it began with; a budget given now replaces"
        " its own."
    ),
)
quiet_option = click.option("--quiet", is_flag=True, help="No bars, no lines but the last.")
"""What a command that trains has besides `training_options`."""


def keep_models(called: str, names: Sequence[str], *folders: Path) -> None:
    """Raises click.BadParameter if a run that writes into `folders` would write over one of the
    models that it reads, files or runs by their `names`; `called`: what a sentence calls them."""
    written = [folder.resolve() for folder in folders]
    for name in names:
        path = Path(name)
        folder = path.parent if path.name in OF_A_RUN else path
        if path.exists() and folder.resolve() in written:
            raise click.BadParameter(
                f"the run would write over {called} {name}; choose another folder",
                param_hint="--out",
            )


@dataclass(frozen=True)
class ComputedDefault:
    """A default that the command chooses itself, by what it `said` in the help; the option is None
    where it is not given."""

    said: str


def training_options(**defaults: Any) -> Callable[[F], F]:
    """Options that become a TrainConfig (see `train_config`), with other defaults than
    TrainConfig's if given, or `ComputedDefault`."""

    def default(name: str) -> Any:
        return defaults.get(name, getattr(TrainConfig, name))

    def shown(name: str) -> dict[str, Any]:
        value = default(name)
        return (
            {"default": None, "show_default": value.said}
            if isinstance(value, ComputedDefault)
            else {"default": value, "show_default": True}
        )

    def option(name: str, kind: "click.ParamType[Any]", help: str) -> Callable[[F], F]:
        return click.option(f"--{name.replace('_', '-')}", type=kind, help=help, **shown(name))

    options = [
        click.option(
            "--steps",
            type=IntRange(1),
            help="Budget in optimiser steps (then a resumed run repeats bit for bit).",
        ),
        click.option(
            "--epochs",
            type=FloatRange(0, min_open=True),
            help="Budget in passes over the training samples.",
        ),
        click.option(
            "--minutes",
            type=FloatRange(0, min_open=True),
            help=f"Budget in time.  [default: {DEFAULT_MINUTES:g}]",
        ),
        click.option(
            "--batch",
            "--batch-size",
            "batch",
            type=IntRange(1),
            help="Samples a step, over all processes.",
            **shown("batch"),
        ),
        option("accumulate", IntRange(1), "Parts in which a batch is computed, to save memory."),
        option("optimiser", click.Choice(get_args(Optimiser)), "What changes the weights."),
        click.option(
            "--learning-rate",
            type=FloatRange(0, min_open=True),
            help="Highest rate.  [default: the optimiser's]",
        ),
        click.option(
            "--find-rate",
            is_flag=True,
            help=(
                "Only look for a learning rate: a range test of 100 steps (or --steps), whose curve"
                " is left in --out; nothing is trained."
            ),
        ),
        option(
            "weight_decay",
            FloatRange(0),
            "Decoupled weight decay; never on normalisations and biases.",
        ),
        option(
            "schedule",
            click.Choice(get_args(Schedule)),
            "How the learning rate falls over the budget, after --warmup.",
        ),
        option("warmup", FloatRange(0, 1), "Share of the budget in which the rate rises."),
        option("clip", FloatRange(0), "Largest norm of the gradient (0: none)."),
        click.option(
            "--label-smoothing",
            type=FloatRange(0, 0.9),
            is_flag=False,
            flag_value=0.1,
            help="Share of each label that is spread over all classes (without X: 0.1).",
            **shown("label_smoothing"),
        ),
        option("ema", FloatRange(0, 1, max_open=True), "Decay of the averaged weights (0: none)."),
        click.option(
            "--sam",
            type=FloatRange(0, 10),
            is_flag=False,
            flag_value=0.5,
            help="Radius of sharpness-aware minimisation (ASAM), which makes a step cost twice"
            " as much (0: none; without X: 0.5).",
            **shown("sam"),
        ),
        option(
            "precision",
            click.Choice(get_args(Precision)),
            "auto: what the device trains fastest in.",
        ),
        option(
            "convolution",
            click.Choice(get_args(Convolution)),
            "How 3x3 convolutions are computed on a CPU in fp32. auto: as is faster by a"
            " stopwatch, with --minutes of ten or more.",
        ),
        click.option(
            "--compile/--no-compile",
            help="Use torch.compile (needs a C++ compiler on CPUs).",
            **shown("compile"),
        ),
        option(
            "compile_mode",
            click.Choice(get_args(CompileMode)),
            "With --compile: how fast kernels are found; reduce-overhead means CUDA graphs.",
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
        option("validations", IntRange(1), "How many, evenly over the budget."),
        option(
            "patience",
            IntRange(0),
            "Stop after so many validations without a better one (0: never).",
        ),
        option("checkpoint_minutes", FloatRange(0), "Most that a kill loses."),
        click.option(
            "--feeders",
            type=IntRange(1),
            help="Threads that prepare samples.  [default: 1 on a CPU, what a GPU needs is found]",
        ),
        option(
            "seed",
            IntRange(0),
            "Of the first weights, the order of the samples and what is random in them.",
        ),
        click.option(
            "--threads",
            type=IntRange(1),
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
        click.option(
            "--tensorboard/--no-tensorboard",
            help="Write the reports into event files too, for TensorBoard (--out or above it).",
            **shown("tensorboard"),
        ),
        device_option("auto"),
    ]

    return together(*options)


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
    of_another("--compile", values["compile"], "compile_mode")
    try:
        return TrainConfig(**(budget | values | more))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def take_find_rate(
    options: dict[str, Any], budget: dict[str, Any], resume: bool
) -> tuple[int, dict[str, Any]]:
    """Take --find-rate out of a command's keyword arguments: the steps of the range test (0: none
    is asked for), and the budget as it is then. Raises click.UsageError for options that would mean
    nothing."""
    if not options.pop("find_rate"):
        return 0, budget
    if resume:
        raise click.UsageError("--find-rate begins anew: leave out --resume")
    for name in ("minutes", "epochs"):
        if budget[name] is not None:
            raise click.UsageError(f"--find-rate takes --steps, not --{name}: it trains nothing")
    if options["learning_rate"] is not None:
        raise click.UsageError(
            "--find-rate looks for the learning rate, over five powers of ten: leave out"
            " --learning-rate"
        )
    if options["tensorboard"]:
        raise click.UsageError(
            "--find-rate leaves a picture and a table, and no event files: leave out --tensorboard"
        )
    steps = budget["steps"] or RANGE_STEPS
    if steps < LEAST_RANGE_STEPS:
        raise click.UsageError(
            f"--find-rate finds nothing in {steps} step{'s' if steps > 1 else ''}: give --steps"
            f" {LEAST_RANGE_STEPS} or more, or leave --steps out for {RANGE_STEPS}"
        )
    return steps, budget | {"steps": steps}


def use_threads(options: dict[str, Any]) -> None:
    """Obey --threads from now on; the training itself does so too (see `train_config`)."""
    import torch

    if options["threads"]:
        torch.set_num_threads(options["threads"])


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
    if outcome.rates is not None:
        for line in outcome.rates.sentences():
            click.echo(line)
        click.echo(f"curve and numbers: {out / CURVE}, {out / TABLE}")
        return
    rate = outcome.samples / max(outcome.seconds, 1e-9)
    speed = f"{rate:.0f} samples/s, waited for data {outcome.waited:.1%}"
    click.echo(
        f"{counted(outcome.steps, 'step')}, {counted(outcome.samples, 'sample')} in"
        f" {outcome.seconds / 60:.1f} min ({speed})"
    )
    shares = ", ".join(f"{name} {best[key]:.2%}" for key, name in metrics.items())
    click.echo(
        f"best: {shares}, loss {best['loss']:.4f} at {best['samples']} samples:"
        f" {out}/best.safetensors"
    )
    if outcome.advice:
        click.echo(f"note: {outcome.advice}", err=True)
