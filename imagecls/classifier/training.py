"""Training a classifier: from photographs and a RunConfig to a run folder."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

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
from gocnn.wording import counted
from imagecls.augment import Augmenter
from imagecls.classifier import KIND, init_from, teaching, weights
from imagecls.classifier.advising import advice, chance
from imagecls.classifier.guided import GuidedTask
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier, FineTunable, need_size
from imagecls.classifier.noisy import NoisyLabels
from imagecls.classifier.predicting import PicturePredictions
from imagecls.classifier.pseudo import PseudoLabels
from imagecls.classifier.rates import need_parts
from imagecls.classifier.run_config import ClassifierRunConfig as ClassifierRunConfig
from imagecls.classifier.taken_over import what_is_known
from imagecls.classifier.task import ImageTask, class_weights
from imagecls.classifier.teaching import TaughtTask, Teachers
from imagecls.photos import counts, listed
from imagecls.photos.collection import UNCLASSED, UNUSED
from imagecls.photos.data import PhotoBatches, PhotoSource, Splits, load_splits
from imagecls.photos.layout import SPARE
from imagecls.photos.spare import GuidedSource, Spare, load_spare
from imagecls.photos.store import ImageStore

CLASSES = "classes"
"""What run.json calls the names of the classes."""

HEAD_FOLDER = "head"
"""Where, inside a run folder, the first stage of a two-stage fine-tuning has its own run."""


def train(
    config: ClassifierRunConfig, launch: sessions.Launch, *, cache: Path | None = None
) -> Outcome:
    """Train as `config` says, into the folder of `launch`; decoded pictures are kept in the folder
    `cache` (None: see `ImageStore`). Raises UserError for whatever a person can mend."""
    if config.asks_average and not config.train.ema:
        raise UserError(
            "wrong labels and missing ones are guessed by the averaged network, and with --ema 0"
            " there is none; leave --ema out"
        )
    with sessions.session(launch, config.train) as session:
        network = config.network
        splits, spare = session.load(
            lambda: _photographs(config, launch.jobs, session.quiet, cache)
        )
        for line in counts.lines(splits):
            session.say(line)
        if len(splits.train) < config.train.batch:
            session.say(
                f"note: fewer training pictures than a batch ({len(splits.train)} of"
                f" {config.train.batch}): each batch holds some of them more than once"
            )
        if config.growth:
            session.say(
                f"the range test sees pictures of {config.grow_from} pixels, as the run begins"
                if launch.find_rate
                else config.growth.sentence()
            )
        with session.processes.together():
            fingerprint = f"{splits.train.fingerprint()}-{splits.valid.fingerprint()}"
            if spare is not None:
                fingerprint += f"-{spare.photos.fingerprint()}"
            session.need_same_data("data", fingerprint, "photographs", "ones")
            _need_same_names(splits.classes, session)
            network = replace(network, classes=splits.classes)
            teachers = teaching.load(config.teaching, network, config.sizes, session)
            torch.manual_seed(config.train.seed)
            model = _model(network, config, launch.resume)
            whole = False
            if config.init_from and not launch.resume:
                said, whole = init_from.load_weights(model, network, config.init_from)
                session.say(said)
            known, facts = what_is_known(config, splits, spare, session)
        learnt = (
            launch.resume,
            config.train.of_the_run(),
            network,
            config.recipe,
            config.unfreeze,
            config.head_epochs,
            config.balance,
            config.train_size,
            config.noisy,
            replace(config.unlabelled, source=None),
            config.grow_from,
            replace(config.teaching, models=()),
        )
        facts |= {"data": fingerprint, CLASSES: splits.classes}
        if teachers is not None:
            facts[teaching.FACT] = teachers.fingerprint
            session.say(f"taught by {teaching.named(config.teaching)}")
        session.processes.must_share(
            photographs=fingerprint, teachers=facts.get(teaching.FACT), options=learnt
        )
        with session.folder(config, facts) as run:
            stages = _Stages(config, network, splits, spare, teachers, known, whole, session)
            if config.head_epochs and isinstance(model, FineTunable) and not launch.find_rate:
                return stages.both(model, run)
            trainer = stages.trainer(model, config.train, run)
            return session.fit(trainer) if launch.find_rate else stages.fit(trainer, launch.resume)


@dataclass(frozen=True)
class _Stages:
    """The stages of a training, which is one unless the head learns alone first; `network` has the
    classes; `known`: what model files say of the pictures that are learnt from; `whole`: whether it
    begins as one that tells these classes apart."""

    config: ClassifierRunConfig
    network: ClassifierConfig
    splits: Splits
    spare: Spare | None
    teachers: Teachers | None
    known: dict[str, str]
    whole: bool
    session: sessions.Session

    def trainer(self, model: Classifier, train: TrainConfig, run: RunFolder) -> Trainer:
        """A trainer of `model`, as `train` says, into `run`."""
        config, network, splits = self.config, self.network, self.splits
        augment = Augmenter(config.recipe, config.size, network.mean, network.std)
        view = Augmenter(config.recipe, network.size, network.mean, network.std)
        balance = (
            class_weights(splits.train.labels, len(splits.classes)) if config.balance else None
        )
        source, task = self._lessons(train, augment, view, balance)
        provenance = ModelProvenance(
            KIND,
            asdict(network),
            f"{counted(len(splits.train), 'photograph')} of {len(splits.classes)} classes"
            f" ({Path(config.data).name})"
            + (f", begun with {init_from.named(config.init_from)}" if config.init_from else "")
            + (f", taught by {teaching.named(config.teaching)}" if self.teachers else ""),
            self.known,
        )
        return Trainer(
            model,
            TaskData(
                task,
                source,
                PhotoBatches(splits.valid),
                PicturePredictions(splits.valid, splits.classes, view),
                judge_first=self.whole,
                foresee=lambda samples: advice(samples, len(splits.train), config, ahead=True),
            ),
            train,
            RunOutput(run, provenance),
            self.session.runtime(),
        )

    def fit(self, trainer: Trainer, resume: bool = False) -> Outcome:
        """Train to the end, say how many pseudo-labels there were, and add `advice`."""
        outcome, task = trainer.fit(resume), trainer.data.task
        if isinstance(task, GuidedTask) and task.pseudo is not None:
            sure, all_of_them = task.pseudo.counts.tolist()
            self.session.say(
                f"pseudo-labels: {sure / max(all_of_them, 1):.0%} of {all_of_them:.0f} guesses were"
                f" as sure as {task.pseudo.threshold:.3g}"
            )
        return replace(outcome, advice=self._advice(outcome))

    def _advice(self, outcome: Outcome) -> str:
        if outcome.samples and outcome.best.get("samples") == 0:
            source = init_from.named(self.config.init_from)
            return (
                f"nothing learnt here was better than {source} as it was, which is what"
                f" {modelfile.BEST} holds; give a lower --learning-rate or more"
                f" --{self.config.train.budget_name}"
            )
        guessing = chance(outcome.best.get("accuracy"), self.splits.valid.labels)
        if guessing:
            self.session.say(f"note: {guessing}")
        return advice(outcome.samples, len(self.splits.train), self.config)

    def _lessons(
        self, train: TrainConfig, augment: Augmenter, view: Augmenter, balance: Tensor | None
    ) -> tuple[PhotoSource, ImageTask]:
        """The batches and the task: one with teachers if there are any, guided ones if that is
        asked for, and there is an average."""
        config, splits, processes = self.config, self.splits, self.session.processes
        share = {
            "batch": train.batch // train.accumulate,
            "seed": train.seed,
            "rank": processes.rank,
            "world": processes.world,
        }
        smoothing, growth = train.label_smoothing, config.growth
        if self.teachers is not None:
            taught = TaughtTask(
                augment,
                view,
                self.teachers,
                config.teaching,
                label_smoothing=smoothing,
                class_weights=balance,
                growth=growth,
            )
            return PhotoSource(splits.train, **share), taught
        if not config.guided or (config.asks_average and not train.ema):
            task = ImageTask(augment, view, smoothing, class_weights=balance, growth=growth)
            return PhotoSource(splits.train, **share), task
        noisy = pseudo = None
        if config.noisy.method != "none":
            labels = splits.train.labels
            noisy = NoisyLabels(config.noisy, labels, len(splits.classes), processes=processes)
        if self.spare is not None:
            found = np.bincount(splits.train.labels, minlength=len(splits.classes))
            shares = found / found.sum()
            pseudo = PseudoLabels(config.unlabelled, augment, view, shares, smoothing=smoothing)
        spare = None if self.spare is None else self.spare.photos
        source = GuidedSource(splits.train, **share, spare=spare, ratio=config.unlabelled.ratio)
        return source, GuidedTask(
            augment,
            view,
            smoothing,
            class_weights=balance,
            noisy=noisy,
            pseudo=pseudo,
            growth=growth,
        )

    def both(self, model: FineTunable, run: RunFolder) -> Outcome:
        """The head learns alone first, in a run of its own inside the run's folder; then all that
        is to learn. Teachers teach in both.

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
                return self.fit(self.trainer(model, train, run), True)
            model.load_state_dict(state["model"])
            precision = choose_again(
                session.device,
                train.precision,
                state["precision"],
                state.get("device"),
                by_capability=train.deterministic,
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
        return self.fit(self.trainer(model, train, run))

    def _head_alone(self, model: FineTunable, train: TrainConfig, folder: Path) -> Outcome:
        """The first stage, into `folder`; it goes on if it has begun and the run is resumed. If
        pictures grow, it sees the size with which the second stage begins."""
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
        size = config.grow_from or config.train_size
        stage = replace(self, config=replace(config, train_size=size, grow_from=0))
        try:
            return stage.trainer(model, alone, head).fit(resume)
        finally:
            head.close()


def labelled_of(
    config: ClassifierRunConfig,
    cache: Path | None = None,
    *,
    jobs: int | None = None,
    quiet: bool = False,
) -> Splits:
    """The labelled photographs of a run, divided as it divides them, and as its lists have them;
    decoded pictures are kept in the folder `cache` (None: see `ImageStore`). Raises UserError."""
    store = ImageStore(config.network.store_size, config.network.fit, cache)
    splits = load_splits(config.data, config.split, store, jobs=jobs, quiet=quiet)
    return listed.apply(config.listed, splits, config.data) if config.listed else splits


def _photographs(
    config: ClassifierRunConfig, jobs: int | None, quiet: bool, cache: Path | None
) -> tuple[Splits, Spare | None]:
    """The labelled photographs of a run and the unlabelled ones, if it learns from any."""
    splits = labelled_of(config, cache, jobs=jobs, quiet=quiet)
    named = config.unlabelled.source
    words = UNUSED[SPARE], UNCLASSED
    unused = [note for note in splits.notes if any(word in note for word in words)]
    notes = [note for note in splits.notes if note not in unused]
    if named is None:
        notes += [f"{note}; --unlabelled learns from them" for note in unused]
        return replace(splits, notes=tuple(notes)), None
    if named:
        spare = load_spare(named, splits, jobs=jobs, quiet=quiet)
    else:
        labelling = config.split.labelling
        spare = load_spare(config.data, splits, labelling, own=True, jobs=jobs, quiet=quiet)
    return replace(splits, notes=(*notes, *(unused if named else ()), *spare.notes)), spare


def _need_same_names(classes: tuple[str, ...], session: sessions.Session) -> None:
    """Raises UserError if a run that goes on began with other names of classes."""
    for here, before in zip(classes, session.before.get(CLASSES, classes), strict=False):
        if here != before:
            raise UserError(
                f"the class {here} was called {before} when the run in {session.launch.out} began;"
                " call it that again, or start a new run"
            )


def _model(network: ClassifierConfig, config: ClassifierRunConfig, resume: bool) -> Classifier:
    """The network with its starting weights and its frozen parts; a resumed run gets its weights
    from the checkpoint."""
    try:
        model = build(network)
        if isinstance(model, FineTunable):
            if config.pretrained != "none" and not resume:
                weights.load_backbone(model, config.pretrained)
            model.freeze(config.unfreeze)
        if not resume:
            need_parts(model, config.train.rate_factors)
            for size in sorted({*config.sizes} - {network.size}):
                need_size(model, size)
    except ValueError as error:
        raise UserError(f"{error}") from error
    return model
