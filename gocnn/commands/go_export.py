"""go-export: a trained network for programs without torch."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gocnn.console.outputs import OutFile
from gocnn.console.shared_options import choice_option

if TYPE_CHECKING:
    from gocnn.policy.samples import Games

ASKED = 128
"""Positions by which it is told how a file in eight bits answers."""


@click.command("go-export")
@click.argument("model", metavar="RUN-OR-MODEL")
@click.option("--onnx", required=True, type=OutFile(), help="The file to write.")
@choice_option(
    "--precision",
    ["fp32", "fp16", "int8"],
    "fp16: weights in half precision (half the file), computed in float32. int8: most of the"
    " arithmetic in integers, two to three times as fast on a CPU, nearly as right; needs --games.",
    default="fp32",
)
@click.option(
    "--games",
    multiple=True,
    help=(
        "With int8: games (a store, records, a folder or an archive) by whose positions the ranges"
        " of its numbers are chosen; a few whole ones are enough."
    ),
)
def command(model: str, onnx: Path, precision: str, games: tuple[str, ...]) -> None:
    """Write the policy network of RUN-OR-MODEL as ONNX, and check on sample positions that it
    answers as torch does.

    Every --model option takes the file: it runs by onnxruntime, without torch. The description in
    it says what the input planes are.
    """
    if onnx.suffix.lower() != ".onnx":
        raise click.BadParameter(f"{onnx} must end in .onnx", param_hint="--onnx")
    if (precision == "int8") != bool(games):
        raise click.UsageError(
            "--precision int8 needs --games, by whose positions its numbers' ranges are chosen"
            if not games
            else "--games is for --precision int8; leave it out"
        )
    from gocnn.policy import export, quantizing, shipped
    from gocnn.policy.model import load, named
    from gocnn.policy.runtime import OnnxPolicy

    file = named(model)
    if model in shipped.NAMES and file.stem != model and precision != "int8":
        click.echo(
            f"note: {model} is {file.stem} in eight bits; what is written here is {file.stem}, in"
            f" {precision} (--precision int8 writes eight bits)",
            err=True,
        )
    policy = load(file)
    shown = _games(games) if games else None
    difference = export.export(policy, onnx, precision, games=shown)
    told = f"largest difference of a log-probability from torch's: {difference:.1e}"
    if shown is not None:
        planes = quantizing.of_games(shown, policy.plane_groups, ASKED, seed=2)
        beside = export.agreement(policy, OnnxPolicy(onnx), planes)
        told = (
            f"in {ASKED} positions of these games the first choice is torch's in"
            f" {beside.first:.0%}, and the divergence of the probabilities {beside.divergence:.3f}"
            " nats on average"
        )
    click.echo(f"{onnx}: {onnx.stat().st_size / 1e6:.1f} MB, {precision}; {told}")


def _games(sources: tuple[str, ...]) -> "Games":
    """The games of people in stores, records, folders or archives."""
    from gocnn.games.selection import GameFilter
    from gocnn.policy import data

    return data.select_games(data.open_stores(list(sources))[0], GameFilter()).games
