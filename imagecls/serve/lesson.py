"""Station 5 of the lecture, *A photograph bears pooling*: a picture pooled again and again and what
a classifier says of it then, the maps between, and augmentation."""

import base64
from functools import partial
from itertools import chain
from typing import Annotated

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct
from starlette.routing import BaseRoute

from gocnn.serve.endpoints import get, post
from gocnn.serve.lesson.code import code
from imagecls.photos.shrinking import Way, enlarged, pooled
from imagecls.serve.asking import ImageAnswer, Key, WhichModel, in_order
from imagecls.serve.kept import address_of, sample_names
from imagecls.serve.models import torch_needed
from imagecls.serve.state import ImageState

TIMES = 5
"""Poolings, one after the other."""

SIDE = 128
"""Pixels a side of a picture without a classifier that says what it wants."""

TOP = 3
"""Classes that are shown."""

MAPS = 8
"""Maps of a stage that are shown."""

PLACES = {
    "shrinking": ("imagecls.photos.shrinking", "halved"),
    "cnn": ("imagecls.classifier.models.cnn", "PlainCNN"),
    "gradcam": ("imagecls.classifier.explain", "grad_cam"),
    "augment": ("imagecls.augment.pipeline", "Augmenter"),
}
"""The code behind the station, by the name in the address."""

Share = Annotated[float, Meta(ge=0, le=1)]
Degrees = Annotated[float, Meta(ge=0, le=180)]


class SamplePictures(Struct):
    """Names of drawn pictures that come with the program; `sample:NAME` is asked for like a picture
    that was sent."""

    samples: list[str]


class AskedShrinking(Struct):
    """picture: what was answered when it was sent, or `sample:NAME`; way: `none`, `max`, `min`,
    `mean` or `every-second`; model: a classifier's name; null asks none."""

    picture: Key
    way: Way = "max"
    model: str | None = None


class ShrunkenPicture(Struct):
    """A picture after so many poolings. side: in pixels; picture: its address; answers: the
    likeliest classes, of the picture enlarged again to what the classifier wants (none without a
    classifier)."""

    side: int
    picture: str
    answers: list[ImageAnswer]


class ShrunkenPictures(Struct):
    """model: the classifier that was asked, or null; pictures: the whole one first."""

    model: str | None
    pictures: list[ShrunkenPicture]


class AskedStages(Struct):
    """picture: what was answered when it was sent, or `sample:NAME`; model: a classifier's name
    (the first one); way: how a `cnn` pools instead of as it has learnt to."""

    picture: Key
    model: str | None = None
    way: Way | None = None


class StageMaps(Struct):
    """A stage of a network. pools: whether it is a pooling; channels, side: of its maps; numbers:
    of those that are shown, which say most; low, high: the least and the largest value of each;
    values: a byte for each point of each, row by row from the top, 255 for the largest, in
    base64."""

    name: str
    pools: bool
    channels: int
    side: int
    numbers: list[int]
    low: list[float]
    high: list[float]
    values: str


class StagedPicture(Struct):
    """The stages of a classifier for a picture. pool: the pooling that a `cnn` has learnt with,
    empty for other networks; answers: at the end (none where the maps do not fit any more)."""

    model: str
    pool: str
    stages: list[StageMaps]
    answers: list[ImageAnswer]


class AskedViews(Struct):
    """picture: what was answered when it was sent, or `sample:NAME`; count: random views; seed: of
    what is drawn; the others: the recipe's settings, as `imagecls.augment.Recipe` says; size:
    pixels a side."""

    picture: Key
    count: Annotated[int, Meta(ge=1, le=32)] = 12
    seed: Annotated[int, Meta(ge=0, le=1 << 31)] = 1
    size: Annotated[int, Meta(ge=16, le=256)] = 128
    flip: Share = 0.5
    rotate: Degrees = 15.0
    affine_rotate: Degrees = 10.0
    shear: Annotated[float, Meta(ge=0, le=60)] = 10.0
    shift: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    scale: Annotated[float, Meta(ge=0, le=0.9)] = 0.0
    brightness: Share = 0.2
    contrast: Share = 0.2
    saturation: Share = 0.2
    hue: Annotated[float, Meta(ge=0, le=0.5)] = 0.2


class AugmentedViews(Struct):
    """Addresses of the views."""

    views: list[str]


def samples() -> SamplePictures:
    """The drawn pictures that come with the program."""
    return SamplePictures(sample_names())


def beginning(state: ImageState) -> WhichModel:
    """The classifier that the station begins with: the first one that knows a drawn dish, else one
    that ships, else the first one; null if there is none."""
    every = state.models.named()
    dishes = {name.partition("-")[0] for name in sample_names()}
    knowing = (one for one in every if dishes & set(state.models.classes(one)))
    shipped = (one for one in every if one.shipped)
    chosen = next(chain(knowing, shipped, every), None)
    return WhichModel(None if chosen is None else chosen.name)


def shrinking(state: ImageState, asked: AskedShrinking) -> ShrunkenPictures:
    """A picture after none, one, two ... poolings, and what a classifier says of each."""
    kept = state.pictures.get(asked.picture)
    one = None if asked.model is None else state.models.opened(asked.model)
    if one is None:
        whole = kept.pixels(SIDE)
    else:
        whole = kept.pixels(one.asked.config.store_size, one.asked.config.fit)
    side = whole.shape[1]
    found = pooled(whole, asked.way, 0 if asked.way == "none" else TIMES)
    answers: list[list[ImageAnswer]] = [[] for _ in found]
    if one is not None:
        large = np.stack([enlarged(each, side) for each in found])
        with state.models.asking(one):
            rows = one.asked.probabilities(large)
        answers = [in_order(one.classes, row)[:TOP] for row in rows]
    return ShrunkenPictures(
        None if one is None else one.named.name,
        [
            ShrunkenPicture(each.shape[1], address_of(each, kind="PNG"), said)
            for each, said in zip(found, answers, strict=True)
        ],
    )


def stages(state: ImageState, asked: AskedStages) -> StagedPicture:
    """The maps that the stages of a classifier make of a picture."""
    kept = state.pictures.get(asked.picture)
    one = state.models.opened(asked.model)
    config = one.asked.config
    pixels = kept.pixels(config.store_size, config.fit)
    with state.models.computing():
        with torch_needed():
            from imagecls.classifier.staged import pools, staged

        found, row = staged(one.inside, pixels, asked.way)
        pool = one.inside.config.pool if pools(one.inside) else ""
    # the same maps before and after a pooling, so that one sees what it does to them
    told: list[StageMaps] = []
    numbers: list[int] = []
    for each in found:
        if not (each.pools and numbers and len(each.maps) > max(numbers)):
            spread = each.maps.std((1, 2))
            numbers = sorted(np.argsort(-spread, kind="stable")[:MAPS].tolist())
        told.append(_told(each.name, each.pools, each.maps, numbers))
    answers = [] if row is None else in_order(one.classes, row)[:TOP]
    return StagedPicture(one.named.name, pool, told, answers)


def augment(state: ImageState, asked: AskedViews) -> AugmentedViews:
    """Random views of a picture, as training sees them: by the lecture's recipe, or with other
    settings."""
    pixels = state.pictures.get(asked.picture).pixels(asked.size * 5 // 4)
    with state.models.computing():
        with torch_needed():
            import torch

            from gocnn.nn.seeds import seeded
            from imagecls.augment import RECIPES, Augmenter, changed

        recipe = changed(
            RECIPES["lecture"],
            flip=asked.flip,
            rotate=asked.rotate,
            affine_rotate=asked.affine_rotate,
            shear=asked.shear,
            shift=asked.shift,
            scale=asked.scale,
            jitter=(asked.brightness, asked.contrast, asked.saturation, asked.hue),
        )
        augmenter = Augmenter(recipe, asked.size, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        with seeded(asked.seed):
            many = torch.from_numpy(pixels).expand(asked.count, -1, -1, -1).contiguous()
            views = augmenter.views(many)
        shown = (views.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return AugmentedViews([address_of(each) for each in shown])


def _told(name: str, is_pool: bool, maps: npt.NDArray[np.float32], numbers: list[int]) -> StageMaps:
    shown = maps[numbers]
    low, high = shown.min((1, 2)), shown.max((1, 2))
    span = np.maximum(high - low, 1e-12)[:, None, None]
    values = np.rint((shown - low[:, None, None]) / span * 255).astype(np.uint8)
    return StageMaps(
        name,
        is_pool,
        len(maps),
        maps.shape[1],
        numbers,
        [round(float(each), 5) for each in low],
        [round(float(each), 5) for each in high],
        base64.b64encode(values.tobytes()).decode(),
    )


def routes(state: ImageState) -> list[BaseRoute]:
    """Below `/api/images`."""
    return [
        get("/samples", samples),
        get("/lesson/beginning", partial(beginning, state)),
        post("/lesson/shrinking", partial(shrinking, state)),
        post("/lesson/stages", partial(stages, state)),
        post("/lesson/augment", partial(augment, state)),
        get("/lesson/code/{name}", partial(code, PLACES)),
    ]
