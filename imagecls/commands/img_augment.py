"""img-augment: a contact sheet of what augmentation makes of a picture."""

from pathlib import Path
from typing import Any

import click

from gocnn.console.numbers import IntRange
from gocnn.console.outputs import Picture, keep_inputs, unnamed
from gocnn.console.shared_options import count_option, together
from gocnn.wording import counted
from imagecls.commands.options import RECIPE

COLUMNS, SIDE = 8, 150
"""Of the sheet; pixels a side of a view, at least."""


@click.command("img-augment")
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--picture",
    type=Picture(),
    help="The contact sheet.  [default: augmented.png, or augmented-2.png and so on]",
)
@together(*RECIPE)
@click.option("--size", type=IntRange(8, 1024), default=128, show_default=True)
@count_option("--count", 1, 400, "How many views, after the picture itself.", default=31)
@click.option("--seed", type=IntRange(0), default=1, show_default=True)
def command(
    *,
    image: Path,
    picture: Path | None,
    augment: str,
    size: int,
    count: int,
    seed: int,
    **options: Any,
) -> None:
    """Draw IMAGE and random augmented views of it, as training sees them (without mixing, which
    needs a second picture)."""
    picture = picture or unnamed("augmented.png")
    keep_inputs((image,), picture=picture)
    import torch

    from imagecls.augment import RECIPES, Augmenter, changed, described
    from imagecls.classifier.lettering import Letters
    from imagecls.classifier.pictures import sheet
    from imagecls.photos.decode import decode_file

    pixels = torch.from_numpy(decode_file(image, size * 5 // 4))
    torch.manual_seed(seed)
    recipe = changed(RECIPES[augment], mixup=0.0, cutmix=0.0, **options)
    augmenter = Augmenter(recipe, size, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    plain = augmenter.plain(pixels[None])
    views, draws = augmenter.drawn(pixels.expand(count, -1, -1, -1).contiguous())
    words = described(draws, recipe, size) or [["unchanged"]] * count
    everything = (torch.cat([plain, views]).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    side, letters = max(SIDE, size), Letters([])
    captions = ["\n".join([f"{i}", *letters.broken(said, side)]) for i, said in enumerate(words, 1)]
    own = [f"--{name} {value}" for name, value in options.items() if value is not None]
    sheet(
        list(everything),
        [f"{image.name}\nas it is", *captions],
        COLUMNS,
        picture,
        side=side,
        title=(
            f"{counted(count, 'random view')} by the recipe {' '.join([augment, *own])}, and what"
            " was done"
        ),
    )
    click.echo(f"{counted(count, 'view')} of {image}: {picture}")
