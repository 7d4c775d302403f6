"""Checks of the classifiers: every network with every recipe, test-time augmentation, Grad-CAM, the
augmentation against the CPU's."""

import importlib.util
from pathlib import Path

import numpy as np
import torch

from gocnn import devices
from gocnn.training import TrainConfig
from gocnn.training.batches import Again
from gocnn.training.stepping import Stepper
from gpukit import go
from gpukit.check import Bench
from gpukit.check_steps import half, waits
from imagecls.augment import RECIPES, Augmenter
from imagecls.classifier import explain
from imagecls.classifier.model import Predictor
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.config import KINDS, Kind
from imagecls.classifier.task import ImageTask

CLASSES = tuple("abcde")


def classifier(kind: Kind) -> ClassifierConfig:
    """A small classifier of that kind."""
    widths = () if kind == "resnet101" else (16, 32, 64)
    return ClassifierConfig(
        kind,
        CLASSES,
        size=64,
        store_size=80,
        widths=widths,
        depths=(1, 1, 1, 1),
        base=8,
        dropout=0.1,
        context="se",
        backbone="test_resnet" if kind == "timm" else "",
    )


def task_of(config: ClassifierConfig, recipe: str) -> ImageTask:
    """The task of a classifier with a recipe; classes are weighed, labels smoothed."""
    train = Augmenter(
        RECIPES[recipe], config.size if config.model == "cnn" else 56, config.mean, config.std
    )
    return ImageTask(
        train,
        Augmenter(RECIPES[recipe], config.size, config.mean, config.std),
        0.1,
        class_weights=torch.ones(len(config.classes)),
    )


def photographs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of nothing in particular, uint8 `(N, 3, 80, 80)`, and labels."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(
        0, 256, (count, 3, 80, 80), dtype=torch.uint8, generator=generator
    ), torch.arange(count) % len(CLASSES)


def networks(bench: Bench) -> str:
    """Each network with each recipe trains, is judged, asked with test-time augmentation, and
    explained."""
    pixels, labels = photographs(4 if bench.tiny else 16)
    done, bad = 0, []
    here = [kind for kind in KINDS if kind != "timm" or importlib.util.find_spec("timm")]
    for kind in here:
        for recipe in ("strong",) if bench.tiny else RECIPES:
            try:
                _one(classifier(kind), recipe, pixels, labels, bench)
                done += 1
            except Exception as error:  # noqa: BLE001 - the others are tried all the same
                bad.append(f"{kind}/{recipe}: {error!r:.200}")
    if bad:
        raise AssertionError("; ".join(bad))
    return f"{done} of them" + (
        "" if len(here) == len(KINDS) else ", without timm's (no timm here)"
    )


def _one(
    config: ClassifierConfig, recipe: str, pixels: torch.Tensor, labels: torch.Tensor, bench: Bench
) -> None:
    device = bench.device
    net = devices.placed(build(config), device)
    task = task_of(config, recipe)
    stepper = Stepper(net, task, TrainConfig(steps=1, batch=len(labels)), device)
    stepper.precision = half(device)
    batch = go.on(device, (pixels, labels))
    feeding = Again(batch)
    sums = stepper.step(net, feeding, 1.0)
    if bench.cuda:  # elsewhere what is drawn on the CPU cannot be told from what waits for a device
        stepper.step(net, feeding, 1.0)
        bench.wait()
        with waits(device) as seen:
            sums = stepper.step(net, feeding, 1.0)
        if seen:
            raise AssertionError(f"waits for the device: {dict(seen)}")
    if not bool(sums.isfinite().all()):
        raise AssertionError("the loss is not finite")
    net.eval()
    judged = task.judge(net, batch)
    if int(judged["count"]) != len(labels) or not torch.isfinite(judged["loss"]):
        raise AssertionError(f"judged {judged}")
    predictor = Predictor(net, config, {}, Path("x"), device)
    told = predictor.probabilities(pixels.numpy(), 3 if bench.tiny else 12)
    if not np.allclose(told.sum(1), 1, atol=1e-4):
        raise AssertionError("probabilities do not add up to 1")
    heat, _ = explain.grad_cam(predictor, pixels[0].numpy())
    maps = explain.feature_maps(predictor, pixels[0].numpy(), explain.layers(predictor)[0])
    if not (np.isfinite(heat).all() and np.isfinite(maps).all()):
        raise AssertionError("Grad-CAM or feature maps are not finite")


def augmentation(bench: Bench) -> str:
    """What needs no dice is the same on the device as on the CPU: the plain view, and the answers
    of a network."""
    pixels, _ = photographs(8)
    config = classifier("resnet")
    torch.manual_seed(0)
    net = build(config).eval()
    cpu = Predictor(net, config, {}, Path("x"), torch.device("cpu"))
    view, told = cpu.view(pixels), cpu.probabilities(pixels.numpy(), 4)
    here = Predictor(devices.placed(net, bench.device), config, {}, Path("x"), bench.device)
    error = float((here.view(pixels).cpu() - view).abs().max())
    other = float(np.abs(here.probabilities(pixels.numpy(), 4) - told).max())
    if error > 1e-4 or other > 1e-2:
        raise AssertionError(f"the view differs by {error:.1e}, probabilities by {other:.1e}")
    return f"the view differs by {error:.1e}, probabilities by {other:.1e}"


CHECKS = (
    ("photographs: networks, recipes, views, Grad-CAM", networks),
    ("photographs: the same view and answers as on the CPU", augmentation),
)
