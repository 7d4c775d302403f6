"""Which option a person means by a name that a command does not have: what other programs of the
field call it, or what is spelt most like it."""

import difflib
from collections.abc import Iterable

import click

ELSEWHERE: dict[str, tuple[str, ...]] = {
    "amp": ("precision",),
    "arch": ("model",),
    "architecture": ("model",),
    "aug": ("augment",),
    "augmentation": ("augment",),
    "backbone": ("model",),
    "bf16": ("precision",),
    "bs": ("batch",),
    "checkpoint": ("model", "from"),
    "ckpt": ("model", "from"),
    "clip-grad": ("clip",),
    "cuda": ("device",),
    "drop": ("dropout",),
    "drop-rate": ("dropout",),
    "early-stopping": ("patience",),
    "epoch": ("epochs",),
    "fp16": ("precision",),
    "freeze": ("unfreeze",),
    "gpu": ("device",),
    "gpus": ("device",),
    "grad-accum-steps": ("accumulate",),
    "grad-clip": ("clip",),
    "half": ("precision", "halves"),
    "image-size": ("size", "eval-size"),
    "img-size": ("size", "eval-size"),
    "imgsz": ("size", "eval-size"),
    "input-size": ("size", "eval-size"),
    "iterations": ("steps",),
    "iters": ("steps",),
    "k-folds": ("folds",),
    "kfold": ("folds",),
    "lr": ("learning-rate",),
    "lr-scheduler": ("schedule",),
    "max-epochs": ("epochs",),
    "max-steps": ("steps",),
    "n-epochs": ("epochs",),
    "network": ("model",),
    "num-epochs": ("epochs",),
    "num-workers": ("feeders", "jobs", "threads"),
    "opt": ("optimiser",),
    "optim": ("optimiser",),
    "optimizer": ("optimiser",),
    "out": ("out", "csv", "onnx", "picture"),
    "output": ("out", "csv", "onnx", "picture"),
    "output-dir": ("out",),
    "pretrained": ("weights", "from"),
    "random-state": ("seed",),
    "resolution": ("size", "eval-size"),
    "save": ("out", "csv", "onnx", "picture"),
    "save-dir": ("out",),
    "sched": ("schedule",),
    "scheduler": ("schedule",),
    "smoothing": ("label-smoothing",),
    "top-k": ("top",),
    "topk": ("top",),
    "unlabeled": ("unlabelled",),
    "val": ("valid",),
    "val-split": ("valid-share",),
    "valid-pct": ("valid-share",),
    "validation": ("valid",),
    "validation-split": ("valid-share",),
    "wd": ("weight-decay",),
    "weights": ("model", "from"),
    "workers": ("feeders", "jobs", "threads"),
}
"""What torchvision's and timm's scripts, fastai, Keras, scikit-learn, Ultralytics and Lightning
call options, and what they are called here: the first that a command has is meant."""


def meant(typed: str, names: Iterable[str]) -> str | None:
    """Which of the `names` of options, without dashes in front, is meant by what was `typed`; None
    if none is like it. `_` and `-` are one."""
    known = {name.replace("_", "-"): name for name in names}
    word = typed.lstrip("-").rstrip("_").replace("_", "-").casefold()
    for name in (word, *ELSEWHERE.get(word, ())):
        if name in known:
            return known[name]
    near = difflib.get_close_matches(word, known, 1)
    return known[near[0]] if near else None


def refusal(error: click.NoSuchOption) -> click.UsageError:
    """The sentence for an option that a command does not have, with the one that is meant."""
    names = [
        name.removeprefix("--")
        for parameter in (error.ctx.command.params if error.ctx else [])
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in parameter.opts
        if name.startswith("--")
    ]
    name = meant(error.option_name, names)
    words = f"; did you mean --{name}?" if name else ""
    return click.UsageError(f"No such option {error.option_name}{words}", error.ctx)
