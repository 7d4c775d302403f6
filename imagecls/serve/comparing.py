"""A picture beside those that a classifier has learnt from; and how well it tells those apart that
it has not learnt from."""

from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct
from starlette.routing import BaseRoute

from gocnn.errors import UserError
from gocnn.serve.endpoints import get, post
from gocnn.serve.failures import Refusal
from gocnn.serve.jobs import Job
from imagecls.serve.asking import ImageAnswer, Key, WhichModel, in_order
from imagecls.serve.kept import address_of
from imagecls.serve.models import Opened, torch_needed
from imagecls.serve.state import ImageState

if TYPE_CHECKING:
    from imagecls.classifier.evaluation import Predictions
    from imagecls.classifier.features import Layer
    from imagecls.classifier.learnt import Learnt
    from imagecls.photos.sets import PhotoSet

NEIGHBOURS, EVALUATION = "neighbours", "evaluation"
SHOWN = 160
"""Pixels a side of a picture of the run that is shown."""

CELL = 48
"""Pictures of a cell that are answered at once."""


class Done(Struct, tag="progress"):
    """pictures: how many are looked at, of how many."""

    pictures: int
    of_pictures: int


class AskedNeighbours(Struct):
    """picture: what was answered when it was sent; count: how many; model: a classifier's name (the
    first one)."""

    picture: Key
    count: Annotated[int, Meta(ge=1, le=60)] = 10
    model: str | None = None


class Neighbour(Struct):
    """A picture that was learnt from. name: of its file; label: its class; alike: the cosine of
    the angle between the features of both, 1 for the same direction; picture: its address."""

    name: str
    label: str
    alike: float
    picture: str


class FoundNeighbours(Struct):
    """job: the id of the job that looks at the pictures first, whose progress is told at
    `/api/images/jobs/ID/events`; ask again then. Or null, and: neighbours: the most alike first;
    of: among how many pictures; source: the name of their folder or archive; changed: whether these
    are others than those that the classifier has learnt from."""

    job: str | None
    neighbours: list[Neighbour]
    of: int = 0
    source: str = ""
    changed: bool = False


class ClassFigures(Struct):
    """A class: how many pictures it has, how often it was answered, and precision, recall and F1
    (null where there is none)."""

    name: str
    pictures: int
    answered: int
    precision: float | None
    recall: float | None
    f1: float | None


class Figures(Struct):
    """The figures of `img-eval`. accuracy, top3: shares with their 95 % intervals; loss: nats;
    confusion: pictures by true class (rows) and answer (columns); calibration_error: 0 to 1."""

    pictures: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    top3: float
    top3_interval: tuple[float, float]
    loss: float
    classes: list[ClassFigures]
    confusion: list[list[int]]
    calibration_error: float


class Evaluation(Struct):
    """job: the id of the job that measures, whose progress is told at `/api/images/jobs/ID/events`;
    ask again then. Or null, and: figures; source: the name of the folder or archive; changed:
    whether its pictures are others than those of the training; learnt_from: how many of those that
    are judged the classifier has learnt from, or null if its file does not say."""

    job: str | None
    figures: Figures | None = None
    source: str = ""
    changed: bool = False
    learnt_from: int | None = None


class AskedCell(Struct):
    """label: the true class; answer: what was answered; begin: how many to pass over."""

    label: str
    answer: str
    begin: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    model: str | None = None


class CellPicture(Struct):
    """A picture of the validation. name: of its file; picture: its address; answers: of the three
    likeliest classes."""

    name: str
    picture: str
    answers: list[ImageAnswer]


class Cell(Struct):
    """A cell of the confusion matrix. count: its pictures; pictures: some of them, the surest
    answers first."""

    count: int
    pictures: list[CellPicture]


@dataclass(frozen=True)
class _LearntFeatures:
    """The pictures that were learnt from, and their features, `(N, C)`, of a layer."""

    learnt: "Learnt"
    layer: "Layer"
    features: npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Judgement:
    """The pictures of the validation, what was said of them, and how many of them were learnt from;
    None if that is not known."""

    learnt: "Learnt"
    predictions: "Predictions"
    among: int | None


def neighbours(state: ImageState, asked: AskedNeighbours) -> FoundNeighbours:
    """The pictures that a classifier has learnt from and that it finds most alike to this one, by
    the features before its decision. The first time they are looked at in a job."""
    kept = state.pictures.get(asked.picture)
    one = state.models.opened(asked.model)
    known, job = state.works.get(NEIGHBOURS, one, partial(_features, state, one))
    if known is None:
        return FoundNeighbours(job, [])
    config = one.asked.config
    pixels = kept.pixels(config.store_size, config.fit)
    with state.models.computing():
        with torch_needed():
            from imagecls.classifier import features

        mine = features.vectors(one.inside, lambda *_: pixels[None], 1, known.layer)[0]
        order, cosines = features.nearest(known.features, mine, asked.count)
    photos = known.learnt.splits.train
    shown = photos.store.pixels(photos.rows[order])
    return FoundNeighbours(
        None,
        [
            Neighbour(
                PurePath(photos.photos[i].name).name,
                one.classes[int(photos.labels[i])],
                round(float(alike), 5),
                address_of(each, SHOWN),
            )
            for i, alike, each in zip(order.tolist(), cosines, shown, strict=True)
        ],
        len(photos),
        known.learnt.name,
        known.learnt.changed,
    )


def evaluation(state: ImageState, asked: WhichModel) -> Evaluation:
    """How well a classifier tells the pictures of its validation apart, as `img-eval` measures it;
    a job the first time."""
    one = state.models.opened(asked.model)
    judged, job = state.works.get(EVALUATION, one, partial(_judge, state, one))
    if judged is None:
        return Evaluation(job)
    with torch_needed():
        from imagecls.classifier import evaluation as measuring
    found: dict[str, Any] = measuring.figures(judged.predictions, one.classes)
    rows = [
        ClassFigures(
            row["class"],
            row["pictures"],
            row["answered"],
            row["precision"],
            row["recall"],
            row["f1"],
        )
        for row in found["classes"]
    ]
    figures = Figures(
        found["pictures"],
        found["accuracy"],
        tuple(found["accuracy_interval"]),
        found["top3"],
        tuple(found["top3_interval"]),
        found["loss"],
        rows,
        found["confusion"],
        found["calibration_error"],
    )
    learnt = judged.learnt
    return Evaluation(None, figures, learnt.name, learnt.changed, judged.among)


def cell(state: ImageState, asked: AskedCell) -> Cell:
    """The pictures in a cell of the confusion matrix, once that is measured."""
    one = state.models.opened(asked.model)
    label, answer = one.label(asked.label), one.label(asked.answer)
    judged = state.works.found(EVALUATION, one)
    if judged is None:
        raise Refusal(404, "this classifier is not measured any more; ask for its evaluation again")
    said, photos = judged.predictions, judged.learnt.splits.valid
    here = np.flatnonzero((said.labels == label) & (said.answers == answer))
    sure = here[np.argsort(-said.probabilities[here, answer], kind="stable")]
    chosen = sure[asked.begin : asked.begin + CELL]
    pictures = [
        CellPicture(
            PurePath(photos.photos[int(i)].name).name,
            address_of(pixels, SHOWN),
            in_order(one.classes, said.probabilities[i])[:3],
        )
        for i, pixels in zip(chosen, photos.store.pixels(photos.rows[chosen]), strict=True)
    ]
    return Cell(len(here), pictures)


def _learnt(one: Opened) -> "Learnt":
    """Raises UserError if the pictures are not there any more."""
    with torch_needed():
        from imagecls.classifier.learnt import learnt
    # a file that was exported for another size lies beside its run
    found = learnt(one.named.path, size=one.asked.config.store_size)
    if found.splits.classes != one.classes:
        raise UserError(
            f"{found.name} has other classes now than {one.named.name} has learnt; put the"
            " photographs back as they were, or train again"
        )
    return found


def _ticking(job: Job, photos: "PhotoSet") -> Any:
    """Counts pictures for whoever listens."""
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        job.report(Done(done, len(photos)))

    tick(0)
    return tick


def _features(state: ImageState, one: Opened, job: Job) -> _LearntFeatures:
    job.report(Done(0, 0))
    learnt = _learnt(one)
    with torch_needed():
        from imagecls.classifier import features

    photos = learnt.splits.train
    tick, parts = _ticking(job, photos), []
    with state.models.computing():
        layer = features.layer_called(one.inside, features.TOP)
    for i in range(0, len(photos), features.CHUNK):
        rows = photos.rows[i : i + features.CHUNK]
        pixels = photos.store.pixels(rows)
        with state.models.computing():  # whoever asks meanwhile has a turn between
            parts.append(features.vectors(one.inside, lambda *_: pixels, len(rows), layer))  # noqa: B023
        tick(len(rows))
    return _LearntFeatures(learnt, layer, np.concatenate(parts))


def _judge(state: ImageState, one: Opened, job: Job) -> _Judgement:
    job.report(Done(0, 0))
    learnt = _learnt(one)
    with torch_needed():
        from imagecls.classifier.evaluation import judge
        from imagecls.classifier.known import learnt_from

    photos = learnt.splits.valid

    def probabilities(indices: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        with state.models.asking(one):
            return one.asked.probabilities(photos.store.pixels(photos.rows[indices]))

    rows, tick = np.arange(len(photos)), _ticking(job, photos)
    seen = learnt_from(one.asked.provenance, photos)
    return _Judgement(
        learnt,
        judge(probabilities, rows, photos.labels, chunk=32, tick=tick),
        None if seen is None else int(seen.sum()),
    )


def routes(state: ImageState) -> list[BaseRoute]:
    """Below `/api/images`."""
    return [
        post("/neighbours", partial(neighbours, state)),
        post("/evaluation", partial(evaluation, state)),
        get("/evaluation/cell", partial(cell, state)),
        *state.jobs.routes("/jobs"),
    ]
