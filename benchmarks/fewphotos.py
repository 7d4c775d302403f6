"""What helps where photographs are few, at equal processor time: the recipe of --preset strong with
a small network, plain; with sharpness-aware minimisation (img-train --sam); and after pretraining
without labels on the same photographs (SimCLR; Chen et al. 2020, https://arxiv.org/abs/2002.05709).

    python benchmarks/fewphotos.py PHOTOGRAPHS --out FOLDER [--seconds 600] [--seed 1] WAY ...

WAY: plain; sam=RADIUS; simclr=SHARE, the share of the budget in which nothing knows a label.
Seconds are of one core, not of the clock, so that other work on the machine takes nothing from
anyone. Contrastive accuracy is how often the other view of a picture is the nearest of the batch.
"""

import argparse
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from core_seconds import by_options, count_core_seconds, figures, options, trained
from gocnn import modelfile
from gocnn.training import Batch, TrainConfig, schedule
from gocnn.training.batches import Prefetcher
from gocnn.training.stepping import Stepper
from imagecls.augment import RECIPES, Augmenter
from imagecls.classifier import KIND
from imagecls.classifier.models import build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.training import ClassifierRunConfig
from imagecls.photos.data import PhotoSource, load_splits
from imagecls.photos.store import ImageStore
from scripts import run_script

BATCH = 256
TEMPERATURE = 0.2
VIEWS = replace(
    RECIPES["strong"], auto="none", erase=0.0, mixup=0.0, cutmix=0.0, jitter=(0.4, 0.4, 0.4, 0.1)
)
"""Two crops of a picture that differ in colour: what SimCLR found to matter."""


class Projected(nn.Module):
    """A classifier's feature maps, averaged, and projected: unit vectors `(N, 128)`."""

    def __init__(self, classifier: Classifier, channels: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.projector = nn.Sequential(
            nn.Linear(channels, 256, bias=False),
            nn.BatchNorm1d(256),
            nn.ReLU(inplace=True),
            nn.Linear(256, 128),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        means = self.classifier.features(pictures).mean((2, 3))
        return functional.normalize(self.projector(means).float(), dim=1)


class Contrast:
    """Tell which two views are of one picture, among all views of a batch (NT-Xent)."""

    metric = "accuracy"

    def __init__(self, augment: Augmenter) -> None:
        self.augment = augment

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        pixels, labels = batch
        views = torch.cat([self.augment(pixels, labels).pictures for _ in range(2)])
        found = model(views)
        near = (found @ found.T / TEMPERATURE).fill_diagonal_(-torch.inf)
        n = len(pixels)
        other = torch.arange(2 * n).roll(n)
        return functional.cross_entropy(near, other), (near.argmax(1)[:n] == other[:n]).sum()

    def judge(self, model: nn.Module, batch: Batch) -> dict[str, Tensor]:
        raise NotImplementedError

    def summary(self, sums: dict[str, float]) -> dict[str, float]:
        raise NotImplementedError


def pretrain(config: ClassifierRunConfig, seconds: float, path: Path) -> tuple[int, float]:
    """Train for so many seconds without labels, write the classifier, its head untouched, to
    `path`; returns the samples and the contrastive accuracy of the last tenth."""
    store = ImageStore(config.network.store_size, config.network.fit, path.parent / "cache")
    splits = load_splits(config.data, config.split, store, jobs=1, quiet=True)
    network = replace(config.network, classes=splits.classes)
    torch.manual_seed(config.train.seed)
    classifier = build(network)
    train = TrainConfig(
        **{**asdict(config.train), "minutes": seconds / 60, "batch": BATCH, "weight_decay": 0.02}
    )
    model = Projected(classifier, network.widths[-1])
    contrast = Contrast(Augmenter(VIEWS, config.size, network.mean, network.std))
    stepper = Stepper(model, contrast, train, torch.device("cpu"))
    stepper.precision = "fp32"
    source = PhotoSource(splits.train, BATCH, train.seed)
    prefetcher = Prefetcher(source, 0, torch.device("cpu"))
    budget = schedule.Budget(train, source.batches_per_epoch, time.process_time)
    right = torch.zeros(2)
    try:
        while (done := budget.progress(stepper.number)) < 1.0:
            _, *figures = stepper.step(model, prefetcher, schedule.factor(train, done), done=done)
            right += torch.stack(figures) if done > 0.9 else 0.0
    finally:
        prefetcher.close()
    averaged = stepper.averaged
    assert isinstance(averaged, Projected)
    modelfile.save(path, KIND, asdict(network), {}, averaged.classifier.state_dict())
    return stepper.number * BATCH, float(right[0] / right[1])


def way(text: str) -> tuple[str, float]:
    """A WAY and its number. Raises argparse.ArgumentTypeError."""
    name, _, number = text.partition("=")
    most = {"plain": 0.0, "sam": 10.0, "simclr": 1.0}.get(name)
    try:
        value = float(number or 0)
    except ValueError:
        value = -1.0
    if most is None or not (value == 0 if most == 0 else 0 < value < most):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not plain, sam=RADIUS (below 10) or simclr=SHARE (between 0 and 1)"
        )
    return name, value


def main() -> None:
    parser = options(seconds=600)
    parser.add_argument("ways", nargs="+", type=way, metavar="WAY")
    arguments = parser.parse_args()
    count_core_seconds()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, value in arguments.ways:
        told = f"{name}={value:g}" if value else name
        share = value if name == "simclr" else 0.0
        config = by_options(
            arguments, seconds=arguments.seconds * (1 - share), sam=value if name == "sam" else 0.0
        )
        said: dict[str, object] = {"way": told, "seed": arguments.seed}
        if share:
            path = arguments.out / f"pretrained-{arguments.seed}.safetensors"
            unlabelled, right = pretrain(config, arguments.seconds * share, path)
            said |= {"without labels": unlabelled, "contrastive accuracy": round(right, 4)}
            config = replace(config, init_from=str(path))
        outcome, reports = trained(config, arguments.out / f"{told}-{arguments.seed}")
        print(json.dumps(said | figures(outcome, reports)), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run_script(main)
