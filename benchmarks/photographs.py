"""Training images a second with the same network: img-train's way against a plain loop over
per-image Pillow in DataLoader workers.

    python benchmarks/photographs.py [PHOTOGRAPHS] [--model resnet] [--stem-stride 2] [--seconds 30]

Three ways, alternating in one run: `notebook`, the loop of a HW03 notebook (float32, workers decode
and transform each picture); `notebook, tuned`, the same loop with the precision and the memory
layout that img-train uses; `img-train`, the trainer as it is, with its validation and its
checkpoint. AdamW in all of them.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from gocnn import devices
from gocnn.training import (
    ModelProvenance,
    RunFolder,
    RunOutput,
    Runtime,
    TaskData,
    TrainConfig,
    Trainer,
)
from gocnn.training.precision import PrecisionName, autocast, choose_precision
from imagecls.augment import RECIPES, Augmenter
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.task import ImageTask
from imagecls.photos.collection import open_collection
from imagecls.photos.data import PhotoBatches, PhotoSource, Split, Splits, load_splits
from imagecls.photos.layout import TRAIN, WHOLE
from imagecls.photos.store import ImageStore
from perimage import PerImage, loader
from scripts import run_script

ROUNDS = 3


def plain(
    config: ClassifierConfig,
    batches: "torch.utils.data.DataLoader[tuple[torch.Tensor, int]]",
    device: torch.device,
    precision: PrecisionName,
    tuned: bool,
    seconds: float,
) -> float:
    """Pictures a second of the notebook's loop."""
    model = build(config).to(device)
    layout = torch.channels_last if tuned else torch.contiguous_format
    model = devices.placed(model, memory_format=layout).train()
    optimiser = torch.optim.AdamW(model.parameters(), 3e-4)
    count, began = 0, 0.0
    while True:
        for x, y in batches:
            with autocast(device, precision if tuned else "fp32"):
                loss = functional.cross_entropy(
                    model(x.to(device, memory_format=layout)).float(), y.to(device)
                )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if not began:  # the first batch warms up
                began = time.perf_counter()
                continue
            count += len(y)
            if time.perf_counter() - began > seconds:
                return count / (time.perf_counter() - began)


def ours(
    config: ClassifierConfig,
    parts: Splits,
    device: torch.device,
    precision: PrecisionName,
    batch: int,
    seconds: float,
) -> float:
    """Pictures a second of the trainer, validation and checkpoint included."""
    with tempfile.TemporaryDirectory() as folder:
        run = RunFolder(Path(folder) / "run", False, {})
        train = TrainConfig(
            minutes=seconds / 60,
            batch=batch,
            optimiser="adamw",
            learning_rate=3e-4,
            ema=0.998,
            precision=precision,
            validations=1,
        )
        augment = Augmenter(RECIPES["lecture"], config.size, config.mean, config.std)
        valid = PhotoBatches(parts.valid.take(np.arange(min(len(parts.valid), 256))))
        trainer = Trainer(
            build(config),
            TaskData(ImageTask(augment, augment), PhotoSource(parts.train, batch), valid),
            train,
            RunOutput(run, ModelProvenance("image-classifier", asdict(config), "")),
            Runtime(device, quiet=True),
        )
        outcome = trainer.fit()
        run.close()
        return outcome.samples / outcome.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "photographs", nargs="?", default=str(Path(__file__).parents[1] / "data" / "images")
    )
    parser.add_argument("--model", default="resnet")
    parser.add_argument("--stem-stride", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each way in each round")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = devices.resolve(options.device)
    precision = choose_precision(device)
    photos = open_collection(options.photographs).part(TRAIN, WHOLE)
    dataset = PerImage([Path(p.source) / p.name for p in photos], [p.label for p in photos], 128)
    batches = loader(dataset, options.batch, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        parts = load_splits(
            options.photographs, Split(), ImageStore(160, cache=Path(folder)), quiet=True
        )
        config = ClassifierConfig(options.model, parts.classes, stem_stride=options.stem_stride)
        print(
            f"{len(parts.train)} photographs, {options.model}, 128x128, batch {options.batch},"
            f" {device}, {os.cpu_count()} cores, {precision}"
        )
        rows = []
        for _ in range(ROUNDS):
            a = plain(config, batches, device, precision, False, options.seconds)
            b = plain(config, batches, device, precision, True, options.seconds)
            c = ours(config, parts, device, precision, options.batch, options.seconds)
            rows.append((a, b, c))
            print(line(a, b, c), flush=True)
        print("median: " + line(*(statistics.median(r[i] for r in rows) for i in range(3))))


def line(notebook: float, tuned: float, trainer: float) -> str:
    """One round's figures."""
    rates = f"notebook {notebook:.1f}/s, notebook tuned {tuned:.1f}/s, img-train {trainer:.1f}/s"
    return f"{rates}: ratios {trainer / notebook:.2f}, {trainer / tuned:.2f}"


if __name__ == "__main__":
    run_script(main)
