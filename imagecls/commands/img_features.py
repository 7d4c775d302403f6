"""img-features: what a layer makes of pictures, as numbers, as a picture, and as neighbours."""

import sys
from pathlib import Path
from typing import Any

import click

from gocnn.console.device_option import device_option
from gocnn.console.numbers import IntRange
from gocnn.console.outputs import OutFile, Picture, unnamed
from gocnn.console.shared_options import choice_option, count_option, of_another
from gocnn.wording import counted
from imagecls.commands.guarding import keep
from imagecls.commands.learnt_note import tell_learnt
from imagecls.commands.options import (
    cache_option,
    labelling_options,
    part_option,
    take_labelling,
    tell_default,
    torch_model_option,
)


@click.command("img-features")
@click.argument("data")
@torch_model_option
@click.option(
    "--layer",
    default="top",
    show_default=True,
    metavar="NAME",
    help=(
        "Whose output: a layer's name, top (the last feature maps), or middle (half of the"
        " convolutions lie behind it)."
    ),
)
@click.option(
    "--out",
    type=OutFile(".npz"),
    help="Write features, labels, classes and files for NumPy (.npz).",
)
@click.option(
    "--picture",
    type=Picture(),
    help=(
        "Draw the pictures as points in the plane (.png, .jpg, .svg, .pdf), coloured by class, or"
        " by the model's answer where none has a class."
    ),
)
@choice_option(
    "--method",
    ["pca", "tsne"],
    "How features come into the plane; t-SNE needs scikit-learn.",
    default="pca",
)
@click.option(
    "--neighbours",
    metavar="PHOTO",
    type=click.Path(path_type=Path),
    help="List the pictures of DATA that are nearest to this one, and draw them.",
)
@count_option("--count", 1, 500, "How many neighbours.", default=11)
@click.option(
    "--sheet",
    type=Picture(),
    help=(
        "Contact sheet of the neighbours.  [default: neighbours.png, or neighbours-2.png and so on]"
    ),
)
@part_option
@labelling_options
@click.option(
    "--most",
    type=IntRange(3),
    default=5000,
    show_default=True,
    help="Points that are drawn; of more pictures so many, by --seed.",
)
@click.option("--seed", type=IntRange(0), default=1, show_default=True, help="Of t-SNE and --most.")
@cache_option
@device_option()
def command(
    *,
    data: str,
    model: str | None,
    layer: str,
    out: Path | None,
    picture: Path | None,
    method: str,
    neighbours: Path | None,
    count: int,
    sheet: Path | None,
    part: str | None,
    labels: tuple[str, ...],
    label_pattern: str | None,
    most: int,
    seed: int,
    cache: Path | None,
    device: str,
) -> None:
    """Compute what a layer of MODEL makes of each picture in DATA, one vector each: feature maps
    are averaged over their places. Classes are those of DATA, which may be others than the model's,
    or none."""
    if out is None and picture is None and neighbours is None:
        raise click.UsageError(
            "name what to make: --out FILE.npz, --picture FILE.png, or --neighbours PHOTO"
        )
    if sheet is not None and neighbours is None:
        raise click.UsageError("--sheet is of --neighbours PHOTO: give that too")
    of_another("--neighbours", neighbours is not None, "count")
    of_another("--picture", picture is not None, "method", "most", "seed")
    if neighbours is not None and sheet is None:
        sheet = unnamed("neighbours.png")
    also: list[str | Path] = [*labels, *([neighbours] if neighbours else [])]
    keep([data], [model], *also, out=out, picture=picture, sheet=sheet)
    labelling = take_labelling(labels, label_pattern)
    from gocnn import bars
    from imagecls.classifier import features
    from imagecls.classifier.runtime import open_in_torch
    from imagecls.photos.data import decoded
    from imagecls.photos.decode import decode_file
    from imagecls.photos.store import ImageStore

    if picture is not None:
        features.need_method(method)
    predictor = open_in_torch(model, device)
    chosen = features.layer_called(predictor, layer)
    size, fit = predictor.config.store_size, predictor.config.fit
    photo = None if neighbours is None else decode_file(neighbours, size, fit)
    classes, photos, notes = decoded(data, ImageStore(size, fit, cache), part, labelling=labelling)
    for note in notes:
        click.echo(f"note: {note}", err=True)
    with bars.bar(total=len(photos), unit=" pictures", disable=not sys.stderr.isatty()) as bar:
        found = features.of_photos(predictor, photos, classes, chosen, tick=bar.update)
    if model is None:
        tell_default(predictor)
    click.echo(
        f"{counted(len(photos), 'picture')}, {found.values.shape[1]} features each:"
        f" layer {chosen.title}, {chosen.reduction}"
    )
    agree = features.neighbours_agree(found.values, found.labels)
    if agree == agree:
        guess = features.chance_to_agree(found.labels)
        click.echo(
            f"nearest other picture is of the same class: {agree:.1%} (by chance: {guess:.1%})"
        )
    tell_learnt([predictor], photos)
    if out is not None:
        found.save(out, str(predictor.path))
        click.echo(f"features: {out}")
    if picture is not None:
        drawn = features.draw(found, method, picture, most=most, seed=seed)
        by = ", coloured by the model's answers" if found.by_answer else ""
        click.echo(f"{counted(drawn, 'picture')} by {features.METHODS[method]}{by}: {picture}")
    if photo is not None and sheet is not None and neighbours is not None:
        _neighbours(predictor, found, photos, photo, name=neighbours, count=count, sheet=sheet)


def _neighbours(
    predictor: Any, found: Any, photos: Any, photo: Any, *, name: Path, count: int, sheet: Path
) -> None:
    """List the nearest pictures and draw them, after the photograph itself."""
    from imagecls.classifier import features, pictures
    from imagecls.photos.files import told_apart

    files = told_apart(found.files)
    order, cosines = features.nearest_photos(predictor, found, photos, photo, count)

    def kind(i: int) -> str:
        return found.classes[found.labels[i]] if found.labels[i] >= 0 else "without a class"

    shown = photos.store.pixels(photos.rows[order])
    captions = [
        f"{cosine:.3f} {kind(i)}\n{files[i]}"
        for i, cosine in zip(order.tolist(), cosines.tolist(), strict=True)
    ]
    columns = min(6, len(order) + 1)
    title = (
        f"{name.name} and its nearest pictures: cosine of the features (1: the same), class, file"
    )
    own = [f"{name.name}\nthe picture itself", *captions]
    pictures.sheet([photo, *shown], own, columns, sheet, title=title)
    click.echo(f"nearest to {name} (cosine, class, file): {sheet}")
    for i, cosine in zip(order.tolist(), cosines.tolist(), strict=True):
        click.echo(f"{cosine:6.3f}  {kind(i)}  {found.files[i]}")
