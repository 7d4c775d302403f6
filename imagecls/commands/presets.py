"""What `img-train` sets where a person does not say it: presets, and what suits a kind of
network."""

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gocnn.console.shared_options import given
from imagecls.commands.train_options import TIMM

if TYPE_CHECKING:
    from imagecls.classifier.models import ClassifierConfig

STRONG: dict[str, Any] = {
    "size": 160,
    "widths": (32, 64, 128, 256),
    "blocks": 2,
    "stem_stride": 2,
    "context": "se",
    "shrink": "mean",
    "linear_head": True,
    "dropout": 0.1,
    "augment": "strong",
    "label_smoothing": 0.1,
    "weight_decay": 0.1,
    "batch": 128,
}

PRESETS: dict[str, dict[str, Any]] = {
    "lecture": {},
    "strong": STRONG,
    "long": STRONG | {"sam": 0.5, "grow_from": 64, "learning_rate": 0.005, "ema": 0.999},
}
"""Options that a preset sets where the person has not (with --from those of OF_RECIPE only). All
but lecture also train at 4/5 of the size: random crops make things look larger in training than in
judging, and this evens it out (Touvron et al. 2019, https://arxiv.org/abs/1906.06423) and is
faster."""

OF_RECIPE = {"augment", "label_smoothing", "weight_decay", "batch"}
"""What a preset says of the way of training, not of the network."""

FINE_TUNING: dict[str, Any] = {"optimiser": "adamw", "learning_rate": 0.001}
"""Defaults where pretrained weights are fine-tuned: what they have learnt is not to be
overwritten."""

PLAIN_RATES = {"muon": 0.002, "adamw": 0.0003}
"""Default rates of `cnn`: its fully connected layers have no normalisation, and at the usual rates
it learns worse (docs/benchmarks.md)."""


def apply_preset(options: dict[str, Any], begun: "ClassifierConfig | None") -> None:
    """Set what the preset says and the person does not; of a network that is `begun` with, not what
    says what it is. Raises click.UsageError if the preset is of another model."""
    name = options.pop("preset")
    if begun is not None:
        if name == "long":
            raise click.UsageError(
                "--preset long is for networks that learn from nothing: with --from give --preset"
                " strong"
            )
        recipe = {key: PRESETS[name][key] for key in OF_RECIPE & PRESETS[name].keys()}
        _set_defaults(options, recipe)
        if PRESETS[name] and begun.model != "cnn":
            options["train_size"] = options["train_size"] or max(8, round(begun.size / 5) * 4)
        _set_rates(options, begun.model, pretrained=True)
        return
    if PRESETS[name]:
        if options["model"] != "resnet":
            raise click.UsageError(f"--preset {name} is of --model resnet")
        _set_defaults(
            options, PRESETS[name] | ({"linear_head": False} if options["hidden"] else {})
        )
        options["train_size"] = options["train_size"] or max(8, round(options["size"] / 5) * 4)
        if not given("grow_from") and (options["grow_from"] or 0) >= options["train_size"]:
            options["grow_from"] = None  # so small already
    if options["model"].startswith(TIMM):
        _set_defaults(options, {"weights": "timm", "unfreeze": "last"})
    pretrained = options["weights"] != "none"
    if not pretrained and options["model"] not in ("cnn", "resnet"):
        _set_defaults(options, {"unfreeze": "all"})  # there is nothing worth freezing
    _set_rates(options, options["model"], pretrained=pretrained)


def _set_rates(options: dict[str, Any], model: str, *, pretrained: bool) -> None:
    """Set optimiser and rate as they suit this kind of network, where the person does not."""
    if model == "cnn" and options["optimiser"] in PLAIN_RATES:
        _set_defaults(options, {"learning_rate": PLAIN_RATES[options["optimiser"]]})
    if pretrained and model not in ("cnn", "resnet"):
        _set_defaults(options, FINE_TUNING)


def _set_defaults(options: dict[str, Any], values: dict[str, Any]) -> None:
    context = click.get_current_context()
    for key, value in values.items():
        if context.get_parameter_source(key) in (ParameterSource.DEFAULT, None):
            options[key] = value
