"""go-export: a trained network for programs without torch."""

from pathlib import Path

import click

from gocnn.console.outputs import OutFile
from gocnn.console.shared_options import choice_option


@click.command("go-export")
@click.argument("model", metavar="RUN-OR-MODEL")
@click.option("--onnx", required=True, type=OutFile(), help="The file to write.")
@choice_option(
    "--precision",
    ["fp32", "fp16"],
    "fp16: weights in half precision (half the file), computed in float32.",
    default="fp32",
)
def command(model: str, onnx: Path, precision: str) -> None:
    """Write the policy network of RUN-OR-MODEL as ONNX, and check on sample positions that it
    answers as torch does.

    Every --model option takes the file: it runs by onnxruntime, without torch. The description in
    it says what the input planes are.
    """
    if onnx.suffix.lower() != ".onnx":
        raise click.BadParameter(f"{onnx} must end in .onnx", param_hint="--onnx")
    from gocnn.policy import export
    from gocnn.policy.model import load, named

    policy = load(named(model))
    difference = export.export(policy, onnx, precision)
    size = onnx.stat().st_size / 1e6
    click.echo(
        f"{onnx}: {size:.1f} MB, {precision}; largest difference of a log-probability from torch's:"
        f" {difference:.1e}"
    )
