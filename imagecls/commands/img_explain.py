"""img-explain: where a classifier looks, and what its layers see."""

from pathlib import Path

import click

from gocnn.console.device_option import device_option
from gocnn.console.outputs import Picture, keep_inputs
from gocnn.files import check_writable


@click.command("img-explain")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="A model file, or the folder of a training run.")
@click.option(
    "--class", "wanted", metavar="NAME", help="Explain this class.  [default: the model's answer]"
)
@click.option(
    "--picture",
    type=Picture(),
    help=(
        "The photograph, and where the model looks (Grad-CAM) for the answer and the two next.  "
        "[default: explained.png, unless another picture is asked for]"
    ),
)
@click.option(
    "--look-layer",
    metavar="LAYER",
    help="The layer whose maps say where it looks.  [default: the last ones]",
)
@click.option(
    "--filters", "filters_picture", type=Picture(), help="Draw the filters of the first layer."
)
@click.option("--maps", type=Picture(), help="Draw the feature maps of --layer.")
@click.option("--layer", help="Whose feature maps.  [default: the first layer's]")
@click.option(
    "--most", type=click.IntRange(1), default=64, show_default=True, help="Feature maps drawn."
)
@device_option()
def command(
    image: Path,
    model: str,
    wanted: str | None,
    picture: Path | None,
    look_layer: str | None,
    filters_picture: Path | None,
    maps: Path | None,
    layer: str | None,
    most: int,
    device: str,
) -> None:
    """Show where MODEL looks in IMAGE, laid over the photograph; and on wish its first filters and
    the feature maps of a layer."""
    if picture is None and filters_picture is None and maps is None:
        picture = Path("explained.png")
        check_writable(picture)
    keep_inputs((image,), picture=picture, filters=filters_picture, maps=maps)
    from gocnn.devices import resolve
    from imagecls.classifier import explain, pictures
    from imagecls.classifier.model import load
    from imagecls.photos.decode import decode_file

    predictor = load(model, str(resolve(device)))
    classes = predictor.config.classes
    if wanted is not None and wanted not in classes:
        raise click.BadParameter(
            f"there is no class {wanted!r}; the classes are {', '.join(classes[:20])}",
            param_hint="--class",
        )
    pixels = decode_file(image, predictor.config.store_size, predictor.config.fit)
    first = None if wanted is None else classes.index(wanted)
    probabilities = predictor.probabilities(pixels[None])[0]
    order = (-probabilities).argsort()
    shown = (
        [int(i) for i in order[:3]]
        if first is None
        else [first, *(int(i) for i in order if int(i) != first)][:3]
    )
    name = layer or explain.layers(predictor)[0]
    found = None if maps is None else explain.feature_maps(predictor, pixels, name)
    click.echo(f"{image}: {', '.join(f'{classes[i]} {probabilities[i]:.1%}' for i in order[:3])}")
    if picture is not None:
        panels, captions = [pixels], [image.name]
        for label in shown:
            heat = explain.grad_cam(predictor, pixels, label, look_layer)[0]
            panels.append(pictures.overlay(pixels, heat))
            captions.append(f"{classes[label]} {probabilities[label]:.1%}")
        pictures.sheet(panels, captions, len(panels), picture, 256)
        click.echo(f"where it looks: {picture}")
    if filters_picture is not None:
        pictures.tiles(explain.filters(predictor), filters_picture)
        click.echo(f"the filters of the first layer: {filters_picture}")
    if maps is not None and found is not None:
        low, high = found.min((1, 2), keepdims=True), found.max((1, 2), keepdims=True)
        scale = max(1, 96 // found.shape[1])
        pictures.tiles(((found - low) / (high - low + 1e-12))[:most], maps, 8, scale)
        click.echo(
            f"{min(most, len(found))} of {len(found)} feature maps of {name},"
            f" {found.shape[1]}x{found.shape[2]}: {maps}"
        )
