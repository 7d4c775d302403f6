"""Images a second through decoding and augmentation: per-image Pillow in DataLoader workers,
against decode once and augment in batches.

    python benchmarks/augment.py [PHOTOGRAPHS] [--size 128] [--epochs 30] [--batch 64] [--device \
        cpu] [--seconds 5]

Same photographs, same operations (the lecture's recipe), same cores, in one run, in alternating
rounds. The Pillow way decodes in every epoch. The other way decodes once, into an empty store, and
that time is counted over the epochs. Training itself is left out on both sides. Batches are
augmented as training does on the device, and in a second row the other way: on a CPU as if nothing
might wait for it, elsewhere with the host looking at what was drawn.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import torch

from gocnn.training import Prefetcher
from imagecls.augment import RECIPES, Augmenter, Recipe
from imagecls.classifier.models import IMAGENET_MEAN, IMAGENET_STD
from imagecls.photos.collection import open_collection
from imagecls.photos.data import PhotoSource, Split, load_splits
from imagecls.photos.layout import TRAIN, WHOLE
from imagecls.photos.sets import PhotoSet
from imagecls.photos.store import ImageStore
from perimage import PerImage, loader
from scripts import run_script

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "photographs", nargs="?", default=str(Path(__file__).parents[1] / "data" / "images")
    )
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument(
        "--epochs", type=int, default=30, help="over which decoding once is counted"
    )
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement of batches")
    options = parser.parse_args()
    device, cores = torch.device(options.device), os.cpu_count() or 1
    photos = open_collection(options.photographs).part(TRAIN, WHOLE)
    files = [Path(p.source) / p.name for p in photos]
    print(
        f"{len(files)} photographs, {options.size}x{options.size}, batch {options.batch}, {cores}"
        f" cores, {device}, torch {torch.__version__}"
    )
    pillow = loader(PerImage(files, [p.label for p in photos], options.size), options.batch, cores)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        store = ImageStore(options.size * 5 // 4, cache=Path(folder))
        parts = load_splits(options.photographs, Split(), store, quiet=True)
        decoding = time.perf_counter() - began
        decoded = len(store)
        print(f"decode once: {decoded} pictures in {decoding:.1f} s, {decoded / decoding:.0f}/s")
        for recipe in ("lecture", "strong"):
            rows = []
            for _ in range(ROUNDS):
                theirs = pillow_rate(pillow) if recipe == "lecture" else None
                ours, other = (
                    batch_rate(parts.train, RECIPES[recipe], options, device, way)
                    for way in (None, device.type != "cpu")
                )
                counted = 1 / (1 / ours + decoding / decoded / options.epochs)
                rows.append((theirs, ours, counted))
                name = f"Pillow, one by one: {theirs:6.0f}/s   " if theirs else ""
                ratio = f"   ratio {counted / theirs:.1f}" if theirs else ""
                print(
                    f"{recipe}: {name}batches: {ours:6.0f}/s, with decoding over {options.epochs}"
                    f" epochs {counted:6.0f}/s{ratio}"
                )
                print(
                    f"{recipe},"
                    f" {'nothing waiting' if device.type == 'cpu' else 'the host looking'}:"
                    f" batches: {other:6.0f}/s"
                )


def pillow_rate(batches: "torch.utils.data.DataLoader[tuple[torch.Tensor, int]]") -> float:
    """Pictures a second over one epoch, after the workers have started."""
    iterator, count = iter(batches), 0
    next(iterator)
    began = time.perf_counter()
    for x, _ in iterator:
        count += len(x)
    return count / (time.perf_counter() - began)


def batch_rate(
    photos: PhotoSet,
    recipe: Recipe,
    options: argparse.Namespace,
    device: torch.device,
    hosted: bool | None,
) -> float:
    """Pictures a second through the prefetcher and the augmentation, over some seconds."""
    augment = Augmenter(recipe, options.size, IMAGENET_MEAN, IMAGENET_STD, hosted=hosted)
    prefetcher = Prefetcher(PhotoSource(photos, options.batch), 0, device)
    for _ in range(3):
        augment(*prefetcher.next())
    synchronise = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(
        device.type, lambda: None
    )
    synchronise()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < options.seconds:
        count += len(augment(*prefetcher.next()).pictures)
    synchronise()
    rate = count / (time.perf_counter() - began)
    prefetcher.close()
    return rate


if __name__ == "__main__":
    run_script(main)
