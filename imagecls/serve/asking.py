"""A picture is sent, named, and explained."""

import base64
from functools import partial
from pathlib import PurePath
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from starlette.responses import Response
from starlette.routing import BaseRoute

from gocnn.errors import UserError
from gocnn.serve import failures
from gocnn.serve.config import PICTURE_BYTES
from gocnn.serve.endpoints import get, post
from imagecls.photos.treated import Treatment, treatments
from imagecls.serve.kept import address_of, opened, shown
from imagecls.serve.models import torch_needed
from imagecls.serve.state import ImageState

Key = Annotated[str, Meta(max_length=200)]
NAME_LENGTH = 120


class ImageModel(Struct):
    """A classifier. found: whether it is one of the server's runs; shipped: whether it came with
    the program (else it was named when the server was started)."""

    name: str
    found: bool
    shipped: bool


class ImageModels(Struct):
    """The classifiers, the one to begin with first."""

    models: list[ImageModel]


class WhichModel(Struct):
    """model: a classifier's name (the first one)."""

    model: str | None = None


class ModelLayer(Struct):
    """A layer whose output is feature maps: its name, and how many of what size."""

    name: str
    channels: int
    height: int
    width: int


class OpenModel(Struct):
    """A classifier. kind: `cnn`, `resnet`, `resnet101` or another network's name; size: pixels a
    side that it sees; fit: how a picture becomes square, `squash` (stretched) or `crop` (its
    middle); photographs: the name of the folder or archive that it has learnt from, or empty."""

    name: str
    shipped: bool
    classes: list[str]
    kind: str
    size: int
    fit: str
    photographs: str


class ModelLayers(Struct):
    """The layers of a classifier that can be explained, from the picture on."""

    layers: list[ModelLayer]


class NamedPicture(Struct):
    """name: of the file, to be quoted in what is said of it."""

    name: str = "the picture"


class SentPicture(Struct):
    """picture: what it is asked for by, as long as it is kept; width, height: in pixels, upright;
    treated: what was done to it first, of `turned` (upright by EXIF), `transparent` (laid on
    white), `cmyk`, `deep` (more than 8 bits a colour), `first` (of several pictures), `grey`."""

    picture: str
    name: str
    width: int
    height: int
    treated: list[Treatment]


class WhichPicture(Struct):
    """picture: what was answered when it was sent, or `sample:NAME`."""

    picture: Key


class AskedClasses(Struct):
    """picture: what was answered when it was sent; model: a classifier's name (the first one);
    views: how many views of the picture are averaged (2: also mirrored)."""

    picture: Key
    model: str | None = None
    views: Annotated[int, Meta(ge=1, le=12)] = 1


class ImageAnswer(Struct):
    """A class, and the probability that the picture is of it."""

    name: str
    probability: float


class ImageAnswers(Struct):
    """All classes, the likeliest first."""

    model: str
    answers: list[ImageAnswer]


class AskedWhere(Struct):
    """picture: what was answered when it was sent; label: the class to be explained (the answer);
    layer: whose feature maps (the last ones); model: a classifier's name (the first one)."""

    picture: Key
    label: str | None = None
    layer: str | None = None
    model: str | None = None


class SeenWhere(Struct):
    """Where the classifier looks. side: of the heat map, whose values are a byte each, row by row
    from the top, 255 where most speaks for the class, in base64; peak: what that largest value is,
    times the class's probability, as a share (0 to 1) of the same of the answer or of this class,
    whichever is larger, so that classes can be shown on one scale; nothing: whether nothing speaks
    for it at all; seen: the address of the picture as the classifier sees it, square."""

    model: str
    label: str
    probability: float
    side: int
    heat: str
    peak: float
    nothing: bool
    seen: str


def models(state: ImageState) -> ImageModels:
    """The classifiers of this server. None of them is opened for this."""
    return ImageModels(
        [ImageModel(one.name, one.found, one.shipped) for one in state.models.named()]
    )


def model(state: ImageState, asked: WhichModel) -> OpenModel:
    """A classifier: its classes, and what it has learnt from."""
    one = state.models.opened(asked.model)
    config = one.asked.config
    return OpenModel(
        one.named.name,
        one.named.shipped,
        list(one.classes),
        str(getattr(config, "model", "")),
        config.size,
        config.fit,
        state.photographs(one),
    )


def layers(state: ImageState, asked: WhichModel) -> ModelLayers:
    """The layers of a classifier. torch is loaded for this."""
    one = state.models.opened(asked.model)
    with state.models.computing():
        with torch_needed():
            from imagecls.classifier import explain
            from imagecls.classifier.models.base import depth

        shapes = explain.shapes(one.inside)
    names = [name for name in shapes if depth(name) < 2]
    # what is put together of others ends with the last of them
    kept = [n for k, n in enumerate(names) if k == 0 or not names[k - 1].startswith(f"{n}.")]
    return ModelLayers([ModelLayer(name, *shapes[name]) for name in kept])


def picture(state: ImageState, asked: NamedPicture, data: bytes) -> SentPicture:
    """Send a picture: JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIC; it is kept for a while."""
    name = plain_name(asked.name)
    if not data:
        raise UserError(f"{name}: empty; give another picture")
    image = opened(name, data)
    key = state.pictures.keep(name, data)
    return SentPicture(key, name, image.width, image.height, treatments(data))


def picture_shown(state: ImageState, asked: WhichPicture) -> Response:
    """The picture as a JPEG that any browser can show, upright, at most 1280 pixels a side."""
    return Response(shown(state.pictures.get(asked.picture)), media_type="image/jpeg")


def predict(state: ImageState, asked: AskedClasses) -> ImageAnswers:
    """What a picture shows: what `imagecls.load(model).predict(file, None)` says."""
    kept = state.pictures.get(asked.picture)
    one = state.models.opened(asked.model)
    config = one.asked.config
    pixels = kept.pixels(config.store_size, config.fit)
    with state.models.asking(one):
        row = one.asked.probabilities(pixels[None], asked.views)[0]
    return ImageAnswers(one.named.name, in_order(one.classes, row))


def explain(state: ImageState, asked: AskedWhere) -> SeenWhere:
    """Where the classifier looks for a class (Grad-CAM), as `img-explain` draws it."""
    kept = state.pictures.get(asked.picture)
    one = state.models.opened(asked.model)
    config = one.asked.config
    label = None if asked.label is None else one.label(asked.label)
    pixels = kept.pixels(config.store_size, config.fit)
    with state.models.asking(one):
        row = one.asked.probabilities(pixels[None])[0]
    best = int(row.argmax())
    chosen = best if label is None else label
    labels = [chosen] if chosen == best else [chosen, best]
    if asked.layer is None:
        with state.models.asking(one):
            heats = one.asked.attention(pixels, labels)
    else:
        with state.models.computing():
            with torch_needed():
                from imagecls.classifier.explain import attention_at

            heats = attention_at(one.inside, pixels, labels, asked.layer)
    largest = float(heats[0].max())
    peaks = heats.max((1, 2)) * row[labels]
    coded = np.rint(heats[0] / max(largest, 1e-12) * 255).astype(np.uint8)
    return SeenWhere(
        one.named.name,
        one.classes[chosen],
        round(float(row[chosen]), 6),
        len(coded),
        base64.b64encode(coded.tobytes()).decode(),
        round(float(peaks[0] / max(float(peaks.max()), 1e-12)), 6),
        not coded.any(),
        address_of(pixels),
    )


def plain_name(name: str) -> str:
    """The name of a file as it is said again: without folders, not too long."""
    last = PurePath(" ".join(name.split()).replace("\\", "/")).name
    return failures.told(last)[:NAME_LENGTH] or "the picture"


def in_order(
    classes: tuple[str, ...], row: "np.ndarray[tuple[int], np.dtype[np.float32]]"
) -> list[ImageAnswer]:
    """Classes with their probabilities, the likeliest first."""
    order = np.argsort(-row, kind="stable").tolist()
    return [ImageAnswer(classes[i], round(float(row[i]), 6)) for i in order]


def routes(state: ImageState) -> list[BaseRoute]:
    """Below `/api/images`."""
    return [
        get("/models", partial(models, state)),
        get("/model", partial(model, state)),
        get("/layers", partial(layers, state)),
        post("/pictures", partial(picture, state), most=PICTURE_BYTES),
        get("/pictures/{picture}", partial(picture_shown, state)),
        post("/predict", partial(predict, state)),
        post("/explain", partial(explain, state)),
    ]
