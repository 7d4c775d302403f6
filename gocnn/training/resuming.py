"""Resuming a run from the command line: which options may be given anew, and which must be what the
run began with."""

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

BUDGETS = ("steps", "epochs", "minutes")

MACHINE = ("feeders", "threads", "checkpoint_minutes", "tensorboard")
"""Settings of TrainConfig that change nothing of what is learnt, so that a resumed run may have
others."""

ROUNDING = ("precision", "convolution", "compile", "compile_mode", "pad_planes", "accumulate")
"""Settings of TrainConfig that the machine at hand asks for: another one may need others. They
change how sums are rounded, and accumulate over how many samples norms are taken; so in a run with
--deterministic they stay."""

FREE = {
    "out",
    "resume",
    "find_rate",
    "quiet",
    "games",
    "data",
    "valid",
    "labels",
    "teacher",
    "unlabelled",
    "drop_listed",
    "relabel",
    "jobs",
    "max_unpacked",
    "cache",
    "device",
    *BUDGETS,
    *MACHINE,
    *ROUNDING,
}
"""Parameters that may be given anew when a run is resumed; all others are what the run is."""


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """The command's options for run.json, by the names of its parameters: the values in `options`,
    which the command may have changed, else as they were given."""
    given = click.get_current_context().params
    return {
        name: _plain(options.get(name, value)) for name, value in given.items() if name not in FREE
    }


def resuming(out: Path, budget: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given now and may change in the run in `out`, with `budget` (see
    `TrainConfig.changed`).

    Raises click.UsageError if another option was given with another value than the run began with,
    UserError if there is no run.
    """
    import torch

    from gocnn.training import RunFolder

    context = click.get_current_context()
    description = RunFolder.read_description(out)
    began, config = (
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
    fixed = isinstance(config.get("train"), dict) and config["train"].get("deterministic")
    if fixed and isinstance(description.get("threads"), int):
        if given.get("threads") not in (None, description["threads"]):
            raise click.UsageError(
                "--threads cannot change in a run with --deterministic: it began with"
                f" {description['threads']}; leave it out"
            )
        torch.set_num_threads(description["threads"])
    for name in ROUNDING if fixed else ():
        if name in given and config["train"].get(name) != given[name]:
            option = next(
                parameter.opts[0] for parameter in context.command.params if parameter.name == name
            )
            raise click.UsageError(
                f"{option} cannot change in a run with --deterministic: it began with"
                f" {_shown(config['train'].get(name))}; leave it out"
            )
    if fixed and budget["minutes"]:
        raise click.UsageError(
            "a run with --deterministic has its budget in --steps or --epochs; give one of them"
            " instead of --minutes"
        )
    batch = config["train"].get("batch") if isinstance(config.get("train"), dict) else None
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
    if not isinstance(value, tuple | list):
        return str(value)
    if value and all(isinstance(part, tuple | list) for part in value):  # parts and their factors
        return ",".join(f"{str(part).removesuffix('.')}={factor}" for part, factor in value)
    return ",".join(map(str, value))
