"""img-export: a trained classifier for programs without torch."""

from pathlib import Path

import click

from gocnn.console.outputs import OutFile
from imagecls.commands.options import note, size_option


@click.command("img-export")
@click.argument("model", metavar="RUN-OR-MODEL")
@click.option("--onnx", required=True, type=OutFile(".onnx"), help="The file to write.")
@click.option("--halves", is_flag=True, help="Weights in half precision: half the file.")
@size_option
def command(*, model: str, onnx: Path, halves: bool, eval_size: int | None) -> None:
    """Write the classifier of RUN-OR-MODEL as ONNX, once it answers made-up pictures as torch does:
    in float32 to 1e-4.

    img-predict, img-eval and img-explain take the file as --model: it runs by onnxruntime, without
    torch. Its metadata say what the input is, the classes, and how pictures are made ready; beside
    the logits it answers the last feature maps and, for heads of linear layers on them, their
    weights for each class, from which Grad-CAM is drawn.
    """
    from imagecls.classifier import export
    from imagecls.classifier.runtime import open_in_torch

    predictor = open_in_torch(model)
    if eval_size is not None:
        predictor = predictor.at(eval_size)
    apart = export.export(predictor, onnx, "fp16" if halves else "fp32")
    heat = export.has_weights(predictor)
    click.echo(
        f"{onnx}: {onnx.stat().st_size / 1e6:.1f} MB, {'halves' if halves else 'float32'}; largest"
        f" difference of a probability{', or of a heat map,' if heat else ''} from torch's:"
        f" {apart:.1e}"
    )
    if not heat:
        note(
            f"{onnx} answers, but gives no heat maps (img-explain, Grad-CAM): the head of this"
            " network is not known to be linear layers on its last feature maps"
        )
