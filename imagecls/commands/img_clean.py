"""img-clean: labels that are likely wrong."""

import json
from collections import Counter
from pathlib import Path

import click

from gocnn.console.device_option import device_option
from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.outputs import OutFile, Picture
from gocnn.console.shared_options import count_option, given, json_option, of_another
from gocnn.wording import counted
from imagecls.commands.guarding import keep
from imagecls.commands.options import (
    cache_option,
    ensemble_of,
    labelling_options,
    note,
    take_labelling,
    views_of,
)

MINUTES = 10.0
SHOWN = 10
"""Lines that are printed."""


@click.command("img-clean")
@click.argument("data")
@click.option(
    "--model",
    "models",
    multiple=True,
    help="A model file or run folder that judges; given several times, the models are averaged.",
)
@click.option(
    "--folds",
    type=IntRange(2, 20),
    help=(
        "Train so many small networks, each on all but one part of the pictures, which it then"
        " judges: so no picture is judged by a network that has learnt its label."
    ),
)
@click.option(
    "--minutes",
    type=FloatRange(0, min_open=True),
    help=f"With --folds: budget of all of them together.  [default: {MINUTES:g}]",
)
@click.option(
    "--epochs", type=FloatRange(0, min_open=True), help="With --folds: budget of each, instead."
)
@count_option("--size", 16, 512, "With --folds: pixels a side that they see.", default=64)
@click.option(
    "--part",
    type=click.Choice(["train", "valid", "test", "whole"]),
    help="Part of DATA that is listed.  [default: train, else what there is]",
)
@labelling_options
@views_of(4)
@click.option("--sheet", type=Picture(), help="Contact sheet of the likeliest, with both classes.")
@count_option("--count", 1, 500, "How many on the sheet.", default=40)
@click.option(
    "--csv",
    "table",
    type=OutFile(),
    help="List of all: file, given, likely, margin; for img-train --drop-listed or --relabel.",
)
@json_option
@cache_option
@device_option()
def command(
    *,
    data: str,
    models: tuple[str, ...],
    folds: int | None,
    minutes: float | None,
    epochs: float | None,
    size: int,
    part: str | None,
    labels: tuple[str, ...],
    label_pattern: str | None,
    tta: int,
    sheet: Path | None,
    count: int,
    table: Path | None,
    as_json: bool,
    cache: Path | None,
    device: str,
) -> None:
    """List the pictures of DATA whose labels are likely wrong, by confident learning: those that
    the network takes for another class, with the probability that it gives pictures of that class
    on average, or more.

    A network that has learnt from these very labels believes many of the wrong ones: --folds finds
    more. The data are not touched: look through the list, take out the lines that are no mistakes,
    and give it to img-train --drop-listed or --relabel.
    """
    of_another("--sheet", sheet is not None, "count")
    keep([data], models, *labels, csv=table, sheet=sheet)
    if models and folds:
        raise click.UsageError(
            "--model judges by a network that is there, and --folds trains networks for it: give"
            " one of the two"
        )
    if not models and not folds:
        raise click.UsageError(
            "say who judges: --model RUN, or --folds 4, which trains small networks for it"
        )
    of_folds = {
        "--minutes": minutes is not None,
        "--epochs": epochs is not None,
        "--size": given("size"),
    }
    for option, asked in of_folds.items():
        if models and asked:
            raise click.UsageError(f"{option} is of --folds: leave it out where --model judges")
    if minutes is not None and epochs is not None:
        raise click.UsageError("give --minutes or --epochs, not both")
    if folds and part == "test":
        raise click.UsageError("--folds judges training and validation pictures; leave --part out")
    from imagecls.classifier import cleaning
    from imagecls.photos import listed
    from imagecls.photos.collection import names_on_disk
    from imagecls.photos.csvtext import cautions

    labelling = take_labelling(labels, label_pattern)
    if folds:
        if epochs is None and minutes is None:
            minutes = MINUTES
        each = "epoch" if epochs == 1 else "epochs"
        budget = f"{minutes:g} min together" if minutes else f"{epochs:g} {each} each"
        _say(f"training {folds} networks at {size}x{size}, {budget}")
        everything = cleaning.judged_out_of_fold(
            data,
            folds,
            minutes=minutes,
            epochs=epochs,
            size=size,
            tta=tta,
            device=device,
            labelling=labelling,
            cache=cache,
            said=_say,
        )
        judged = everything.only(part, data, labelling)
        others = len(everything.photos) - len(judged.photos)
        if others and part is None:
            held = counted(others, "validation picture")
            _say(f"note: {held} {'was' if others == 1 else 'were'} judged too: see --part valid")
    else:
        ensemble = ensemble_of(models, device)
        judged = cleaning.judged_by(
            ensemble, data, part, labelling=labelling, tta=tta, cache=cache, said=_say, quiet=False
        )
    photos, classes = judged.photos, judged.classes
    found = cleaning.suspects(judged.probabilities, photos.labels)
    agreed = cleaning.agreement(judged.probabilities, photos.labels)
    doubt = cleaning.doubt(judged.probabilities, photos.labels, len(found))
    if doubt:
        _say(f"warning: {doubt}")
    names = names_on_disk([photos.photos[s.index] for s in found])
    rows = [
        (name, classes[s.given], classes[s.likely], s.margin)
        for name, s in zip(names, found, strict=True)
    ]
    if table is not None:
        listed.write(table, rows)
        for text in cautions(table, [*names, *classes]):
            note(text)
    if sheet is not None and not found:
        _say("note: no label is doubted, so no sheet was drawn")
    elif sheet is not None:
        from imagecls.classifier import pictures
        from imagecls.photos.files import told_apart

        shown = told_apart([photo.title for photo in photos.photos])
        pictures.sheet(
            list(photos.store.pixels(photos.rows[[s.index for s in found[:count]]])),
            [
                f"label {classes[s.given]} {judged.probabilities[s.index, s.given]:.0%}"
                f"\nrather {classes[s.likely]} {s.probability:.0%}"
                f"\n{shown[s.index]}"
                for s in found[:count]
            ],
            8,
            sheet,
            title=(
                f"{min(count, len(found))} of {len(found)} labels that are doubted, the likeliest"
                " wrong first, and how probable label and other class are"
            ),
        )
    if as_json:
        suspects = [dict(zip(listed.COLUMNS, row, strict=True)) for row in rows]
        facts = {"pictures": len(photos), "agreement": agreed, "warning": doubt or None}
        click.echo(json.dumps(facts | {"suspects": suspects}, indent=1))
        return
    click.echo(
        f"{len(found)} of {len(photos)} labels are doubted"
        f" ({len(found) / max(len(photos), 1):.1%}); the judge agrees with {agreed:.1%} of all"
    )
    kinds = Counter((label, likely) for _, label, likely, _ in rows)
    if kinds:
        most = ", ".join(f"{a} -> {b} {n}" for (a, b), n in kinds.most_common(5))
        click.echo(f"most often: {most}")
    for (name, label, likely, margin), suspect in zip(rows[:SHOWN], found, strict=False):
        click.echo(f"{name}: {label} -> {likely} {suspect.probability:.0%}, margin {margin:.2f}")
    if len(rows) > SHOWN and table is None:
        click.echo(f"... and {len(rows) - SHOWN} more: --csv FILE lists all of them")
    for what, target in {"list": table, "sheet": sheet}.items():
        if target is not None:
            click.echo(f"{what}: {target}")


def _say(text: str) -> None:
    click.echo(text, err=True)
