"""Points in the plane, coloured by class, for readers who see colours and for those who do not."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn.figures import lay_out, printable, pyplot, save_figure
from imagecls.classifier.lettering import ELLIPSIS
from imagecls.photos.classes import marks

COLOURS = (
    *("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"),
    *("#332288", "#7a7a7a", "#7a0019", "#aaa83c", "#9b30d9", "#1b4d1b"),
)
"""Okabe and Ito's, which the colour-blind tell apart, without black (text) and yellow (too light on
white); then indigo, grey, wine, olive, purple and dark green, so that the eleven classes of the
homework have one each."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">", "p")
"""As many as have no common factor with the colours: 132 classes look different."""

LONGEST = 28
"""Characters of a name in the legend."""

HOW_TO_READ, LEGEND = "a point: a picture; a number:\nthe middle of its class", 2.0
"""The legend's title, and about how many inches it is wide."""

UNKNOWN = "without a class"

GAP = 2.0
"""Pixels between the numbers of two classes."""

PUSHES = 500


def scatter(
    points: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int64],
    classes: Sequence[str],
    target: Path,
    *,
    title: str,
    axes: tuple[str, str] | None = None,
) -> None:
    """Draw points, `(N, 2)`, in the format that the name of `target` says.

    A class has a colour, a marker, and its number (see `imagecls.photos.classes.marks`), which
    stands where the middle (median) of its points is, or beside with a line to it, and in the
    legend. `axes`: what the axes are; without them they have no scale, as those of t-SNE have none.
    """
    plt = pyplot()
    present = [i for i in range(len(classes)) if (labels == i).any()]
    numbers = marks(classes)
    names = {i: _name(numbers[i], classes[i]) for i in present}
    many = len(present) > 66
    columns = max(1, -(-len(present) // (50 if many else 22)))
    longest = max([len(UNKNOWN), *map(len, names.values())])
    height, letter = (11.0, 0.055) if many else (6.4, 0.07)
    legend = max(LEGEND, columns * (0.45 + letter * longest))
    plot = 1.25 * height
    figure, axis = plt.subplots(figsize=(plot + legend, height), constrained_layout=True)
    size = float(np.clip(18000 / max(len(points), 1), 9, 34))
    unknown = labels < 0
    if unknown.any():
        axis.scatter(*points[unknown].T, s=size, c="#bbb", marker=".", linewidths=0)
    # in an order that lets no class lie over all others
    order = np.random.default_rng(0).permutation(len(points))
    for part in np.array_split(order, min(12, max(1, len(order)))):
        for i in present:
            mine = part[labels[part] == i]
            axis.scatter(*points[mine].T, s=size, alpha=0.75, linewidths=0, **_look(i))
    axis.set_title(title)
    if axes is None:
        axis.set_xticks([])
        axis.set_yticks([])
    else:
        axis.set_xlabel(axes[0])
        axis.set_ylabel(axes[1])
        axis.grid(alpha=0.25)
    entries: list[Any] = [
        axis.scatter([], [], s=36, linewidths=0, **_look(i), label=names[i]) for i in present
    ]
    if unknown.any():
        entries.append(axis.scatter([], [], s=36, c="#bbb", marker=".", label=UNKNOWN))
    figure.legend(
        handles=entries,
        title=HOW_TO_READ,
        title_fontsize=8,
        alignment="left",
        loc="outside right upper",
        ncols=columns,
        frameon=False,
        fontsize=7 if many else 9,
        borderaxespad=0,
        handletextpad=0.3,
        columnspacing=0.8,
    )
    middles = {i: np.median(points[labels == i], 0) for i in present}
    alone = {i for i in present if (labels == i).sum() == 1}
    _number(figure, axis, middles, numbers, letters=6 if many else 8, alone=alone)
    save_figure(figure, target, 130)


def _number(
    figure: Any,
    axis: Any,
    middles: dict[int, npt.NDArray[np.float64]],
    numbers: Sequence[str],
    *,
    letters: int,
    alone: Collection[int] = (),
) -> None:
    """Put the numbers of classes where their middles are (of those of one point, `alone`, above
    it), or beside where they would cover one another, with a line from the middle then."""
    if not middles:
        return
    texts = []
    for i, (x, y) in middles.items():
        box = {"boxstyle": "round,pad=0.18", "fc": "white", "ec": _look(i)["c"], "alpha": 0.88}
        centred = {"ha": "center", "va": "center", "zorder": 9}
        texts.append(axis.text(x, y, numbers[i], fontsize=letters, bbox=box, **centred))
    axis.autoscale(enable=False)
    lay_out(figure)
    sizes = np.array([text.get_bbox_patch().get_window_extent().size for text in texts])
    at = axis.transData.transform(np.array([*middles.values()]))
    # above, where it would hide the only point of its class
    above = np.array(
        [[0.0, height * (i in alone)] for i, (_, height) in zip(middles, sizes, strict=True)]
    )
    places = separated(at + above, sizes + GAP, axis.get_window_extent())
    back = axis.transData.inverted().transform(places)
    far = np.abs(places - at)
    for i, text, place, moved, size in zip(middles, texts, back, far, sizes, strict=True):
        if (moved > GAP / 2).any():
            text.set_position(place)
        if (moved > size / 2).any():
            axis.plot(*zip(middles[i], place, strict=True), c=_look(i)["c"], lw=0.8, zorder=8)


def separated(
    centres: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], frame: Any
) -> npt.NDArray[np.float64]:
    """Centres of boxes, `(N, 2)` as `sizes` are (width and height), moved as little as a simple
    way does it until none covers another one: what overlaps is pushed apart along the shorter way.
    They stay within `frame` (x0, y0, x1, y1); if that is too narrow, some go on overlapping."""
    places = centres.copy()
    # boxes in one place part in the order of the classes
    places += 1e-3 * np.stack([np.cos(np.arange(len(places))), np.sin(np.arange(len(places)))], 1)
    low, high = np.array([frame.x0, frame.y0]), np.array([frame.x1, frame.y1])
    reach = (sizes[:, None] + sizes[None]) / 2
    for _ in range(PUSHES):
        apart = places[:, None] - places[None]
        over = reach - np.abs(apart)
        hits = (over > 0).all(-1) & ~np.eye(len(places), dtype=bool)
        if not hits.any():
            break
        shorter = over == over.min(-1, keepdims=True)
        push = np.where(hits[..., None] & shorter, np.sign(apart) * over, 0.0)
        # half a push each, and a little, or the last hair would take for ever
        places += 0.51 * push.sum(1) / np.maximum(hits.sum(1), 1)[:, None]
        places = np.clip(places, low + sizes / 2, np.maximum(high - sizes / 2, low + sizes / 2))
    return places


def _look(label: int) -> dict[str, str]:
    return {"c": COLOURS[label % len(COLOURS)], "marker": MARKERS[label % len(MARKERS)]}


def _name(number: str, name: str) -> str:
    text = " ".join(printable(name).split())
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + ELLIPSIS
    return text if name == number else f"{number}  {text}"
