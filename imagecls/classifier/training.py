"""Training a classifier: from photographs and a RunConfig to a run folder."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.training import (
    ModelProvenance,
    Outcome,
    RunFolder,
    RunOutput,
    TaskData,
    TrainConfig,
    Trainer,
)
from gocnn.training import session as sessions
from gocnn.training.precision import choose_again
from gocnn.training.run import open_run
from imagecls.augment import Augmenter, Recipe
from imagecls.classifier import weights
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.models.resnet101 import FineTuner
from imagecls.classifier.names import KIND as KIND
from imagecls.classifier.predicting import PicturePredictions
from imagecls.classifier.task import ImageTask
from imagecls.photos.data import Labels, PhotoBatches, PhotoSource, Split, Splits, load_splits
from imagecls.photos.store import ImageStore

HEAD_FOLDER = "head"
"""Where, inside a run folder, the first stage of a two-stage fine-tuning has its own run."""


@dataclass(frozen=True, kw_only=True)
class ClassifierRunConfig(sessions.RunConfig):
    """What is asked of img-train.

    data: folder, zip or tar of the photographs; network.classes is empty until those are known.
    train_size: pixels a side in training, if other than the network's size (0: the same). balance:
    weigh the loss against frequent classes. pretrained and unfreeze are for resnet101: see
    `imagecls.classifier.weights` and `FineTuner.freeze`. head_epochs: epochs in which the head
    alone learns, before.
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

    @classmethod
    def resumed(cls, out: Path, data: str, valid: tuple[str, ...], changes: dict[str, Any]) -> Self:
        """What was asked of the run in `out`, with its photographs elsewhere if given, and with
        other settings (see `TrainConfig.changed`). Raises UserError."""
        config = cls.of_run(out, changes)
        split = replace(config.split, valid=valid or config.split.valid)
        return replace(config, data=data or config.data, split=split)


def train(
    config: ClassifierRunConfig, launch: sessions.Launch, *, cache: Path | None = None
) -> Outcome:
    """Train as `config` says, into the folder of `launch`; decoded pictures are kept in the folder
    `cache` (None: see `ImageStore`). Raises UserError for whatever a person can mend."""
    with sessions.session(launch) as session:
        network = config.network
        splits = session.load(
            lambda: load_splits(
                config.data,
                config.split,
                ImageStore(network.store_size, network.fit, cache),
                launch.jobs,
                session.quiet,
            )
        )
        _show(splits, config.train.batch, session.say)
        with session.processes.together():
            fingerprint = f"{splits.train.fingerprint()}-{splits.valid.fingerprint()}"
            session.need_same_data("data", fingerprint, "photographs", "ones")
            network = replace(network, classes=splits.classes)
            torch.manual_seed(config.train.seed)
            model = _model(network, config, launch.resume)
        learnt = (
            launch.resume,
            config.train.of_the_run(),
            network,
            config.recipe,
            config.unfreeze,
            config.head_epochs,
            config.balance,
            config.train_size,
        )
        session.processes.must_share(photographs=fingerprint, options=learnt)
        with session.folder(config, {"data": fingerprint}) as run:
            stages = _Stages(config, network, splits, session)
            if config.head_epochs and isinstance(model, FineTuner):
                return stages.both(model, run)
            return stages.trainer(model, config.train, run).fit(launch.resume)


@dataclass(frozen=True)
class _Stages:
    """The stages of a training, which is one unless the head learns alone first; `network` has the
    classes."""

    config: ClassifierRunConfig
    network: ClassifierConfig
    splits: Splits
    session: sessions.Session

    def trainer(self, model: Classifier, train: TrainConfig, run: RunFolder) -> Trainer:
        """A trainer of `model`, as `train` says, into `run`."""
        config, network, splits = self.config, self.network, self.splits
        processes = self.session.processes
        source = PhotoSource(
            splits.train,
            train.batch // train.accumulate,
            train.seed,
            processes.rank,
            processes.world,
        )
        augment = Augmenter(
            config.recipe, config.train_size or network.size, network.mean, network.std
        )
        view = Augmenter(config.recipe, network.size, network.mean, network.std)
        balance = (
            class_weights(splits.train.labels, len(splits.classes)) if config.balance else None
        )
        task = ImageTask(augment, view, train.label_smoothing, balance)
        provenance = ModelProvenance(
            KIND,
            asdict(network),
            f"{len(splits.train)} photographs of {len(splits.classes)} classes"
            f" ({Path(config.data).name})",
        )
        return Trainer(
            model,
            TaskData(
                task,
                source,
                PhotoBatches(splits.valid),
                PicturePredictions(splits.valid, splits.classes, view),
            ),
            train,
            RunOutput(run, provenance),
            self.session.runtime(),
        )

    def both(self, model: FineTuner, run: RunFolder) -> Outcome:
        """The head learns alone first, in a run of its own inside the run's folder; then all that
        is to learn.

        The run begins, with a checkpoint of step 0, before its first stage does. Its second stage
        has begun when a later checkpoint is there; until then a resumed run goes through the first
        one again, which is quick where it is finished.
        """
        session, resume, train = self.session, self.session.launch.resume, self.config.train
        folder = run.path / HEAD_FOLDER
        precision: Any
        if resume:
            state = session.processes.from_first(run.load_checkpoint)
            if state["step"] > 0:
                return self.trainer(model, train, run).fit(True)
            model.load_state_dict(state["model"])
            precision = choose_again(
                session.device,
                train.precision,
                state["precision"],
                state.get("device"),
                train.deterministic,
            )
        else:
            with session.processes.together():
                if session.processes.first and (folder / "run.json").exists():
                    raise UserError(
                        f"{folder} already holds a run; choose another folder with --out"
                    )
            whole = self.trainer(model, train, run)
            whole.begin()
            precision = whole.precision
        train = replace(train, precision=precision)
        outcome = self._head_alone(model, train, folder)
        if outcome.interrupted:
            return outcome
        model.load_state_dict(
            session.processes.from_first(
                lambda: modelfile.load(folder / modelfile.LAST, KIND).tensors
            )
        )
        model.freeze(self.config.unfreeze)
        return self.trainer(model, train, run).fit()

    def _head_alone(self, model: FineTuner, train: TrainConfig, folder: Path) -> Outcome:
        """The first stage, into `folder`; it goes on if it has begun and the run is resumed."""
        session, config = self.session, self.config
        alone = replace(
            train, steps=None, minutes=None, epochs=config.head_epochs, validations=1, ema=0.0
        )
        resume = session.processes.broadcast(
            session.launch.resume and (folder / "run.json").exists()
        )
        model.freeze(())
        with session.processes.together():
            description = {"kind": KIND, "wishes": config.to_json()}
            head = open_run(folder, resume, description, session.processes.first)
        session.say(f"first the head alone, {config.head_epochs:g} epochs")
        try:
            return self.trainer(model, alone, head).fit(resume)
        finally:
            head.close()


def _model(network: ClassifierConfig, config: ClassifierRunConfig, resume: bool) -> Classifier:
    """The network with its starting weights and its frozen parts; a resumed run gets its weights
    from the checkpoint."""
    try:
        model = build(network)
        if isinstance(model, FineTuner):
            if config.pretrained != "none" and not resume:
                weights.load_backbone(model, config.pretrained)
            model.freeze(config.unfreeze)
    except ValueError as error:
        raise UserError(f"{error}") from error
    return model


def class_weights(labels: Labels, classes: int) -> Tensor:
    """Weights, float32 `(classes,)`, inversely proportional to how often each class occurs, 1 on
    average over the labels; 0 for absent ones."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weight = np.where(present, len(labels) / (present.sum() * np.maximum(counts, 1)), 0.0)
    return torch.tensor(weight, dtype=torch.float32)


def _show(splits: Splits, batch: int, say: Any) -> None:
    """Classes and counts, before training starts, and what is unusual."""
    here = np.bincount(splits.train.labels, minlength=len(splits.classes))
    there = np.bincount(splits.valid.labels, minlength=len(splits.classes))
    width = max(len(name) for name in splits.classes)
    say(f"{'class':{width}}  training  validation")
    for name, a, b in zip(splits.classes, here, there, strict=True):
        say(f"{name:{width}}  {a:8}  {b:10}")
    say(f"{'all':{width}}  {here.sum():8}  {there.sum():10}")
    for note in splits.notes:
        say(f"note: {note}")
    if len(splits.train) < batch:
        say(
            f"note: fewer training pictures than a batch ({len(splits.train)} of {batch}): each"
            " batch holds some of them more than once"
        )
