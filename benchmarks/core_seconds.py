"""Small trainings of a residual classifier by the recipe of --preset strong, at a budget in seconds
of one core, not of the clock: other work on the machine takes nothing from anyone. For the
benchmarks that compare ways of training."""

import argparse
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from gocnn.training import Outcome, Runtime, TrainConfig
from gocnn.training import session as sessions
from imagecls.augment import RECIPES
from imagecls.classifier import training
from imagecls.classifier.models import ClassifierConfig
from imagecls.photos.data import Split


def count_core_seconds() -> None:
    """From now on this process trains in one thread, and a run's minutes are the processor's."""
    torch.set_num_threads(1)
    setattr(sessions, "Runtime", partial(Runtime, clock=time.process_time))  # noqa: B010


def configured(
    photographs: Path,
    size: int,
    widths: str,
    blocks: int,
    *,
    augment: str = "strong",
    classes: tuple[str, ...] = (),
    seconds: float,
    **train: Any,
) -> training.ClassifierRunConfig:
    """A run on photographs of `size` pixels a side; widths: channels of the stages, `32,64`;
    train: more of `TrainConfig`."""
    return training.ClassifierRunConfig(
        data=str(photographs),
        split=Split(),
        network=ClassifierConfig(
            "resnet",
            classes,
            size,
            size * 5 // 4,
            widths=tuple(map(int, widths.split(","))),
            blocks=blocks,
            stem_stride=2,
            context="se",
            hidden=(),
            dropout=0.1,
        ),
        recipe=RECIPES[augment],
        train_size=size * 7 // 8,
        train=TrainConfig(
            minutes=seconds / 60,
            learning_rate=0.01,
            weight_decay=0.1,
            label_smoothing=0.1 if augment == "strong" else 0.0,
            ema=0.998,
            precision="fp32",
            convolution="direct",
            threads=1,
            checkpoint_minutes=60,
            **train,
        ),
    )


def trained(
    config: training.ClassifierRunConfig, folder: Path
) -> tuple[Outcome, list[dict[str, Any]]]:
    """Train into the folder, which is emptied first: the outcome, and the lines of
    metrics.jsonl."""
    shutil.rmtree(folder, ignore_errors=True)
    launch = sessions.Launch(out=folder, resume=False, device="cpu", jobs=1, quiet=True)
    outcome = training.train(config, launch, cache=folder.parent / "cache")
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return outcome, [json.loads(line) for line in lines]


def share(most: float = 1.0) -> Callable[[str], float]:
    """A type of option: a number from 0 to `most`."""

    def number(text: str) -> float:
        found = float(text)
        if not 0 <= found <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from 0 to {most:g}")
        return found

    return number


def options(seconds: float, **defaults: Any) -> argparse.ArgumentParser:
    """The options of a script that compares ways with one small network: where, for how long (if
    not `seconds`), with which seed, and the network. defaults: others than here, by name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=seconds)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--widths", default="32,64,128")
    parser.add_argument("--blocks", type=int, default=1)
    parser.set_defaults(**defaults)
    return parser


def by_options(
    arguments: argparse.Namespace, *, classes: tuple[str, ...] = (), seconds: float, **train: Any
) -> training.ClassifierRunConfig:
    """A run as `options` were given, by the recipe of --preset strong; see `configured`."""
    return configured(
        arguments.photographs,
        arguments.size,
        arguments.widths,
        arguments.blocks,
        classes=classes,
        seconds=seconds,
        batch=128,
        warmup=0.05,
        seed=arguments.seed,
        validations=6,
        **train,
    )


def short(
    arguments: argparse.Namespace, photographs: Path, *, augment: str
) -> training.ClassifierRunConfig:
    """A run as `options` were given, in small batches and judged three times: for scripts that
    compare many short ones; see `configured`."""
    return configured(
        photographs,
        arguments.size,
        arguments.widths,
        arguments.blocks,
        augment=augment,
        seconds=arguments.seconds,
        batch=64,
        seed=arguments.seed,
        validations=3,
    )


def tell(said: dict[str, Any], folder: Path) -> None:
    """Print what was found, as JSON, and add it to results.jsonl in the folder."""
    line = json.dumps(said)
    print(line, flush=True)
    with open(folder / "results.jsonl", "a", encoding="utf-8") as stream:
        print(line, file=stream)


def figures(outcome: Outcome, reports: list[dict[str, Any]]) -> dict[str, Any]:
    """What such a script says of a training: samples, the accuracy at each validation, and the loss
    at the last."""
    judged = [r for r in reports if r["kind"] == "valid"]
    return {
        "samples": outcome.samples,
        "accuracy": [round(r["accuracy"], 4) for r in judged],
        "loss": round(judged[-1]["loss"], 4),
    }
