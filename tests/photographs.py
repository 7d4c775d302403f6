"""Made-up photographs and a homework of them."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colourful(seed: int = 0, size: tuple[int, int] = (60, 40)) -> Image.Image:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def make_homework(folder: Path, per_class: int = 4, classes: int = 11) -> None:
    """The homework's layout, with its names."""
    for part, count in (("training", per_class), ("validation", 2)):
        (folder / part).mkdir(parents=True)
        for c in range(classes):
            for i in range(count):
                (folder / part / f"{c}_{i}.jpg").write_bytes(
                    encoded(colourful(1000 * c + 10 * i + (part == "training")), "JPEG")
                )
    (folder / "evaluation").mkdir()
    for i in range(5):
        (folder / "evaluation" / f"{i:04d}.jpg").write_bytes(encoded(colourful(77000 + i), "JPEG"))
