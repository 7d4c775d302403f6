"""The options of img-train that are its own: data, network, fine-tuning, augmentation."""

import math
import re
from typing import Any

import click

from gocnn.console.numbers import FloatRange, IntRange
from gocnn.console.shared_options import choice_option, count_option, together
from gocnn.wording import either
from imagecls.commands.options import LABELLING, RECIPE, cache_option

TIMM = "timm:"
"""How the names of timm's networks begin."""


def _numbers(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    if value is None:
        return None
    pieces = [piece.strip() for piece in value.split(",")]
    if not all(piece.isdecimal() and 0 < int(piece) <= 4096 for piece in pieces):
        raise click.BadParameter(
            f"{value!r} is not a list of whole numbers from 1 to 4096 such as 64,128,256"
        )
    return tuple(int(piece) for piece in pieces)


def _factors(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[tuple[str, float], ...]:
    """Parts and their factors."""
    try:
        pairs = [piece.split("=") for piece in value.split(",")] if value else []
        factors = tuple((name.strip(), float(factor)) for name, factor in pairs)
        if not all(name and math.isfinite(factor) and factor >= 0 for name, factor in factors):
            raise ValueError("not a rate")
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is not a list such as layer3=0.1,layer4=0.3"
        ) from error
    names = [name for name, _ in factors]
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(
                f"{value!r} names {name} {names.count(name)} times; name it once"
            )
    return factors


class _Model(click.Choice[str]):
    """The networks by name, or any of timm."""

    def __init__(self) -> None:
        super().__init__(["cnn", "resnet", "resnet101"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is written."""
        if not isinstance(value, str) or value.startswith(TIMM) or value in self.choices:
            return str(value)
        known = f"{value!r} is not {either(self.choices)}"
        # timm/resnet18.a1_in1k is what the Hugging Face hub calls it
        name = re.fullmatch(r"(?:timm/)?([a-z][a-z0-9_.]*)", value.lower())
        meant = f", such as {TIMM}{name[1]}" if name else ""
        advice = (
            f"write {value.lower()}"
            if value.lower() in self.choices
            else f"networks of the package timm are called {TIMM}NAME{meant}"
        )
        raise click.BadParameter(f"{known}; {advice}", ctx, param)


VALIDATION = (
    click.option(
        "--valid",
        multiple=True,
        metavar="PHOTOS",
        help="Photographs to validate on, instead of those in DATA (also several times).",
    ),
    click.option(
        "--valid-share",
        type=FloatRange(0.01, 0.9),
        default=0.15,
        show_default=True,
        help="Share of each class held back where there is no validation part.",
    ),
)
"""Which photographs validate."""

DATA = (
    *LABELLING,
    *VALIDATION,
    click.option(
        "--folds",
        type=IntRange(2, 100),
        help="Divide all labelled photographs of DATA into so many folds ...",
    ),
    count_option("--fold", 0, None, "... and validate on this one (from 0).", default=0),
    click.option("--class-weights", is_flag=True, help="Weigh the loss against frequent classes."),
    click.option(
        "--store-size",
        type=IntRange(8, 2048),
        help="Pixels a side of the decoded pictures.  [default: 5/4 of --size]",
    ),
    choice_option("--fit", ["squash", "crop"], "How pictures become square.", default="squash"),
    cache_option,
    click.option("--jobs", type=IntRange(1), help="Threads that decode.  [default: the cores]"),
)
"""Which photographs, divided how, decoded to what."""

NETWORK = (
    click.option(
        "--model",
        type=_Model(),
        default="resnet",
        show_default=True,
        metavar="[cnn|resnet|resnet101|timm:NAME]",
        help=(
            "The lecture's network without and with residual blocks, ResNet-101, or a network of"
            " the package timm by its name, such as timm:resnet18 (the extra timm)."
        ),
    ),
    click.option(
        "--size",
        type=IntRange(8, 1024),
        help="Pixels a side that the network sees.  [default: 128; 224 for resnet101; timm's own]",
    ),
    choice_option("--pool", ["max", "min", "mean"], "Pooling of cnn.", default="max"),
    click.option(
        "--widths",
        callback=_numbers,
        metavar="N,N,...",
        help="Channels of the stages of cnn and resnet (resnet: the stem first).",
    ),
    count_option("--blocks", 1, 50, "Residual blocks a stage of resnet.", default=1),
    count_option(
        "--stem-stride", 1, 4, "Stride of resnet's stem: 2 is four times cheaper.", default=1
    ),
    choice_option(
        "--context", ["none", "se", "bias"], "What a block knows of the picture.", default="none"
    ),
    choice_option(
        "--shrink",
        ["stride", "mean"],
        "What shortcuts of resnet see of maps that become smaller: every second point both ways,"
        " or the mean of four (ResNet-D).",
        default="stride",
    ),
    click.option(
        "--hidden",
        callback=_numbers,
        metavar="N,N",
        help="Widths of the head's hidden layers.  [default: 1024,512]",
    ),
    click.option("--linear-head", is_flag=True, help="A head without hidden layers."),
    click.option(
        "--dropout", type=FloatRange(0, 0.95), help="In the head.  [default: 0; 0.2 for resnet101]"
    ),
    click.option(
        "--depths",
        callback=_numbers,
        metavar="N,N,N,N",
        help="Blocks a stage of resnet101, to make it smaller.",
    ),
    count_option("--base", 4, 256, "First width of resnet101, to make it smaller.", default=64),
)
"""Which network."""

FINE_TUNING = (
    click.option(
        "--weights",
        default="v2",
        show_default=True,
        metavar="v1|v2|timm|FILE|RUN|none",
        help=(
            "Pretrained weights: torchvision's of resnet101, or timm's of its networks (their"
            " default), downloaded once; a file of theirs, an earlier run, or none. With weights"
            " the default is AdamW at rate 0.001."
        ),
    ),
    click.option(
        "--unfreeze",
        default="layer4",
        show_default=True,
        metavar="PARTS",
        help=(
            "Parts that learn besides the head: layer3,layer4; all; none; of timm also last, its"
            " last stage and what follows (the default there). Batch normalisations of frozen parts"
            " keep the statistics that they came with."
        ),
    ),
    click.option(
        "--rates",
        callback=_factors,
        metavar="PART=FACTOR,...",
        help="Discriminative learning rates of parts that learn: layer4=0.1,layer3=0.03.",
    ),
    click.option(
        "--head-epochs",
        type=FloatRange(0),
        default=0.0,
        show_default=True,
        help="Epochs in which the head alone learns first.",
    ),
)
"""What a pretrained network learns."""

AUGMENTATION = (
    *RECIPE,
    click.option(
        "--train-size",
        type=IntRange(8, 1024),
        help="Pixels a side in training, if other than --size (faster when smaller).",
    ),
    click.option(
        "--grow-from",
        type=IntRange(8, 1024),
        metavar="PIXELS",
        help=(
            "Progressive resizing: training begins with pictures of so many pixels a side, which"
            " grow in up to three steps and have their own size for the last third of the budget."
        ),
    ),
    click.option(
        "--mixup",
        type=FloatRange(0),
        is_flag=False,
        flag_value=0.2,
        help="Alpha of mixup, instead of the recipe's (0: off; without X: 0.2).",
    ),
    click.option(
        "--cutmix",
        type=FloatRange(0),
        is_flag=False,
        flag_value=1.0,
        help="Alpha of CutMix, instead of the recipe's (0: off; without X: 1).",
    ),
)
"""How photographs are changed in training."""

image_options = together(*DATA, *NETWORK, *FINE_TUNING, *AUGMENTATION)
"""All options of this module."""
