"""go-train: a policy network from games."""

from pathlib import Path
from typing import Any

import click

from gocnn.commands.options import filters, game_filter, importing
from gocnn.training.config import TrainConfig

DEFAULT_MINUTES = 30.0


@click.command("go-train")
@click.argument("games", nargs=-1)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run: checkpoints, models, metrics, curves.")
@click.option("--valid", multiple=True, metavar="GAMES", help="Games to validate on (also several times); without it some of GAMES are held back.")
@click.option("--valid-share", type=click.FloatRange(0.001, 0.5), default=0.02, show_default=True, help="Share of GAMES held back for validation.")
@click.option("--valid-positions", type=click.IntRange(100), default=4096, show_default=True, help="Positions in each validation.")
@click.option(
    "--preset",
    type=click.Choice(["tiny", "small", "base", "large"]),
    default="small",
    show_default=True,
    help="Size of the network: 4x32, 6x64, 10x128, 15x192 (blocks x channels).",
)
@click.option("--blocks", type=click.IntRange(1, 200), help="Residual blocks, instead of the preset's.")
@click.option("--channels", type=click.IntRange(1, 2048), help="Channels, instead of the preset's.")
@click.option("--context", type=click.Choice(["none", "se", "bias"]), help="What each block knows of the whole board, instead of the preset's.")
@click.option("--planes", metavar="GROUPS", help="Groups of feature planes, separated by commas, instead of all but handicap.")
@click.option("--steps", type=click.IntRange(1), help="Budget in optimiser steps (then a resumed run repeats bit for bit).")
@click.option("--epochs", type=click.FloatRange(0, min_open=True), help="Budget in passes over the positions.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help=f"Budget in time.  [default: {DEFAULT_MINUTES:g}]")
@click.option("--batch", type=click.IntRange(1), default=256, show_default=True, help="Samples a step, over all processes.")
@click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, help="Parts in which a batch is computed, to save memory.")
@click.option("--optimiser", type=click.Choice(["muon", "adamw", "sgd"]), default="muon", show_default=True)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Highest rate.  [default: the optimiser's]")
@click.option("--weight-decay", type=click.FloatRange(0), default=TrainConfig.weight_decay, show_default=True)
@click.option("--schedule", type=click.Choice(["cosine", "onecycle", "constant"]), default="cosine", show_default=True)
@click.option(
    "--warmup", type=click.FloatRange(0, 1), default=TrainConfig.warmup, show_default=True, help="Share of the budget in which the rate rises."
)
@click.option("--clip", type=click.FloatRange(0), default=TrainConfig.clip, show_default=True, help="Largest norm of the gradient (0: none).")
@click.option("--label-smoothing", type=click.FloatRange(0, 0.9), default=0.0, show_default=True)
@click.option(
    "--ema", type=click.FloatRange(0, 1, max_open=True), default=TrainConfig.ema, show_default=True, help="Decay of the averaged weights (0: none)."
)
@click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="auto", show_default=True, help="auto: what the device trains fastest in."
)
@click.option("--compile/--no-compile", default=False, help="Use torch.compile (needs a C++ compiler on CPUs).")
@click.option("--validations", type=click.IntRange(1), default=TrainConfig.validations, show_default=True, help="How many, evenly over the budget.")
@click.option(
    "--patience", type=click.IntRange(0), default=0, show_default=True, help="Stop after so many validations without a better one (0: never)."
)
@click.option("--checkpoint-minutes", type=click.FloatRange(0), default=TrainConfig.checkpoint_minutes, show_default=True)
@click.option("--feeders", type=click.IntRange(1), help="Threads that draw samples.  [default: 1 on a CPU, 8 for a GPU]")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Threads that compute on a CPU.  [default: the cores]")
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:N")
@click.option("--resume", is_flag=True, help="Go on with the run in --out, with the options it began with; a budget given now replaces its own.")
@click.option("--quiet", is_flag=True, help="No bars, no lines but the last.")
@filters
@importing
def command(games: tuple[str, ...], out: Path, resume: bool, device: str, jobs: int | None, max_unpacked: int, quiet: bool,
            threads: int | None, **options: Any) -> None:  # fmt: skip
    """Train a policy network on GAMES: stores (from go-import), SGF files, folders or archives.

    Raw games are imported once, into a cache. The run folder holds best.safetensors (by validation), last.safetensors, metrics.jsonl, curves.png
    and a checkpoint; Ctrl-C or a kill loses little: go on with --resume.
    """
    import torch

    from gocnn.policy import training

    _check_device(device)
    if threads:
        torch.set_num_threads(threads)
    budget = {key: options.pop(key) for key in ("steps", "epochs", "minutes")}
    if sum(value is not None for value in budget.values()) > 1:
        raise click.UsageError("give one budget only: --steps, --epochs or --minutes")
    if resume:
        wishes = training.resumed(out, games, budget)
    else:
        if not games:
            raise click.UsageError("name the games to train on: stores, SGF files, folders or archives")
        wishes = _wishes(games, budget, device, options)
    outcome = training.train(wishes, out, resume, device, jobs, max_unpacked, quiet, lambda text: click.echo(text, err=True))
    if outcome.interrupted:
        click.echo(f"stopped at step {outcome.steps}; go on with: cli.py go-train --out {out} --resume", err=True)
        raise SystemExit(130)
    best = outcome.best
    if not best:  # a process of torchrun other than the first
        return
    rate = outcome.samples / max(outcome.seconds, 1e-9)
    speed = f"{rate:.0f} samples/s, waited for data {outcome.waited:.1%}"
    click.echo(f"{outcome.steps} steps, {outcome.samples} samples in {outcome.seconds / 60:.1f} min ({speed})")
    click.echo(
        f"best: top-1 {best['top1']:.2%}, top-5 {best['top5']:.2%}, loss {best['loss']:.4f} at {best['samples']} samples: {out}/best.safetensors"
    )


def _check_device(device: str) -> None:
    if device not in ("auto", "cpu", "cuda") and not (device.startswith("cuda:") and device[5:].isdigit()):
        raise click.BadParameter(f"{device!r} is not a device; use auto, cpu, cuda or cuda:N", param_hint="--device")


def _wishes(games: tuple[str, ...], budget: dict[str, Any], device: str, options: dict[str, Any]) -> Any:
    from dataclasses import replace

    import torch

    from gocnn.board.planes import UnknownPlanes
    from gocnn.policy import network, training

    chosen = game_filter(options)
    config = network.preset(options.pop("preset"), options.pop("blocks"), options.pop("channels"))
    context, planes = options.pop("context"), options.pop("planes")
    if context:
        config = replace(config, context=context)
    if planes:
        try:
            config = replace(config, groups=tuple(name.strip() for name in planes.split(",")))
        except UnknownPlanes as error:
            raise click.BadParameter(str(error), param_hint="--planes") from error
    if all(value is None for value in budget.values()):
        budget["minutes"] = DEFAULT_MINUTES
    own = {key: options.pop(key) for key in ("valid", "valid_share", "valid_positions")}
    if options["feeders"] is None:
        options["feeders"] = 8 if device.startswith("cuda") or (device == "auto" and torch.cuda.is_available()) else 1
    try:
        config_of_run = TrainConfig(**budget, **options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return training.Wishes(games, own["valid"], own["valid_share"], own["valid_positions"], chosen, config, config_of_run)
