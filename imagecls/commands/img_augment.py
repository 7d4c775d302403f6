"""img-augment: a contact sheet of what augmentation makes of a picture."""

from pathlib import Path
from typing import Any

import click

from gocnn.console.outputs import Picture, keep_inputs
from gocnn.console.shared_options import count_option, together
from imagecls.commands.options import RECIPE


@click.command("img-augment")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--picture", type=Picture(), default=Path("augmented.png"), show_default=True)
@together(*RECIPE)
@click.option("--size", type=click.IntRange(8, 1024), default=128, show_default=True)
@count_option("--count", 1, 400, "How many views, after the picture itself.", default=31)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
def command(
    image: Path, picture: Path, augment: str, size: int, count: int, seed: int, **options: Any
) -> None:
    """Draw IMAGE and random augmented views of it, as training sees them (without mixing, which
    needs a second picture)."""
    keep_inputs((image,), picture=picture)
    import torch

    from imagecls.augment import RECIPES, Augmenter, changed
    from imagecls.classifier.pictures import sheet
    from imagecls.photos.decode import decode_file

    pixels = torch.from_numpy(decode_file(image, size * 5 // 4))
    torch.manual_seed(seed)
    augmenter = Augmenter(
        changed(RECIPES[augment], mixup=0.0, cutmix=0.0, **options),
        size,
        (0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0),
    )
    plain = augmenter.plain(pixels[None])
    views = augmenter(
        pixels.expand(count, -1, -1, -1).contiguous(), torch.zeros(count, dtype=torch.long)
    ).pictures
    everything = (torch.cat([plain, views]).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    sheet(
        list(everything),
        ["as it is", *(f"{augment} {i + 1}" for i in range(count))],
        8,
        picture,
        max(96, size),
    )
    click.echo(f"{count} views of {image}: {picture}")
