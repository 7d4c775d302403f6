"""img-augment: a contact sheet of what augmentation makes of a picture."""

from pathlib import Path
from typing import Any

import click

from gocnn.console.numbers import FloatRange
from gocnn.console.outputs import Picture, keep_inputs

COLUMNS, SIDE = 8, 150
"""Of the sheet; pixels a side of a view, at least."""


@click.command("img-augment")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--picture", type=Picture(), default=Path("augmented.png"), show_default=True)
@click.option(
    "--augment",
    type=click.Choice(["none", "lecture", "strong"]),
    default="lecture",
    show_default=True,
    help="Recipe of augmentation.",
)
@click.option(
    "--crop",
    type=FloatRange(0.05, 1),
    help="Smallest area of a random resized crop, instead of the recipe's (1: no crop).",
)
@click.option(
    "--shift",
    type=FloatRange(0, 0.5),
    help="Largest shift, as a share of the picture, instead of the recipe's (0: none).",
)
@click.option(
    "--scale",
    type=FloatRange(0, 0.9),
    help="Largest change of size, instead of the recipe's (0.2: 0.8 to 1.2 times).",
)
@click.option(
    "--auto",
    type=click.Choice(["none", "trivial", "rand"]),
    help="TrivialAugment or RandAugment, instead of the recipe's.",
)
@click.option(
    "--erase", type=FloatRange(0, 1), help="Probability of random erasing, instead of the recipe's."
)
@click.option("--size", type=click.IntRange(8, 1024), default=128, show_default=True)
@click.option(
    "--count",
    type=click.IntRange(1, 400),
    default=31,
    show_default=True,
    help="How many views, after the picture itself.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def command(
    image: Path, picture: Path, augment: str, size: int, count: int, seed: int, **options: Any
) -> None:
    """Draw IMAGE and random augmented views of it, as training sees them (without mixing, which
    needs a second picture)."""
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
        side,
        title=f"{count} random views by the recipe {' '.join([augment, *own])}, and what was done",
    )
    click.echo(f"{count} views of {image}: {picture}")
