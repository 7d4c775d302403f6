"""img-explain: where a classifier looks, and what its layers see."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gocnn.console.device_option import device_option
from gocnn.console.outputs import Picture, unnamed
from gocnn.console.shared_options import choice_option, count_option, of_another
from imagecls.commands.guarding import keep
from imagecls.commands.options import model_option, tell_default

if TYPE_CHECKING:
    from imagecls.classifier.heatpicture import Scale


@click.command("img-explain")
@click.argument("image", type=click.Path(path_type=Path))
@model_option
@click.option(
    "--class", "wanted", metavar="NAME", help="Explain this class.  [default: the model's answer]"
)
@click.option(
    "--picture",
    type=Picture(),
    help=(
        "The photograph, and where the model looks (Grad-CAM) for the answer and the two next, on"
        " one scale.  "
        "[default: explained.png, or explained-2.png and so on, unless another picture is named]"
    ),
)
@choice_option(
    "--scale",
    ["probability", "logit", "own"],
    "What is bright in --picture: what a place adds to the class's logit, times the class's"
    " probability; without that; or as a share of the class's brightest place.",
    default="probability",
)
@click.option(
    "--look-layer",
    metavar="LAYER",
    help="The layer whose maps say where it looks; takes torch.  [default: the last ones]",
)
@click.option(
    "--filters", "filters_picture", type=Picture(), help="Draw the filters of the first layer."
)
@click.option("--maps", type=Picture(), help="Draw the feature maps of --layer.")
@click.option("--layer", help="Whose feature maps.  [default: the first layer's]")
@count_option("--most", 1, 512, "Feature maps drawn, the strongest first.", default=64)
@device_option()
def command(
    *,
    image: Path,
    model: str | None,
    wanted: str | None,
    picture: Path | None,
    scale: "Scale",
    look_layer: str | None,
    filters_picture: Path | None,
    maps: Path | None,
    layer: str | None,
    most: int,
    device: str,
) -> None:
    """Show where MODEL looks in IMAGE, laid over the photograph. With --filters and --maps also its
    first filters and the feature maps of a layer; these take torch, and no .onnx file has them."""
    of_another("--maps", maps is not None, "layer", "most")
    if picture is None and filters_picture is None and maps is None:
        picture = unnamed("explained.png")
    of_another("--picture", picture is not None, "scale", "look_layer")
    keep([image], [model], picture=picture, filters=filters_picture, maps=maps)
    from imagecls.classifier.heatpicture import draw_attention
    from imagecls.classifier.runtime import open_classifier, open_in_torch
    from imagecls.photos.classes import match
    from imagecls.photos.decode import decode_file

    inside = open_in_torch(model, device) if filters_picture or maps or look_layer else None
    predictor = open_classifier(model, device) if inside is None else inside
    classes = predictor.config.classes
    first = None if wanted is None else match([wanted], classes)[0]
    if wanted is not None and first is None:
        raise click.BadParameter(
            f"there is no class {wanted!r}; the classes are {', '.join(classes[:20])}",
            param_hint="--class",
        )
    pixels = decode_file(image, predictor.config.store_size, predictor.config.fit)
    probabilities = predictor.probabilities(pixels[None])[0]
    order = (-probabilities).argsort()
    shown = (
        [int(i) for i in order[:3]]
        if first is None
        else [first, *(int(i) for i in order if int(i) != first)][:3]
    )
    found = None
    if maps is not None and inside is not None:
        from imagecls.classifier import explain
        from imagecls.classifier.features import MIDDLE, TOP, layer_called

        name = layer or explain.layers(inside)[0]
        if name in (MIDDLE, TOP):  # as img-features has them
            name = layer_called(inside, name).name
        found = explain.feature_maps(inside, pixels, name)
    if model is None:
        tell_default(predictor)
    click.echo(f"{image}: {', '.join(f'{classes[i]} {probabilities[i]:.1%}' for i in order[:3])}")
    if picture is not None:
        if look_layer is None or inside is None:
            heats = predictor.attention(pixels, shown)
        else:
            from imagecls.classifier.explain import attention_at

            heats = attention_at(inside, pixels, shown, look_layer)
        draw_attention(
            pixels,
            heats,
            [classes[i] for i in shown],
            probabilities[shown].tolist(),
            picture,
            photo=image.name,
            layer=look_layer or "",
            scale=scale,
        )
        click.echo(f"where it looks: {picture}")
    if filters_picture is not None and inside is not None:
        from imagecls.classifier import explain, layerpictures

        first_layer, weights = explain.filters(inside)
        layerpictures.draw_filters(weights, first_layer, filters_picture)
        click.echo(
            f"{len(weights)} filters of the first layer, {first_layer},"
            f" {weights.shape[2]}x{weights.shape[3]}: {filters_picture}"
        )
    if maps is not None and found is not None:
        from imagecls.classifier import layerpictures

        drawn = layerpictures.draw_maps(found, pixels, name, maps, most=most, photo=image.name)
        more = ", the strongest (--most draws up to 512)" if drawn < len(found) else ""
        click.echo(
            f"{drawn} of {len(found)} feature maps of {name},"
            f" {found.shape[1]}x{found.shape[2]}{more}: {maps}"
        )
