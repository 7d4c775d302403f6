"""The pictures that the little classifier of station 5 has learnt from: the drawn ones of
data/images, and each of them pooled once, twice and three times in every way.

    python benchmarks/drawn.py FOLDER [--images data/images] [--side 80] [--times 3]

The networks of station 4 have learnt to play from pooled boards, and cannot; this one has learnt to
name dishes on pooled pictures. Pictures for validation stay as they are. docs/lecture.md says how
it is trained and measured.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from imagecls.photos.decode import decode
from imagecls.photos.shrinking import WAYS, Pixels, enlarged, pooled
from scripts import need_new, run_script


def copies(pixels: Pixels, times: int) -> Iterator[tuple[str, Pixels]]:
    """The picture and what pooling leaves of it, enlarged again, each with a name."""
    yield "whole", pixels
    for way in WAYS[1:]:
        for count, small in enumerate(pooled(pixels, way, times)[1:], 1):
            yield f"{way}-{count}", enlarged(small, pixels.shape[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, default=Path("data/images"))
    parser.add_argument("--side", type=int, default=80)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    need_new([options.folder])
    count = 0
    for file in sorted((options.images / "training").glob("*/*.jpg")):
        target = options.folder / "training" / file.parent.name
        target.mkdir(parents=True, exist_ok=True)
        pixels = decode(file.read_bytes(), options.side, "squash")
        for name, copy in copies(pixels, options.times):
            image = Image.fromarray(np.ascontiguousarray(copy.transpose(1, 2, 0)))
            image.save(target / f"{file.stem}-{name}.png")
            count += 1
    shutil.copytree(options.images / "validation", options.folder / "validation")
    print(f"{count} pictures to learn from in {options.folder}")


if __name__ == "__main__":
    run_script(main)
