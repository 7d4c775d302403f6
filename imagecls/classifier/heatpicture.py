"""Where a classifier looks, as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from imagecls.classifier.lettering import Letters, save
from imagecls.classifier.pictures import GAP, Pixels, enlarged

Scale = Literal["probability", "logit", "own"]

OF_SCALE: dict[Scale, str] = {
    "probability": ", times the class's probability",
    "logit": "",
    "own": ", as a share of the class's brightest place",
}

GLOW = (
    (87, 16, 110),
    (138, 34, 106),
    (188, 55, 84),
    (228, 90, 49),
    (249, 142, 9),
    (249, 203, 53),
    (252, 255, 164),
)
"""Colours of the colour map inferno, without its darkest, which would darken the photograph."""

GROUND = 0.4
"""How bright the photograph is under the heat."""

DARK = 0.1
"""A panel whose brightest place has less than this share of the brightest of all looks dark."""

SIDE, BAR = 288, 14
"""Pixels of a panel's side, and of the colour scale's height."""


def glowing(heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Numbers from 0 to 1, `(h, w)`, as colours from violet by red to yellow, the brighter the
    larger, `(3, h, w)` from 0 to 255; without matplotlib, which takes longer to import than a
    picture to explain."""
    stops = np.linspace(0, 1, len(GLOW))
    return np.stack([np.interp(heat, stops, each) for each in zip(*GLOW, strict=True)])


def overlay(pixels: Pixels, heat: npt.NDArray[np.float32]) -> Pixels:
    """A picture, uint8 `(3, S, S)`, in dark grey, with a heat map, `(h, w)` from 0 to 1, laid over
    it: the colours are the heat's alone, and where that is 0, the grey is."""
    side = pixels.shape[1]
    warm = np.asarray(Image.fromarray(heat).resize((side, side), Image.Resampling.BILINEAR))
    luma = np.tensordot((0.299, 0.587, 0.114), pixels, 1)
    weight = 0.85 * np.sqrt(warm.clip(0, 1))
    mixed = GROUND * luma * (1 - weight) + glowing(warm) * weight
    result: Pixels = (mixed + 0.5).clip(0, 255).astype(np.uint8)
    return result


def draw_attention(
    pixels: Pixels,
    heats: npt.NDArray[np.float32],
    names: Sequence[str],
    probabilities: Sequence[float],
    target: Path,
    *,
    photo: str = "",
    layer: str = "",
    scale: Scale = "probability",
) -> None:
    """Draw a picture, uint8 `(3, S, S)`, and beside it what speaks for some classes, float32
    `(classes, h, w)` in units of the logit (see `imagecls.classifier.ensemble.Asked.attention`), in
    the format that the name of `target` says.

    All share one scale, which is drawn below with its numbers. By `probability` each map is
    multiplied by its class's: what hardly counts for the answer stays dark. By `logit` it is as it
    is, and by `own` a share of the class's brightest place. probabilities: of the classes, 0 to 1.
    photo, layer: names, of the picture and of the layer whose maps say it, if that is not the last.
    """
    shares = np.array(probabilities, np.float32)[:, None, None]
    brightest = heats.max((1, 2), initial=0.0)
    own = heats / np.where(brightest > 0, brightest, 1)[:, None, None]
    values = {"probability": heats * shares, "logit": heats, "own": own}[scale]
    most = float(values.max(initial=0.0))
    best = max(range(len(names)), key=lambda i: probabilities[i])
    captions = [[photo or "the picture"]]
    for i, (name, share) in enumerate(zip(names, probabilities, strict=True)):
        answer = ", the answer" if i == best else ""
        place = brightest[i] if scale == "own" else values[i].max()
        unit = " to the logit" if scale == "own" else ""
        captions.append([name, f"{share:.1%}{answer}", f"brightest place: {place:.2g}{unit}"])
    dark = (brightest > 0) & (values.max((1, 2), initial=0.0) < DARK * most)
    # whose places are plain to see without the probability
    improbable = (brightest > 2 * DARK * brightest.max(initial=0.0)) & (shares.ravel() < DARK)
    panels = [pixels, *(overlay(pixels, each / max(most, 1e-12)) for each in values)]
    method = f"Grad-CAM at {layer}" if layer else "Grad-CAM"
    said = [
        f"Brightness: what the place adds to the class's logit ({method})"
        + OF_SCALE[scale]
        + ("; one scale for all classes" if len(names) > 1 and scale != "own" else ""),
        "nothing in the picture speaks for these classes"
        if most <= 0
        else ""
        if not dark.any()
        else "Dark panels are of improbable classes; --scale logit shows what speaks for these"
        if improbable[dark].all()
        else "In dark panels little speaks for the class"
        + (", or it is improbable" if scale == "probability" else "")
        + "; --scale own shows where",
    ]
    letters = Letters([*(line for lines in captions for line in lines), *said], 13)
    high = SIDE + GAP + 3 * letters.line
    page = Image.new(
        "RGB",
        (len(panels) * (SIDE + GAP) + GAP, high + BAR + (len(said) + 2) * letters.line + 3 * GAP),
        "white",
    )
    canvas = ImageDraw.Draw(page)
    for i, (panel, lines) in enumerate(zip(panels, captions, strict=True)):
        x = GAP + i * (SIDE + GAP)
        page.paste(enlarged(panel, SIDE), (x, GAP))
        for n, line in enumerate(lines):
            letters.draw(canvas, (x, GAP + SIDE + letters.line * (n + 1)), line, SIDE)
    y = high + 2 * GAP
    letters.draw(canvas, (GAP, y + letters.line), said[0], page.width - 2 * GAP)
    _bar(page, canvas, letters, (GAP, y + letters.line + GAP), most)
    letters.draw(canvas, (GAP, page.height - GAP), said[1], page.width - 2 * GAP)
    save(page, target)


def _bar(
    page: Image.Image,
    canvas: ImageDraw.ImageDraw,
    letters: Letters,
    corner: tuple[int, int],
    most: float,
) -> None:
    """The colours of 0 to `most` as they are over mid-grey, with numbers below."""
    x, y = corner
    wide = min(2 * SIDE, page.width - 2 * GAP - 40)
    ramp = np.linspace(0, 1, wide, dtype=np.float32)[None].repeat(wide, 0)
    strip = overlay(np.full((3, wide, wide), 128, np.uint8), ramp)[:, :BAR]
    page.paste(Image.fromarray(np.ascontiguousarray(strip.transpose(1, 2, 0))), corner)
    for tick in ticks(most):
        at = x + round(tick / (most or 1) * (wide - 1))
        canvas.line((at, y + BAR, at, y + BAR + 3), fill="black")
        text = f"{tick:g}"
        left = max(x, round(at - letters.width(text) / 2))
        letters.draw(canvas, (left, y + BAR + letters.line + 2), text, 100)


def ticks(most: float) -> list[float]:
    """Round numbers from 0 to `most`, 3 to 6 of them (0 alone if that is 0)."""
    if not most > 0:
        return [0.0]
    power = 10.0 ** np.floor(np.log10(most))
    step = next(s * power for s in (0.2, 0.25, 0.5, 1, 2) if most / (s * power) < 6)
    return [float(f"{k * step:.6g}") for k in range(int(most / step + 1e-9) + 1)]
