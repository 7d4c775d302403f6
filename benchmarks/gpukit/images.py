"""The classifier: from scratch on a packed set of photographs, resnet101 against torchvision's own,
and augmentation.

    gpu.py images --pack FOLDER --out food.zip --size 25      every photograph at 160 pixels a side,
                                                              in one zip that fits
    gpu.py images food.zip --minutes 4 --device cuda          trains, then measures; the figures are
                                                              in OUT/images.json

Training is img-train's `--preset strong`; the run is in OUT/photographs, and goes on with --resume.
torchvision is compared where it is installed.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from gocnn import devices
from gocnn.errors import UserError
from gocnn.statistics import wilson
from gocnn.training import memory
from gocnn.training.precision import autocast
from gocnn.training.run import read_reports
from gpukit import common, facts
from gpukit.check_steps import half
from gpukit.timing import wait
from imagecls.augment import RECIPES, Augmenter
from imagecls.classifier import model as trained
from imagecls.classifier.models.resnet101 import ResNet101
from imagecls.photos.data import Split, load_splits
from imagecls.photos.decode import FITS
from imagecls.photos.store import ImageStore

RATE = 0.004
"""Muon's rate that did best with the strong recipe (docs/benchmarks.md)."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(parser=parser)
    parser.add_argument(
        "photographs",
        nargs="?",
        help="a packed set, or any place that img-train reads (default: data/images)",
    )
    common.add_device(parser)
    parser.add_argument(
        "--pack",
        metavar="FOLDER",
        help="pack these photographs into the file --out, and do nothing else",
    )
    parser.add_argument(
        "--size",
        type=common.above_zero,
        default=25.0,
        metavar="MB",
        help="of the packed file, at most (default: 25)",
    )
    parser.add_argument(
        "--pixels", type=int, default=160, help="a side of the packed pictures (default: 160)"
    )
    parser.add_argument(
        "--fit", choices=FITS, default="squash", help="how pictures become square (default: squash)"
    )
    parser.add_argument(
        "--format",
        choices=["jpeg", "webp"],
        default="jpeg",
        help="of the packed pictures (default: jpeg)",
    )
    parser.add_argument(
        "--minutes", type=float, default=4.0, help="of training (default: 4; 0: none)"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run that is in OUT, to the minutes given now",
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=0,
        help="pictures a step in training (default: 128, as the recipe has it)",
    )
    parser.add_argument("--tiny", action="store_true", help="everything as small as it can be")


def run(options: argparse.Namespace) -> int:
    if options.pack:
        return _pack(options)
    device = common.device(options)
    out = common.folder(options)
    common.prove_writable(out)
    if options.tiny:
        torch.set_num_threads(1)
    source = options.photographs or str(common.IMAGES)
    figures: dict[str, Any] = (common.read_json(out / "images.json") or {}) | {
        "machine": facts.machine(device),
        "photographs": Path(source).name,
    }

    def keep(name: str, value: Any) -> None:
        figures[name] = value
        common.write_json(out / "images.json", figures)

    if options.minutes > 0:
        keep("training", train(options, source, out, device))
    keep("resnet101", against_torchvision(device, options.tiny))
    keep("augmentation", augmentation(device, options.tiny))
    print(f"figures: {out / 'images.json'}")
    return 0


def _pack(options: argparse.Namespace) -> int:
    if options.photographs or options.out == common.OUT:
        options.parser.error("--pack FOLDER wants the file to write: --out FILE")
    if not 32 <= options.pixels <= 1024:
        options.parser.error(f"--pixels {options.pixels} is not from 32 to 1024")
    from gpukit import packing

    if options.out.is_dir():
        raise UserError(
            f"--out {options.out} is a folder; name the file to write, such as"
            f" {options.out / 'photographs.zip'}"
        )
    began = time.perf_counter()
    packed = packing.pack(
        options.pack, options.out, options.size, options.pixels, options.fit, options.format
    )
    for note in packed.notes:
        print(f"note: {note}")
    counts = ", ".join(f"{count} {part}" for part, count in packed.pictures.items())
    print(
        f"{options.out}: {counts}, {packed.classes} classes, {options.pixels} pixels a side,"
        f" quality {packed.quality}, {packed.size / 1e6:.1f} MB,"
        f" {time.perf_counter() - began:.0f} s"
    )
    return 0


def train(
    options: argparse.Namespace, source: str, out: Path, device: torch.device
) -> dict[str, Any]:
    """Train the strong recipe for the minutes there are; accuracy on the validation photographs,
    with one view and with eight."""
    folder = out / "photographs"
    arguments = [
        source,
        "--out",
        str(folder),
        "--device",
        str(device),
        "--minutes",
        f"{options.minutes:g}",
    ]
    if options.resume:
        arguments.append("--resume")
    else:
        small = (
            ["--widths", "8,16", "--size", "32", "--valid-share", "0.2", "--batch", "16"]
            if options.tiny
            else []
        )
        arguments += [
            "--preset",
            "strong",
            "--learning-rate",
            f"{RATE:g}",
            "--validations",
            "2" if options.tiny else "12",
            "--ema",
            "0.999",
            *small,
        ]
        arguments += ["--batch", str(options.batch)] if options.batch else []
    command("img-train", *arguments)
    predictor = trained.load(folder, str(device))
    parts = load_splits(
        source,
        Split(valid_share=0.2 if options.tiny else 0.15),
        ImageStore(predictor.config.store_size, predictor.config.fit),
        quiet=True,
    )
    labels = parts.valid.labels
    figures: dict[str, float | list[float]] = {}
    for views in (1, 8):
        told = np.concatenate(
            [
                predictor.probabilities(
                    parts.valid.store.pixels(parts.valid.rows[i : i + 256]), views
                )
                for i in range(0, len(labels), 256)
            ]
        )
        right = int((told.argmax(1) == labels).sum())
        figures[f"accuracy_{views}"], figures[f"interval_{views}"] = (
            right / len(labels),
            list(wilson(right, len(labels))),
        )
    provenance = predictor.provenance
    reports = [line for line in read_reports(folder) if line["kind"] == "train"]
    last = reports[-1] if reports else {}
    print(
        f"{len(labels)} validation photographs: {figures['accuracy_1']:.1%}, with eight views"
        f" {figures['accuracy_8']:.1%}",
        flush=True,
    )
    return {
        **figures,
        "pictures": len(parts.train),
        "validation": len(labels),
        "classes": len(parts.classes),
        "minutes": options.minutes,
        "samples": last.get("samples", 0),
        "samples_per_second": last.get("samples_per_second", 0.0),
        "share_waited": last.get("share_waited"),
        "precision": provenance.get("precision"),
    }


def command(*arguments: str) -> None:
    """One of the project's own commands, in this process. Raises UserError for what it refuses, or
    Ended where it has said so itself."""
    import click

    from gocnn.commands import main

    try:
        code = main(list(arguments), standalone_mode=False)
    except click.ClickException as error:
        raise UserError(error.format_message()) from error
    if isinstance(code, int) and code:
        raise common.Ended(code)


def against_torchvision(device: torch.device, tiny: bool) -> dict[str, Any]:
    """The project's resnet101 beside torchvision's with the same weights: the largest difference of
    a logit (float32), and pictures a second of both, forward and in training. Only the project's
    where torchvision is not installed."""
    depths, base = ((1, 1, 1, 1), 8) if tiny else ((3, 4, 23, 3), 64)
    torch.manual_seed(0)
    ours = ResNet101(1000, depths, base)
    theirs = _torchvision(depths, base)
    result: dict[str, Any] = {}
    ours = devices.placed(ours, device)
    side, batch = (64, 2) if tiny else (224, 64 if device.type != "cpu" else 4)
    pictures = torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(1)).to(
        device=device, memory_format=devices.layout(device)
    )
    if theirs is not None:
        theirs.load_state_dict(ours.state_dict())
        theirs = devices.placed(theirs, device)
        result["difference"] = _difference(ours, theirs, pictures)
        if not result["difference"] < 1e-3:
            raise UserError(
                "resnet101 and torchvision's do not agree: logits differ by"
                f" {result['difference']:.1e}; that is a fault of this project"
            )
    else:
        result["note"] = "torchvision is not installed here"
    for name, net in (("ours", ours), ("torchvision", theirs)):
        if net is not None:
            for way, call in (("forward", _forward), ("training", _training)):
                result[f"{name}_{way}"] = _rate(
                    partial(call, net, pictures, device), batch, device, 0.1 if tiny else 2.0
                )
    if theirs is not None:
        for way in ("forward", "training"):
            result[f"ratio_{way}"] = round(result[f"ours_{way}"] / result[f"torchvision_{way}"], 3)
    print(
        "resnet101, pictures/s: "
        + ", ".join(
            f"{key} {value:.4g}" if isinstance(value, float) else str(value)
            for key, value in result.items()
        ),
        flush=True,
    )
    return result


def _torchvision(depths: tuple[int, ...], base: int) -> nn.Module | None:
    """torchvision's network of that shape, None where it is not installed."""
    try:
        from torchvision.models.resnet import Bottleneck, ResNet
    except (ImportError, RuntimeError):  # RuntimeError: one that was built for another torch
        return None
    if base == 64:
        network: nn.Module = ResNet(Bottleneck, list(depths))
        return network
    return None  # its first width is fixed


@torch.no_grad()
def _difference(one: nn.Module, other: nn.Module, pictures: torch.Tensor) -> float:
    """The largest difference of a logit in evaluation mode, over the largest logit."""
    for net in (one, other):
        net.train()
        # running statistics of something, so that evaluation is not of the first guess
        net(pictures)
    other.load_state_dict(one.state_dict())
    a, b = (net.eval()(pictures) for net in (one, other))
    return float((a - b).abs().max() / a.abs().max())


def _forward(net: nn.Module, pictures: torch.Tensor, device: torch.device) -> None:
    net.eval()
    with torch.inference_mode(), autocast(device, half(device)):
        net(pictures)


def _training(net: nn.Module, pictures: torch.Tensor, device: torch.device) -> None:
    net.train()
    with autocast(device, half(device)):
        loss = net(pictures).float().logsumexp(1).mean()
    loss.backward()
    net.zero_grad()


def _rate(call: Callable[[], object], count: int, device: torch.device, seconds: float) -> float:
    """Items a second of a call that does `count` of them: the fastest of three stretches, after two
    calls."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    try:
        took = 0.0
        for _ in range(2):
            began = time.perf_counter()
            call()
            wait(device)
            took = time.perf_counter() - began
        repeats, best = max(1, round(seconds / 3 / max(took, 1e-6))), float("inf")
        for _ in range(3):
            began = time.perf_counter()
            for _ in range(repeats):
                call()
            wait(device)
            best = min(best, (time.perf_counter() - began) / repeats)
    except Exception as error:
        if not memory.ran_out(error):
            raise
        memory.free(device)
        return 0.0
    return round(count / best, 1)


def augmentation(device: torch.device, tiny: bool) -> dict[str, float]:
    """Pictures a second of each recipe, 160 pixels to 128, on the device."""
    count, side, size = (8, 40, 32) if tiny else (256 if device.type != "cpu" else 64, 160, 128)
    pixels = torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8).to(device)
    labels = (torch.arange(count) % 10).to(device)
    rates = {}
    for name in RECIPES:
        augment = Augmenter(replace(RECIPES[name]), size, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        rates[name] = _rate(partial(augment, pixels, labels), count, device, 0.05 if tiny else 1.5)
    print(
        "augmentation, pictures/s: "
        + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items()),
        flush=True,
    )
    return rates
