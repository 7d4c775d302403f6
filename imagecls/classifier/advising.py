"""What to do better the next time, said at the end of a training."""

import math

import numpy as np

from imagecls.classifier.run_config import ClassifierRunConfig
from imagecls.photos.sets import Labels

PASSES, PASSES_TUNING, PASSES_SAM = 5, 1, 150
"""Passes over the photographs below which a training has hardly begun: from scratch, and where
pretrained weights are fine-tuned; and those below which sharpness-aware steps cost more than they
are worth (with 67 they did, with 390 they did not: docs/benchmarks.md)."""


def advice(
    samples: int, photographs: int, config: ClassifierRunConfig, *, ahead: bool = False
) -> str:
    """What to do where a training of so many `samples` made too few passes over its photographs
    (`ahead`: will make); a sentence, or nothing where it made enough or was stopped by its
    patience."""
    made, only = ("will be made", "at this speed only") if ahead else ("were made", "only")
    passes, train, network = samples / photographs, config.train, config.network
    budget = train.budget_name
    begun = bool(config.init_from)
    tuning = config.pretrained != "none" or begun
    if train.patience:
        return ""
    if passes >= (PASSES_TUNING if tuning else PASSES):
        if passes >= PASSES_SAM or not train.sam or tuning:
            return ""
        return (
            f"{only} {passes:.0f} passes over the {photographs} photographs {made}, too few for"
            f" sharpness-aware steps to be worth their time; give more --{budget}, or --sam 0"
        )
    cheaper = []
    if budget == "minutes" and network.model == "resnet" and network.stem_stride < 2 and not begun:
        cheaper += ["--preset strong", "--stem-stride 2"]
    resizable = network.model == "resnet" or (network.model == "cnn" and not begun)
    if budget == "minutes" and resizable and network.size > 64:
        cheaper.append("--size 64")
    return (
        f"{only} {passes:.1f} passes over the {photographs} photographs {made}; give more"
        f" --{budget}{', or a cheaper network: ' if cheaper else ''}{', '.join(cheaper)}"
    )


def chance(accuracy: float | None, labels: Labels) -> str:
    """Says so where an accuracy on pictures of those labels is within two standard deviations of
    what answering the most frequent class always would give; nothing where it is better."""
    if accuracy is None or not len(labels):
        return ""
    guess = float(np.bincount(labels).max() / len(labels))
    spread = 2 * math.sqrt(guess * (1 - guess) / len(labels))
    if accuracy > guess + spread:
        return ""
    return (
        f"the best accuracy, {accuracy:.1%} of {len(labels)} pictures, may be guessing, which gives"
        f" {guess:.1%}, give or take {spread:.1%}"
    )
