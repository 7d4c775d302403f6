"""How fast an image store is built, and what memory it takes, with very many pictures in many
classes: `python benchmarks/many_pictures.py --pictures 100000 --classes 200`.

The pictures are made for it: small JPEGs of a class's colours and shape with noise on them, all
different, in a folder a class whose names have spaces, in a scratch folder that is deleted. Three
figures: listing (files to classes), building (every picture read, decoded and written), and opening
again (every file read once more, and found by its content). Memory is the largest resident set of
the process over each part.
"""

import argparse
import platform
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from imagecls.photos.collection import open_collection
from imagecls.photos.layout import WHOLE
from imagecls.photos.store import ImageStore
from scripts import run_script

NAMES = ("plain", "fried egg", "crème brûlée", "寿司", "soup of the day")


def make(folder: Path, pictures: int, classes: int, side: int) -> int:
    """Write the pictures; returns their bytes."""
    size = 0
    for label in range(classes):
        place = folder / f"{NAMES[label % len(NAMES)]} {label:03d}"
        place.mkdir(parents=True)
        rng = np.random.default_rng(label)
        colours = rng.integers(0, 256, (2, 3))
        corners = rng.integers(0, side, (5, 2))
        for i in range(pictures // classes):
            noise = rng.integers(-30, 31, (side, side, 3))
            ground = Image.fromarray((colours[0] + noise).clip(0, 255).astype(np.uint8))
            moved = [tuple(c) for c in (corners + rng.integers(-6, 7, 2)).tolist()]
            ImageDraw.Draw(ground).polygon(moved, fill=tuple(colours[1].tolist()))
            target = place / f"{i:05d}.jpg"
            ground.save(target, quality=85)
            size += target.stat().st_size
    return size


def peak() -> float:
    """The largest resident set of this process so far, in MB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--side", type=int, default=48, help="Pixels a side of a picture.")
    parser.add_argument("--size", type=int, default=32, help="Pixels a side in the store.")
    parser.add_argument("--jobs", type=int, help="Threads that decode.")
    parser.add_argument("--folder", type=Path, help="Make them here, and keep them.")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="many-pictures-"))
    try:
        data = folder / "data"
        if not data.exists():
            begun = folder / "data.part"
            shutil.rmtree(begun, ignore_errors=True)  # of a run that was stopped in it
            size = make(begun, options.pictures, options.classes, options.side)
            begun.rename(data)
            print(f"made {options.pictures} pictures, {size / 1e6:.0f} MB")
        print(f"{platform.machine()}, Python {platform.python_version()}; before {peak():.0f} MB")
        began = time.perf_counter()
        photos = open_collection(data).part(WHOLE)
        took = time.perf_counter() - began
        print(f"listing: {len(photos)} pictures in {took:.1f} s, peak {peak():.0f} MB")
        store = ImageStore(options.size, cache=folder / "cache")
        for what in ("building", "opening again"):
            began = time.perf_counter()
            added = store.add(photos, options.jobs, quiet=True)
            took = time.perf_counter() - began
            print(
                f"{what}: {len(photos) / took:.0f} pictures/s ({added.decoded} decoded, {took:.1f}"
                f" s), {len(store)} rows, peak {peak():.0f} MB"
            )
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    run_script(main)
