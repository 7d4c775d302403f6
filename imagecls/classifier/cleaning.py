"""Finding labels that are likely wrong: confident learning (Northcutt et al. 2021,
https://arxiv.org/abs/1911.00068).

A picture seems to be of a class if that class is at least as probable as it is, on average, for the
pictures that have its label: each class has a threshold of its own, so that classes which a network
is never sure of do not fill the list. A label is likely wrong where the most probable of those
classes is another one.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gocnn import bars, modelfile
from gocnn.errors import UserError
from gocnn.training import TrainConfig
from gocnn.training.session import Launch
from imagecls.augment import RECIPES
from imagecls.classifier import shipped, training
from imagecls.classifier.known import learnt_from
from imagecls.classifier.model import Ensemble, Floats, load
from imagecls.classifier.models import ClassifierConfig
from imagecls.photos.data import Split, bad_notes, labelled, load_splits, why
from imagecls.photos.labelling import FOLDERS, Labelling
from imagecls.photos.layout import TEST, TRAIN, VALID, WHOLE
from imagecls.photos.sets import Labels, PhotoSet, photo_set
from imagecls.photos.store import ImageStore


@dataclass(frozen=True)
class Suspect:
    """A label that is likely wrong: the picture's index, its class and the likely one (indices),
    the probability of the latter, and by how much that is greater than the given one's (-1 to
    1)."""

    index: int
    given: int
    likely: int
    probability: float
    margin: float


def thresholds(probabilities: Floats, labels: Labels) -> Floats:
    """For each class the mean probability of it, over the pictures with that label; infinite where
    there are none."""
    classes = probabilities.shape[1]
    means = [
        probabilities[labels == j, j].mean() if (labels == j).any() else np.inf
        for j in range(classes)
    ]
    return np.array(means, np.float32)


def suspects(probabilities: Floats, labels: Labels) -> list[Suspect]:
    """The labels, int64 `(N,)`, that are likely wrong by probabilities, float32 `(N, classes)`: the
    off-diagonal of the confident joint, without those whose own class is the more probable one
    after all (a class that is hardly ever answered is soon confident), the largest margin first."""
    confident = probabilities >= thresholds(probabilities, labels)
    likely = np.where(confident, probabilities, -1.0).argmax(1)
    rows = np.arange(len(labels))
    more = probabilities[rows, likely] > probabilities[rows, labels]
    found = np.flatnonzero(confident.any(1) & more)
    suspected = [
        Suspect(
            i,
            int(labels[i]),
            int(likely[i]),
            float(probabilities[i, likely[i]]),
            float(probabilities[i, likely[i]] - probabilities[i, labels[i]]),
        )
        for i in found.tolist()
    ]
    return sorted(suspected, key=lambda row: -row.margin)


FAIR, SUBSTANTIAL, MUCH = 0.4, 0.6, 0.3
"""See `doubt`."""


def agreement(probabilities: Floats, labels: Labels) -> float:
    """The share, 0 to 1, of the labels that are the most probable class; NaN of none."""
    return float((probabilities.argmax(1) == labels).mean()) if len(labels) else float("nan")


def doubt(probabilities: Floats, labels: Labels, listed: int) -> str:
    """A sentence if the list of `suspects`, which has `listed` labels, is not to be trusted; else
    empty.

    Confident learning takes the judge to be better than chance by far, and most labels to be right.
    The judge is poor where its agreement a with the labels, evened out for what guessing among k
    classes gives, (a - 1/k) / (1 - 1/k) (Brennan and Prediger 1981), is below FAIR: so Landis and
    Koch (1977) call agreement of two raters that is not moderate (46 % of ten classes, 70 % of
    two), and below SUBSTANTIAL many of the list are the judge's mistakes still. A list is
    implausible with more than MUCH of all labels: in the ten test sets of Northcutt et al. (2021,
    https://arxiv.org/abs/2103.14749) 0.2 to 10 % are wrong, and of photographs gathered from the
    web without a look seldom more than a third.
    """
    if not len(labels):
        return ""
    share, chance = agreement(probabilities, labels), 1 / max(probabilities.shape[1], 2)
    better = (share - chance) / (1 - chance)
    if better < SUBSTANTIAL:
        most = "most" if better < FAIR else "many"
        so = f"{most} of the list are likely its own mistakes" if listed else "it may miss many"
        return (
            f"the judge agrees with only {share:.0%} of the labels (guessing: {chance:.0%}), so"
            f" that {so}; let one judge that was trained for longer or on more pictures"
        )
    if listed > MUCH * len(labels):
        return (
            f"{listed / len(labels):.0%} of the labels are more than are wrong in nearly any set,"
            " so that many of the list are likely the judge's own mistakes; trust the first lines"
            " only, or let a better one judge"
        )
    return ""


def predicted(
    ensemble: Ensemble,
    sets: dict[Any, PhotoSet],
    tta: int,
    *,
    tick: Callable[[int], Any] = lambda _: None,
    chunk: int = 128,
) -> Floats:
    """Probabilities, float32 `(N, classes)`, of N pictures, which are given in each of the formats
    of the `ensemble`, averaged over `tta` views."""
    count = len(next(iter(sets.values())))
    parts = [np.zeros((0, len(ensemble.classes)), np.float32)]
    for i in range(0, count, chunk):
        parts.append(
            ensemble.probabilities(
                {key: s.store.pixels(s.rows[i : i + chunk]) for key, s in sets.items()}, tta
            )
        )
        tick(len(parts[-1]))
    return np.concatenate(parts)


def judged_by(
    ensemble: Ensemble,
    data: str,
    part: str | None = None,
    *,
    labelling: Labelling = FOLDERS,
    tta: int = 4,
    cache: Path | None = None,
    said: Callable[[str], Any] = lambda _: None,
    quiet: bool = True,
) -> "JudgedPictures":
    """What classifiers say of the labelled pictures of a part of `data` (None: the training part,
    else what there is). `said` is told what a person should know, among it whether they have learnt
    from these pictures; `quiet`: no bar. Raises UserError if there are no such pictures."""

    def note(text: str) -> None:
        said(f"note: {text}")

    photos = labelled(data, ensemble.classes, *_parts(part), labelling=labelling, said=note)
    sets = {}
    for size, fit in ensemble.formats:
        store = ImageStore(size, fit, cache)
        added = store.add(photos, quiet=quiet)
        sets[size, fit] = photo_set(store, photos, added)
    first = next(iter(sets.values()))
    if not len(first):
        raise UserError(f"no picture of {data} can be read{why(added)}; give others")
    for text in bad_notes(added):
        note(text)
    for member in ensemble.members:
        learnt, name = learnt_from(member.provenance, first), shipped.named(member.path)
        if learnt is None:
            note(
                f"{name} does not say which pictures it has learnt from; if these are among them,"
                " their wrong labels too, it finds few of those: --folds 4 finds more"
            )
        elif learnt.any():
            note(
                f"{name} has learnt from {learnt.sum()} of these {len(first)} pictures, their wrong"
                " labels too, of which it finds few; --folds 4 judges each by a network that has"
                " not seen it"
            )
    with bars.bar(
        total=len(first), unit=" pictures", disable=quiet or not sys.stderr.isatty()
    ) as bar:
        rows = predicted(ensemble, sets, tta, tick=bar.update)
    return JudgedPictures(ensemble.classes, first, rows)


def _parts(part: str | None) -> list[str]:
    return [part] if part else [TRAIN, WHOLE, VALID, TEST]


def small(size: int, train: TrainConfig, data: str, split: Split) -> training.ClassifierRunConfig:
    """What is asked of each of the networks that judge out of fold."""
    network = ClassifierConfig(
        "resnet", (), size, size * 5 // 4, widths=(32, 64, 128), stem_stride=2, hidden=()
    )
    return training.ClassifierRunConfig(
        data=data, split=split, network=network, recipe=RECIPES["lecture"], train=train
    )


@dataclass(frozen=True)
class JudgedPictures:
    """Pictures with their labels, and what networks say of them: probabilities, float32 `(N,
    classes)`."""

    classes: tuple[str, ...]
    photos: PhotoSet
    probabilities: Floats

    def only(self, part: str | None, data: str, labelling: Labelling = FOLDERS) -> "JudgedPictures":
        """Those of a part of `data`; None: of the training part, or of all if there is none. Raises
        UserError if it has no such part."""
        wanted = labelled(data, self.classes, *_parts(part), labelling=labelling)
        here = {photo.name for photo in wanted}
        mask = np.array([photo.name in here for photo in self.photos.photos], bool)
        return JudgedPictures(self.classes, self.photos.take(mask), self.probabilities[mask])


def out_of_fold(
    config: training.ClassifierRunConfig,
    launch: Launch,
    tta: int,
    *,
    cache: Path | None = None,
    said: Callable[[str], Any] = lambda _: None,
) -> JudgedPictures:
    """Train a network for each of `config.split.folds` folds, as img-train does, and let each judge
    the pictures of its fold.

    All labelled pictures of the training and the validation part are divided. The last network of a
    run is taken, not the best: that was chosen by the pictures that it is to judge. The runs are in
    the folder `launch.out`, one below the other. Raises UserError as img-train does, and
    KeyboardInterrupt.
    """
    parts: list[PhotoSet] = []
    rows: list[Floats] = []
    folds = config.split.folds
    classes: tuple[str, ...] = ()
    for fold in range(folds):
        split = replace(config.split, fold=fold)
        run = launch.out / str(fold)
        train = replace(config.train, seed=config.train.seed + fold)
        outcome = training.train(
            replace(config, split=split, train=train), replace(launch, out=run), cache=cache
        )
        if outcome.interrupted:
            raise KeyboardInterrupt
        predictor = load(run / modelfile.LAST, launch.device)
        network = predictor.config
        splits = load_splits(
            config.data, split, ImageStore(network.store_size, network.fit, cache), quiet=True
        )
        ensemble = Ensemble([predictor])
        rows.append(predicted(ensemble, {ensemble.formats[0]: splits.valid}, tta))
        parts.append(splits.valid)
        classes = splits.classes
        right = float((rows[-1].argmax(1) == splits.valid.labels).mean())
        said(
            f"fold {fold + 1} of {folds}: {outcome.samples} samples in {outcome.seconds:.0f} s;"
            f" agrees with {right:.1%} of the {len(splits.valid)} labels that it has not seen"
        )
    together = PhotoSet(
        parts[0].store,
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.labels for part in parts]),
        tuple(photo for part in parts for photo in part.photos),
    )
    return JudgedPictures(classes, together, np.concatenate(rows))


def judged_out_of_fold(
    data: str,
    folds: int,
    *,
    minutes: float | None = None,
    epochs: float | None = None,
    size: int = 64,
    tta: int = 4,
    device: str = "cpu",
    labelling: Labelling = FOLDERS,
    cache: Path | None = None,
    said: Callable[[str], Any] = lambda _: None,
) -> JudgedPictures:
    """The same with small networks, whose runs are thrown away. The budget is in `minutes`, over
    all of them, or in `epochs`, of each."""
    each = None if minutes is None else minutes / folds
    train = TrainConfig(
        minutes=each,
        epochs=epochs,
        batch=32,
        weight_decay=0.05,
        label_smoothing=0.1,
        ema=0.99,
        validations=1,
    )
    config = small(size, train, data, Split(folds=folds, labelling=labelling))
    with tempfile.TemporaryDirectory(prefix="gocnn-clean-") as folder:
        launch = Launch(out=Path(folder), resume=False, device=device, quiet=True)
        return out_of_fold(config, launch, tta, cache=cache, said=said)
