"""Training a classifier: from photographs and wishes to a run folder."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.training import ModelProvenance, Outcome, RunFolder, TrainConfig, Trainer
from gocnn.training.distributed import Processes, joined
from gocnn.training.precision import choose_again
from gocnn.training.run import open_run
from imagecls.augment import Augmenter, Recipe
from imagecls.classifier import weights
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.models.resnet101 import FineTuner
from imagecls.classifier.task import ImageTask
from imagecls.photos.data import Labels, PhotoBatches, PhotoSource, Split, Splits, load_parts
from imagecls.photos.store import ImageStore

KIND = "image-classifier"
HEAD_FOLDER = "head"
"""Where, inside a run folder, the first stage of a two-stage fine-tuning has its own run."""


@dataclass(frozen=True)
class Wishes:
    """What a person asks of img-train.

    network.classes is empty until the photographs are known. train_size: pixels a side in training,
    if other than the network's size. pretrained and unfreeze are for resnet101: see
    `imagecls.classifier.weights` and `FineTuner.freeze`. head_epochs: epochs in which the head
    alone learns, before.
    """

    data: str
    split: Split
    network: ClassifierConfig
    recipe: Recipe
    train: TrainConfig
    train_size: int = 0
    balance: bool = False
    pretrained: str = "none"
    unfreeze: tuple[str, ...] = ("layer4",)
    head_epochs: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Wishes":
        """The inverse of to_json. Raises UserError if it is not such a description."""
        try:
            parts = dict(values)
            parts["split"] = Split(**(parts["split"] | {"valid": tuple(parts["split"]["valid"])}))
            network = ClassifierConfig.from_json(
                parts["network"] | {"classes": parts["network"]["classes"] or ["?"]}
            )
            parts["network"] = replace(network, classes=tuple(parts["network"]["classes"]))
            parts["recipe"] = Recipe.from_json(parts["recipe"])
            parts["train"] = TrainConfig(**parts["train"])
            parts["unfreeze"] = tuple(parts["unfreeze"])
            return cls(**parts)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise UserError(
                f"run.json does not describe an img-train run of this version ({error}); start a"
                " new run in another folder"
            ) from error


def resumed(out: Path, data: str, valid: tuple[str, ...], changes: dict[str, Any]) -> Wishes:
    """The wishes of the run in `out`, with other places of the photographs and other settings (see
    `TrainConfig.changed`) if given.

    Raises UserError.
    """
    wishes = Wishes.from_json(RunFolder.read_wishes(out, KIND))
    split = replace(wishes.split, valid=valid or wishes.split.valid)
    return replace(
        wishes, data=data or wishes.data, split=split, train=wishes.train.changed(changes)
    )


def train(
    wishes: Wishes,
    out: Path,
    resume: bool,
    device: str,
    cache: Path | None = None,
    jobs: int | None = None,
    quiet: bool = False,
    say: Any = print,
    options: dict[str, Any] | None = None,
) -> Outcome:
    """Train as wished into the folder `out`; `options` are written into run.json. Raises UserError
    for whatever a person can mend."""
    with joined(device) as (processes, place):
        still = quiet or not processes.first
        parts = processes.one_by_machine(
            lambda: load_parts(
                wishes.data,
                wishes.split,
                ImageStore(wishes.network.store_size, wishes.network.fit, cache),
                jobs,
                still,
            )
        )
        if processes.first and not quiet:
            _show(parts, wishes.train.batch, say)
        with processes.together():
            fingerprint = f"{parts.train.fingerprint()}-{parts.valid.fingerprint()}"
            if resume and RunFolder.read_description(out).get("data") != fingerprint:
                raise UserError(
                    f"the photographs are not those that the run in {out} began with; give the same"
                    " ones, or start a new run"
                )
            config = replace(wishes.network, classes=parts.classes)
            torch.manual_seed(wishes.train.seed)
            model = _model(config, wishes, resume)
            description: dict[str, Any] = {
                "kind": KIND,
                "wishes": wishes.to_json(),
                "data": fingerprint,
            }
            if not resume:
                description["options"] = options
        learnt = (
            resume,
            wishes.train.of_the_run(),
            config,
            wishes.recipe,
            wishes.unfreeze,
            wishes.head_epochs,
            wishes.balance,
            wishes.train_size,
        )
        processes.must_share(photographs=fingerprint, options=learnt)
        with processes.together():
            run = open_run(out, resume, description, processes.first)
        stage = _Stage(wishes, config, parts, processes, place, quiet)
        try:
            if wishes.head_epochs and isinstance(model, FineTuner):
                return _two_stages(stage, model, run, resume, say)
            return stage.trainer(model, wishes.train, run).fit(resume)
        finally:
            run.close()


@dataclass(frozen=True)
class _Stage:
    """All that both stages of a training share."""

    wishes: Wishes
    config: ClassifierConfig
    parts: Splits
    processes: Processes
    place: torch.device
    quiet: bool

    def trainer(self, model: Classifier, train: TrainConfig, run: RunFolder) -> Trainer:
        """A trainer of `model`, as `train` says, into `run`."""
        wishes, config, parts = self.wishes, self.config, self.parts
        source = PhotoSource(
            parts.train,
            train.batch // train.accumulate,
            train.seed,
            self.processes.rank,
            self.processes.world,
        )
        augment = Augmenter(
            wishes.recipe, wishes.train_size or config.size, config.mean, config.std
        )
        view = Augmenter(wishes.recipe, config.size, config.mean, config.std)
        balance = class_weights(parts.train.labels, len(parts.classes)) if wishes.balance else None
        task = ImageTask(augment, view, train.label_smoothing, balance)
        identity = ModelProvenance(
            KIND,
            asdict(config),
            f"{len(parts.train)} photographs of {len(parts.classes)} classes"
            f" ({Path(wishes.data).name})",
        )
        return Trainer(
            model,
            task,
            source,
            PhotoBatches(parts.valid),
            train,
            run,
            identity,
            self.place,
            self.processes,
            self.quiet,
        )


def _model(config: ClassifierConfig, wishes: Wishes, resume: bool) -> Classifier:
    """The network with its starting weights and its frozen parts; a resumed run gets its weights
    from the checkpoint."""
    try:
        model = build(config)
        if isinstance(model, FineTuner):
            if wishes.pretrained != "none" and not resume:
                weights.load_backbone(model, wishes.pretrained)
            model.freeze(wishes.unfreeze)
    except ValueError as error:
        raise UserError(f"{error}") from error
    return model


def _two_stages(stage: _Stage, model: FineTuner, run: RunFolder, resume: bool, say: Any) -> Outcome:
    """The head learns alone first, in a run of its own inside the run's folder; then all that is to
    learn.

    The run begins, with a checkpoint of step 0, before its first stage does. Its second stage has
    begun when a later checkpoint is there; until then a resumed run goes through the first one
    again, which is quick where it is finished.
    """
    precision: Any
    folder, wishes, first = run.path / HEAD_FOLDER, stage.wishes, stage.processes.first
    if resume:
        state = stage.processes.from_first(run.load_checkpoint)
        if state["step"] > 0:
            return stage.trainer(model, wishes.train, run).fit(True)
        model.load_state_dict(state["model"])
        precision = choose_again(
            stage.place,
            wishes.train.precision,
            state["precision"],
            state.get("device"),
            wishes.train.deterministic,
        )
    else:
        with stage.processes.together():
            if first and (folder / "run.json").exists():
                raise UserError(f"{folder} already holds a run; choose another folder with --out")
        whole = stage.trainer(model, wishes.train, run)
        whole.begin()
        precision = whole.precision
    train = replace(wishes.train, precision=precision)
    alone = replace(
        train, steps=None, minutes=None, epochs=wishes.head_epochs, validations=1, ema=0.0
    )
    head_resume = stage.processes.broadcast(resume and (folder / "run.json").exists())
    model.freeze(())
    with stage.processes.together():
        head = open_run(folder, head_resume, {"kind": KIND, "wishes": wishes.to_json()}, first)
    if first and not stage.quiet:
        say(f"first the head alone, {wishes.head_epochs:g} epochs")
    try:
        outcome = stage.trainer(model, alone, head).fit(head_resume)
    finally:
        head.close()
    if outcome.interrupted:
        return outcome
    model.load_state_dict(
        stage.processes.from_first(lambda: modelfile.load(folder / modelfile.LAST, KIND).tensors)
    )
    model.freeze(wishes.unfreeze)
    return stage.trainer(model, train, run).fit()


def class_weights(labels: Labels, classes: int) -> Tensor:
    """Weights, float32 `(classes,)`, inversely proportional to how often each class occurs, 1 on
    average over the labels; 0 for absent ones."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weight = np.where(present, len(labels) / (present.sum() * np.maximum(counts, 1)), 0.0)
    return torch.tensor(weight, dtype=torch.float32)


def _show(parts: Splits, batch: int, say: Any) -> None:
    """Classes and counts, before training starts, and what is unusual."""
    here = np.bincount(parts.train.labels, minlength=len(parts.classes))
    there = np.bincount(parts.valid.labels, minlength=len(parts.classes))
    width = max(len(name) for name in parts.classes)
    say(f"{'class':{width}}  training  validation")
    for name, a, b in zip(parts.classes, here, there, strict=True):
        say(f"{name:{width}}  {a:8}  {b:10}")
    say(f"{'all':{width}}  {here.sum():8}  {there.sum():10}")
    for note in parts.notes:
        say(f"note: {note}")
    if len(parts.train) < batch:
        say(
            f"note: fewer training pictures than a batch ({len(parts.train)} of {batch}): each"
            " batch holds some of them more than once"
        )
