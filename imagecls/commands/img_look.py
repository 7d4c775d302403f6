"""img-look: what a training would learn from, without one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gocnn.console.numbers import IntRange
from gocnn.console.outputs import Picture
from gocnn.console.shared_options import count_option, json_option, of_another, together
from gocnn.wording import counted
from imagecls.commands.guarding import keep
from imagecls.commands.options import cache_option, labelling_options, take_labelling
from imagecls.commands.train_options import VALIDATION

if TYPE_CHECKING:
    from imagecls.photos.data import Splits

SIZE = 160
"""Pixels a side of the decoded pictures: as img-train has them by itself, which then need not
decode them again."""

MOST_ROWS = 100
"""Classes of a contact sheet."""


@click.command("img-look")
@click.argument("data")
@labelling_options
@together(*VALIDATION)
@click.option(
    "--picture", type=Picture(), help="Contact sheet: a row of training pictures of each class."
)
@count_option("--count", 1, 50, "How many of each class.", default=8)
@click.option("--seed", type=IntRange(0), default=1, show_default=True, help="Which ones.")
@json_option
@cache_option
def command(
    *,
    data: str,
    labels: tuple[str, ...],
    label_pattern: str | None,
    valid: tuple[str, ...],
    valid_share: float,
    picture: Path | None,
    count: int,
    seed: int,
    as_json: bool,
    cache: Path | None,
) -> None:
    """Look at the photographs of DATA before anything learns from them: their classes, how many
    train and validate, and what is unusual (broken pictures, copies, contradictions). They are read
    as img-train reads them."""
    of_another("--picture", picture is not None, "count", "seed")
    keep([data, *valid], (), *labels, picture=picture)
    from imagecls.photos import counts
    from imagecls.photos.data import Split, load_splits
    from imagecls.photos.store import ImageStore

    split = Split(valid, valid_share, labelling=take_labelling(labels, label_pattern))
    splits = load_splits(data, split, ImageStore(SIZE, "squash", cache))
    if picture is not None:
        drawn = _sheet(splits, picture, count, seed)
    if as_json:
        rows = [row._asdict() for row in counts.counts(splits)]
        found = {"classes": rows, "test": splits.tests, "notes": splits.notes}
        click.echo(json.dumps(found, indent=1))
        return
    for line in counts.lines(splits):
        click.echo(line)
    if not splits.notes:
        click.echo("nothing unusual: no broken picture, no copy, no contradiction")
    if splits.tests:
        click.echo(f"and {counted(splits.tests, 'test picture')}, for img-predict")
    if picture is not None:
        click.echo(f"{drawn}: {picture}")


def _sheet(splits: "Splits", target: Path, count: int, seed: int) -> str:
    """Draw it, and say of what."""
    import numpy as np

    from imagecls.classifier.pictures import sheet
    from imagecls.photos.files import told_apart

    train, rng = splits.train, np.random.default_rng(seed)
    found = np.unique(train.labels)[:MOST_ROWS]
    rows = [rng.permutation(np.flatnonzero(train.labels == label))[:count] for label in found]
    columns = max(map(len, rows))
    names = told_apart([photo.title for photo in train.photos])
    chosen = [i for row in rows for i in [*row.tolist(), *[None] * (columns - len(row))]]
    blank = np.full((3, SIZE, SIZE), 255, np.uint8)
    pictures = [blank if i is None else train.store.pixels(train.rows[[i]])[0] for i in chosen]
    captions = [
        "" if i is None else f"{splits.classes[train.labels[i]]}\n{names[i]}" for i in chosen
    ]
    of = counted(len(splits.classes), "class", "classes")
    shown = of if len(found) == len(splits.classes) else f"{len(found)} of {of}"
    title = f"training pictures of {shown}: class and file"
    sheet(pictures, captions, columns, target, title=title)
    return f"some of {'each class' if shown == of else shown}"
