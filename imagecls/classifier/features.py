"""What a layer makes of pictures, as one vector each: to look at, to search by, or for another
program.

A layer whose output are feature maps is averaged over each map, as global average pooling does, and
one whose output are tokens over the tokens; a layer of numbers is taken as it is.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.files import replacing
from gocnn.libraries import package
from gocnn.wording import counted
from imagecls.classifier.model import Floats, Pixels, Predictor
from imagecls.classifier.models.base import depth, maps_of
from imagecls.classifier.scatter import scatter
from imagecls.photos.sets import Labels, PhotoSet

Method = Literal["pca", "tsne"]
METHODS: dict[str, str] = {"pca": "PCA", "tsne": "t-SNE"}
TOP, MIDDLE = "top", "middle"
"""Names for the layers whose pictures reports ask for, whatever the network calls them: the last
feature maps, and those behind which half of the weighted layers lie."""

CHUNK = 128
BEFORE_TSNE = 50
"""Dimensions to which PCA brings features before t-SNE, as its authors do."""


@dataclass(frozen=True)
class Layer:
    """A layer by its name, and the shape of what it makes of one picture: `(C, H, W)` maps, `(T,
    C)` tokens or `(C,)` numbers. weighted: convolutions and linear layers up to its end; asked: TOP
    or MIDDLE if it was called so."""

    name: str
    shape: tuple[int, ...]
    weighted: int
    asked: str = ""

    @property
    def title(self) -> str:
        """Its name, and what it was called if otherwise: `stages.2 (middle)`."""
        return f"{self.name} ({self.asked})" if self.asked else self.name

    @property
    def reduction(self) -> str:
        """How it becomes one vector, in words."""
        if len(self.shape) == 3:
            return f"each of its {self.shape[0]} maps of {self.shape[1]}x{self.shape[2]} averaged"
        if len(self.shape) == 2:
            return f"averaged over its {self.shape[0]} tokens"
        return f"its {self.shape[0]} numbers as they are"


@dataclass(frozen=True)
class Features:
    """Features of pictures, `values`, float32 `(N, D)`: the layer that they are of, the labels
    (int64 `(N,)`, -1: unknown), the names of the classes, the names of the files, and the names of
    the classes that the model answers (empty: not asked), out of `known`."""

    values: Floats
    layer: Layer
    labels: Labels
    classes: tuple[str, ...]
    files: tuple[str, ...]
    answers: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    @property
    def by_answer(self) -> bool:
        """Whether answers are what tells these pictures apart: no class is known."""
        return bool(self.answers) and not (self.labels >= 0).any()

    def save(self, target: Path, model: str) -> None:
        """Write them as a compressed NumPy archive: features, labels, classes, files, answers,
        layer, model."""
        with replacing(target) as stream:
            np.savez_compressed(
                stream,
                features=self.values,
                labels=self.labels,
                classes=np.array(self.classes, np.str_),
                files=np.array(self.files, np.str_),
                answers=np.array(self.answers, np.str_),
                layer=np.array(self.layer.name),
                model=np.array(model),
            )


def layers(predictor: Predictor) -> list[Layer]:
    """The layers whose output is a vector or maps or tokens of each picture, in the order in which
    they end; of one that is run several times the first."""
    found: dict[str, Layer] = {}
    weighted = [0]

    def hook(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, _inputs: Any, output: Any) -> None:
            weighted[0] += isinstance(module, nn.Conv2d | nn.Linear)
            if (
                isinstance(output, Tensor)
                and output.ndim in (2, 3, 4)
                and len(output) == 1
                and name
            ):
                maps = maps_of(predictor.network, module, output)
                found.setdefault(name, Layer(name, tuple(maps.shape[1:]), weighted[0]))

        return note

    handles = [
        module.register_forward_hook(hook(name))
        for name, module in predictor.network.named_modules()
    ]
    side = predictor.config.store_size
    try:
        with torch.inference_mode():
            predictor.network(predictor.view(np.zeros((1, 3, side, side), np.uint8)))
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values())


def layer_called(predictor: Predictor, name: str) -> Layer:
    """The layer of that name, or TOP or MIDDLE. Raises UserError, which names some, if there is
    none."""
    known = layers(predictor)
    by_name = {layer.name: layer for layer in known}
    if name in by_name:
        return by_name[name]
    # what is made of many pictures' pixels: not the numbers of the head
    maps = [layer for layer in known if len(layer.shape) > 1 and min(layer.shape[1:]) > 1]
    maps = maps or [layer for layer in known if len(layer.shape) > 1] or known
    coarse = [layer for layer in maps if depth(layer.name) < 2]
    if name == TOP:
        return replace(maps[-1], asked=TOP)
    if name == MIDDLE:
        half = maps[-1].weighted / 2
        return replace(
            next(layer for layer in coarse or maps if layer.weighted >= half), asked=MIDDLE
        )
    near = difflib.get_close_matches(name, by_name, 3)
    others = [layer.name for layer in coarse if layer.name not in near]
    step = max(1, -(-len(others) // 12))
    some = [*near, *others[::step]]
    raise UserError(
        f"there is no layer {name!r}; among the layers of this model are {', '.join(some)}, and"
        f" {MIDDLE} and {TOP} stand for two of them"
    )


@torch.inference_mode()
def vectors(
    predictor: Predictor,
    pixels: Callable[[int, int], Pixels],
    count: int,
    layer: Layer,
    *,
    tick: Callable[[int], Any] = lambda _: None,
    answered: Callable[[Tensor], Any] = lambda _: None,
) -> Floats:
    """The features of `count` pictures, float32 `(count, D)`: `pixels(a, b)` returns pictures a to
    b, uint8 `(b - a, 3, S, S)`. `answered` is told the logits of each part of them."""
    kept: list[Tensor] = []
    parts: list[Floats] = []

    network = predictor.network

    def hook(module: nn.Module, _inputs: Any, output: Tensor) -> None:
        if not kept:
            kept.append(_reduced(maps_of(network, module, output.detach()).float()))

    handle = network.get_submodule(layer.name).register_forward_hook(hook)
    try:
        if not count:  # the width of none is to be known too
            side = predictor.config.store_size
            network(predictor.view(np.zeros((1, 3, side, side), np.uint8)))
            parts.append(kept[0].cpu().numpy()[:0])
        for first in range(0, count, CHUNK):
            last = min(first + CHUNK, count)
            kept.clear()
            answered(network(predictor.view(pixels(first, last))))
            parts.append(kept[0].cpu().numpy())
            tick(last - first)
    finally:
        handle.remove()
    result: Floats = np.concatenate(parts)
    return result


def _reduced(output: Tensor) -> Tensor:
    if output.ndim == 4:
        return output.mean((2, 3))
    # a copy: what comes next may work in place
    return output.mean(1) if output.ndim == 3 else output.clone()


def of_photos(
    predictor: Predictor,
    photos: PhotoSet,
    classes: Sequence[str],
    layer: Layer,
    *,
    tick: Callable[[int], Any] = lambda _: None,
) -> Features:
    """The features of decoded photographs, whose store must be of the predictor's size and fit."""

    def pixels(first: int, last: int) -> Pixels:
        return photos.store.pixels(photos.rows[first:last])

    answers: list[str] = []

    def answered(logits: Tensor) -> None:
        answers.extend(predictor.config.classes[i] for i in logits.argmax(1).tolist())

    values = vectors(predictor, pixels, len(photos), layer, tick=tick, answered=answered)
    files = tuple(photo.name for photo in photos.photos)
    known = predictor.config.classes
    return Features(values, layer, photos.labels, tuple(classes), files, tuple(answers), known)


def project(
    values: Floats, method: Method, seed: int = 1
) -> tuple[npt.NDArray[np.float64], tuple[float, ...]]:
    """Features, `(N, D)`, in the plane: float64 `(N, 2)`; and for PCA the share of the variance
    that each axis has (0 to 1).

    PCA is by the singular values of the centred features. t-SNE (van der Maaten and Hinton 2008) is
    scikit-learn's, with cosine distances, begun from PCA. Raises UserError where scikit-learn is
    missing, or if there are too few pictures.
    """
    if len(values) < 3:
        raise UserError(
            f"{counted(len(values), 'picture')} {'is' if len(values) == 1 else 'are'} too few to"
            " draw; give three at least"
        )
    centred = values.astype(np.float64) - values.mean(0, dtype=np.float64)
    wanted = min(BEFORE_TSNE if method == "tsne" else 2, *centred.shape)
    points, variances = _principal(centred, wanted)
    if method == "pca":
        if points.shape[1] < 2:
            points = np.column_stack([points, np.zeros(len(points))])
        shares = variances[:2] / max(float((centred**2).sum()), 1e-300)
        return points[:, :2], tuple(float(share) for share in shares)
    found = (
        _manifold()
        .TSNE(
            metric="cosine",
            perplexity=_perplexity(len(points)),
            init="pca" if min(points.shape) > 1 else "random",
            random_state=seed,
        )
        .fit_transform(points)
    )
    return np.asarray(found, np.float64), ()


def _perplexity(count: int) -> float:
    """scikit-learn's, or as much as so many points allow."""
    return min(30.0, (count - 1) / 3)


def need_method(method: str) -> None:
    """Raise UserError if a package is missing that the method needs."""
    if method == "tsne":
        _manifold()


def _manifold() -> Any:
    try:
        return import_module("sklearn.manifold")
    except ImportError as error:
        sentence = package(error, "features")
        if sentence is None:
            raise
        raise UserError(f"{sentence}; or draw with --method pca") from error


def draw(found: Features, method: str, target: Path, *, most: int = 5000, seed: int = 1) -> int:
    """Draw features in the plane (see `project`), coloured by class, or by answer where no class is
    known, `most` of them drawn by the seed if there are more; returns how many. Raises UserError as
    `project` does."""
    chosen = np.arange(len(found.values))
    if len(chosen) > most:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(chosen))[:most])
    points, shares = project(found.values[chosen], "tsne" if method == "tsne" else "pca", seed)
    axes = None
    if method == "pca":
        shares = (*shares, 0.0, 0.0)
        axes = (f"first axis ({shares[0]:.1%} of variance)", f"second axis ({shares[1]:.1%})")
    title = f"layer {found.layer.title}, {len(chosen)} pictures, {METHODS[method]}"
    if method == "tsne":
        title += f" (perplexity {_perplexity(len(chosen)):.3g}, seed {seed})"
    labels, classes = found.labels, found.classes
    if found.by_answer:
        classes = found.known  # all, so that a class looks the same in each picture
        labels = np.array([classes.index(answer) for answer in found.answers], np.int64)
        title += "; colour: the model's answer"
    scatter(points, labels[chosen], classes, target, title=title, axes=axes)
    return len(chosen)


def _principal(
    centred: npt.NDArray[np.float64], wanted: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Coordinates along the first principal axes, `(N, wanted)`, and the sums of squares along
    them; the largest part of each axis is positive, so that pictures do not flip."""
    count, width = centred.shape
    if width <= count:
        squares, axes = np.linalg.eigh(centred.T @ centred)
        axes = axes[:, ::-1][:, :wanted]
        points = centred @ axes
    else:
        squares, left = np.linalg.eigh(centred @ centred.T)
        points = left[:, ::-1][:, :wanted] * np.sqrt(np.maximum(squares[::-1][:wanted], 0))
        axes = centred.T @ left[:, ::-1][:, :wanted]
    signs = np.sign(axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])])
    return points * np.where(signs == 0, 1, signs), np.maximum(squares[::-1][:wanted], 0)


def _unit(values: Floats) -> Floats:
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    result: Floats = values / np.maximum(norms, 1e-12)
    return result


def nearest(
    values: Floats, one: Floats, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The rows of `values`, `(N, D)`, that are nearest to `one`, `(D,)`, by the cosine of the angle
    between them, the nearest first; and those cosines."""
    cosines = _unit(values) @ _unit(one[None])[0]
    order = np.argsort(-cosines, kind="stable")[:count]
    return order.astype(np.int64), cosines[order]


def nearest_photos(
    predictor: Predictor, found: Features, photos: PhotoSet, photo: Pixels, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The `count` photographs nearest to another one, uint8 `(3, S, S)`, and the cosines, as
    `nearest`; without those that have the very same pixels."""
    one = vectors(predictor, lambda _first, _last: photo[None], 1, found.layer)[0]
    order, cosines = nearest(found.values, one, len(found.values))
    kept: list[int] = []
    for rank, i in enumerate(order.tolist()):
        # only what is as near as can be can be the picture itself
        same = cosines[rank] > 0.999 and np.array_equal(
            photos.store.pixels(photos.rows[i : i + 1])[0], photo
        )
        if not same:
            kept.append(rank)
        if len(kept) == count:
            break
    return order[kept], cosines[kept]


def neighbours_agree(values: Floats, labels: Labels, chunk: int = 1024) -> float:
    """The share, 0 to 1, of pictures whose nearest other one (by cosine) is of their class: how
    well a layer keeps the classes apart. NaN if fewer than two are labelled."""
    known = np.flatnonzero(labels >= 0)
    if len(known) < 2:
        return float("nan")
    units, classes, right = _unit(values[known]), labels[known], 0
    for first in range(0, len(units), chunk):
        cosines = units[first : first + chunk] @ units.T
        own = np.arange(len(cosines))
        cosines[own, own + first] = -np.inf
        right += int((classes[cosines.argmax(1)] == classes[first : first + chunk]).sum())
    return right / len(known)


def chance_to_agree(labels: Labels) -> float:
    """What `neighbours_agree` would be of features that say nothing of the classes."""
    counts = np.bincount(labels[labels >= 0])
    return float((counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1)))
