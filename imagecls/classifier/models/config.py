"""Which classifier, how large, for which classes and which pixels: all that is needed to build it
and to feed it."""

from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from gocnn.nn import Context, Pool, Shrink, initialise
from gocnn.structs import from_json
from imagecls.classifier.models.backbone import Backbone
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.models.cnn import PlainCNN
from imagecls.classifier.models.resnet import ResidualClassifier
from imagecls.classifier.models.resnet101 import RESNET101, FineTuner
from imagecls.photos.decode import Fit

Kind = Literal["cnn", "resnet", "resnet101", "timm"]
KINDS: tuple[Kind, ...] = get_args(Kind)

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and deviation of red, green and blue that torchvision's weights (V1 and V2) were trained
with."""


@dataclass(frozen=True)
class ClassifierConfig:
    """A classifier of square RGB pictures of `size` pixels a side into `classes`.

    widths: channels of the stages (cnn, resnet; the first of resnet is the stem's); blocks:
    residual blocks a stage (resnet); stem_stride: 1 is the lecture's, 2 is four times cheaper;
    context: what a block knows of the whole picture; shrink: what shortcuts see of maps that become
    smaller (resnet); pool: the pooling of cnn; hidden and dropout:
    the head; depths and base: blocks a stage and first width of resnet101. store_size: pixels a
    side of the decoded pictures, which are resampled to `size`; fit: how pictures become square;
    mean, std: normalisation of the channels; backbone: timm's name of the network, of timm.
    """

    model: Kind
    classes: tuple[str, ...]
    size: int = 128
    store_size: int = 160
    fit: Fit = "squash"
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    widths: tuple[int, ...] = ()
    blocks: int = 1
    stem_stride: int = 1
    context: Context = "none"
    shrink: Shrink = "stride"
    pool: Pool = "max"
    hidden: tuple[int, ...] = (1024, 512)
    dropout: float = 0.0
    depths: tuple[int, ...] = RESNET101
    base: int = 64
    backbone: str = ""

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ClassifierConfig":
        """The inverse of `dataclasses.asdict`, after JSON. Raises ValueError, which names the
        field, if `values` are not the configuration of a classifier with classes."""
        config = from_json(values, cls)
        if not config.classes:
            raise ValueError("classes are missing")
        return config

    def at(self, size: int) -> "ClassifierConfig":
        """The same for pictures of `size` pixels a side, cut from decoded ones that are larger by
        as much as they are now."""
        store = max(size, round(self.store_size * size / self.size))
        return replace(self, size=size, store_size=store)


def build(config: ClassifierConfig) -> Classifier:
    """The classifier with fresh weights (those of timm begin as timm has it). Raises UserError if a
    package is missing, ValueError if the settings do not go together."""
    classes = len(config.classes)
    model: Classifier
    if config.model == "cnn":
        model = PlainCNN(
            classes,
            config.size,
            pool=config.pool,
            widths=config.widths,
            hidden=config.hidden,
            dropout=config.dropout,
        )
    elif config.model == "resnet":
        model = ResidualClassifier(
            classes,
            config.widths,
            blocks=config.blocks,
            stem_stride=config.stem_stride,
            context=config.context,
            shrink=config.shrink,
            hidden=config.hidden,
            dropout=config.dropout,
        )
    elif config.model == "timm":
        return Backbone(config.backbone, classes, config.size, dropout=config.dropout)
    else:
        model = FineTuner(
            classes, config.depths, config.base, hidden=config.hidden, dropout=config.dropout
        )
    initialise(model)
    return model
