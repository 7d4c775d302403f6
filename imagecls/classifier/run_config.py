"""What is asked of img-train, as run.json has it."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from gocnn.training import session as sessions
from imagecls.augment import Recipe
from imagecls.classifier import KIND
from imagecls.classifier.growing import Growth
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.noisy import Noisy
from imagecls.classifier.pseudo import Unlabelled
from imagecls.classifier.teaching import Teaching
from imagecls.photos.data import Split
from imagecls.photos.listed import Listed


@dataclass(frozen=True, kw_only=True)
class ClassifierRunConfig(sessions.RunConfig):
    """What is asked of img-train.

    data: folder, zip or tar of the photographs; network.classes is empty until those are known.
    train_size: pixels a side in training, if other than the network's size (0: the same);
    grow_from: with how many it begins (0: with those; see `imagecls.classifier.growing`). balance:
    weigh the loss against frequent classes. pretrained and unfreeze are for resnet101 and timm: see
    `imagecls.classifier.weights` and `FineTunable.freeze`. head_epochs: epochs in which the head
    alone learns, before. noisy and unlabelled: how labels that may be wrong, and pictures without
    labels, are learnt from; listed: training pictures that are left out or relabelled. teaching:
    trained networks that teach, in the first stage of two as well. init_from: the trained
    classifier whose network and weights the run begins with (`imagecls.classifier.init_from`).

    Raises ValueError if `grow_from` is not below the size in training, if the network is `cnn`,
    which sees pictures of one size only, or if there are teachers beside `noisy` or `unlabelled`.
    """

    kind = KIND
    command = "an img-train run"

    data: str
    split: Split
    network: ClassifierConfig
    recipe: Recipe
    train_size: int = 0
    balance: bool = False
    pretrained: str = "none"
    unfreeze: tuple[str, ...] = ("layer4",)
    head_epochs: float = 0.0
    noisy: Noisy = field(default_factory=Noisy)
    unlabelled: Unlabelled = field(default_factory=Unlabelled)
    listed: Listed = field(default_factory=Listed)
    grow_from: int = 0
    teaching: Teaching = field(default_factory=Teaching)
    init_from: str = ""

    def __post_init__(self) -> None:
        if self.grow_from and self.network.model == "cnn":
            raise ValueError(
                "cnn sees pictures of one size only: leave out --grow-from, or choose resnet"
            )
        if self.teaching.models and self.guided:
            other = "--unlabelled" if self.noisy.method == "none" else "--noisy"
            raise ValueError(
                f"--teacher and {other} are two ways of teaching that do not go together: leave one"
                " out"
            )
        _ = self.growth

    @property
    def sizes(self) -> tuple[int, ...]:
        """Pixels a side of the pictures in training: each that they come to have."""
        return self.growth.sizes if self.growth else (self.size,)

    @property
    def size(self) -> int:
        """Pixels a side in training, at its end."""
        return self.train_size or self.network.size

    @property
    def growth(self) -> Growth | None:
        """How pictures grow, if they do."""
        return Growth.between(self.grow_from, self.size) if self.grow_from else None

    @property
    def guided(self) -> bool:
        """Whether labels may be wrong, or some pictures have none."""
        return self.noisy.method != "none" or self.unlabelled.source is not None

    @property
    def asks_average(self) -> bool:
        """Whether the averaged network helps to teach."""
        return self.noisy.remembers or self.unlabelled.source is not None

    @classmethod
    def resumed(
        cls,
        out: Path,
        data: str,
        valid: tuple[str, ...],
        labels: tuple[str, ...],
        changes: dict[str, Any],
    ) -> Self:
        """What was asked of the run in `out`, with its photographs and tables of labels elsewhere
        if given, and with other settings (see `TrainConfig.changed`). Raises UserError."""
        config = cls.of_run(out, changes)
        before = config.split.labelling
        labelling = replace(before, tables=labels or before.tables)
        split = replace(config.split, valid=valid or config.split.valid, labelling=labelling)
        return replace(config, data=data or config.data, split=split)
