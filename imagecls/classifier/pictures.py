"""Pictures of results: contact sheets, heat maps over photographs, filters, feature maps, confusion
matrices."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from gocnn.figures import (
    characters,
    fonts_for,
    picture_format,
    printable,
    pyplot,
    save_figure,
    usual_font,
)
from gocnn.files import write_bytes

Pixels = npt.NDArray[np.uint8]
GAP, LINE = 6, 15
"""Pixels between pictures, and from one line of text to the next."""

PILLOWS = ""
"""Stands for the font that comes with Pillow, which has no file and few characters."""


def sheet(
    pictures: Sequence[Pixels], captions: Sequence[str], columns: int, target: Path, side: int = 144
) -> None:
    """A contact sheet, in the format that the name of `target` says: pictures, uint8 `(3, S, S)`,
    each with lines of text under it."""
    files = _font_files(captions)
    lines = max((caption.count("\n") + 1 for caption in captions), default=1)
    height = side + LINE * lines + GAP
    rows = max(1, -(-len(pictures) // columns))
    page = Image.new("RGB", (columns * (side + GAP) + GAP, rows * (height + GAP) + GAP), "white")
    canvas = ImageDraw.Draw(page)
    if not pictures:
        canvas.text((GAP, GAP), "none", fill="black", font=_font(files[0]))
    for i, (pixels, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = GAP + i % columns * (side + GAP), GAP + i // columns * (height + GAP)
        page.paste(
            Image.fromarray(pixels.transpose(1, 2, 0)).resize(
                (side, side), Image.Resampling.BICUBIC
            ),
            (x, y),
        )
        for n, line in enumerate(caption.split("\n")):
            _write(canvas, (x, y + side + LINE * (n + 1) - 3), printable(line), files, side)
    _save(page, target)


def _write(
    canvas: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    text: str,
    files: Sequence[str],
    width: int,
) -> None:
    """A line of text on its baseline, each piece in the first font that has its characters, cut
    where the width ends."""
    x, y = corner
    end = x + width
    pieces: list[tuple[str, str]] = []
    for c in text:
        here = files[0] if c.isascii() or files == [PILLOWS] else _font_of(c, files)
        if pieces and (pieces[-1][0] == here or c.isspace()):
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + c)
        else:
            pieces.append((here, c))
    for path, piece in pieces:
        font = _font(path)
        shown = piece
        while shown and x + font.getlength(shown) > end:
            shown = shown[:-1]
        canvas.text((x, y), shown, fill="black", font=font, anchor="ls")
        x += round(font.getlength(shown))
        if shown != piece:
            return


def _font_files(texts: Sequence[str]) -> list[str]:
    """The font files that the texts need, the usual one first; only `PILLOWS` where matplotlib,
    which has that, is not installed."""
    try:
        return [usual_font(), *fonts_for(texts)]
    except ImportError:
        return [PILLOWS]


def _font(path: str) -> Any:
    return ImageFont.load_default(11) if path == PILLOWS else ImageFont.truetype(path, 11)


def _font_of(c: str, files: Sequence[str]) -> str:
    return next((path for path in files if ord(c) in characters(path)), files[0])


def _save(image: Image.Image, target: Path) -> None:
    """Write the picture in the format that its name says; as SVG it is a picture inside of a
    drawing."""
    kind = picture_format(target)
    buffer = io.BytesIO()
    image.save(
        buffer,
        {"jpg": "JPEG", "pdf": "PDF"}.get(kind, "PNG"),
        **({"quality": 92} if kind == "jpg" else {}),
    )
    data = buffer.getvalue()
    if kind == "svg":
        size = f'width="{image.width}" height="{image.height}"'
        inside = f'<image {size} href="data:image/png;base64,{base64.b64encode(data).decode()}"/>'
        data = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {image.width}'
            f' {image.height}">{inside}</svg>\n'.encode()
        )
    write_bytes(target, data)


def tiles(pictures: npt.NDArray[Any], target: Path, columns: int = 16, scale: int = 8) -> None:
    """Many small pictures side by side, enlarged without smoothing: float `(N, 3, h, w)` or `(N, h,
    w)`, from 0 to 1."""
    if pictures.ndim == 3:
        pictures = colours(pictures)
    n, _, h, w = pictures.shape
    columns = min(columns, n)
    page = Image.new(
        "RGB", (columns * (w * scale + 2) + 2, -(-n // columns) * (h * scale + 2) + 2), "white"
    )
    for i, picture in enumerate(pictures):
        small = Image.fromarray((picture.transpose(1, 2, 0) * 255 + 0.5).astype(np.uint8))
        corner = (2 + i % columns * (w * scale + 2), 2 + i // columns * (h * scale + 2))
        page.paste(small.resize((w * scale, h * scale), Image.Resampling.NEAREST), corner)
    _save(page, target)


def colours(values: npt.NDArray[Any], name: str = "viridis") -> npt.NDArray[Any]:
    """Numbers from 0 to 1, `(N, h, w)`, as colours of a colour map: `(N, 3, h, w)`."""
    return np.moveaxis(pyplot().get_cmap(name)(values)[..., :3], -1, 1)


GLOW = (
    (0, 0, 4),
    (33, 12, 74),
    (87, 16, 110),
    (138, 34, 106),
    (188, 55, 84),
    (228, 90, 49),
    (249, 142, 9),
    (249, 203, 53),
    (252, 255, 164),
)
"""Nine colours of the colour map inferno, at equal distances."""


def glowing(heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Numbers from 0 to 1, `(h, w)`, as colours from black by red to yellow, `(3, h, w)` from 0 to
    255; without matplotlib, which takes longer to import than a picture to explain."""
    stops = np.linspace(0, 1, len(GLOW))
    return np.stack([np.interp(heat, stops, each) for each in zip(*GLOW, strict=True)])


def overlay(pixels: Pixels, heat: npt.NDArray[np.float32]) -> Pixels:
    """A picture, uint8 `(3, S, S)`, with a heat map, `(h, w)` from 0 to 1, laid over it: what is
    cold stays as it is."""
    side = pixels.shape[1]
    warm = np.asarray(Image.fromarray(heat).resize((side, side), Image.Resampling.BILINEAR))
    weight = 0.6 * warm[None]
    mixed = pixels * (1 - weight) + glowing(warm) * weight
    result: Pixels = (mixed + 0.5).clip(0, 255).astype(np.uint8)
    return result


def draw_evaluation(figures: dict[str, Any], target: Path) -> None:
    """The confusion matrix and the calibration, in the format that the name of `target` says."""
    plt = pyplot()
    names = [printable(row["class"]) for row in figures["classes"]]
    matrix = np.array(figures["confusion"], float)
    share = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = 3.5 + 0.42 * len(names)
    figure, axes = plt.subplots(
        1, 2, figsize=(side + 4.5, side), width_ratios=[side, 4], constrained_layout=True
    )
    axes[0].imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes[0].set_xticks(range(len(names)), names, rotation=60, ha="right")
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_xlabel("answer")
    axes[0].set_ylabel("true class")
    low, high = figures["accuracy_interval"]
    axes[0].set_title(
        f"accuracy {figures['accuracy']:.1%} [{low:.1%}, {high:.1%}] on {figures['pictures']}"
        " pictures"
    )
    if len(names) <= 40:
        for i, j in np.ndindex(matrix.shape):
            if matrix[i, j]:
                axes[0].text(
                    j,
                    i,
                    f"{matrix[i, j]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if share[i, j] > 0.5 else "black",
                )
    rows = figures["calibration"]
    axes[1].plot([0, 1], [0, 1], color="#bbb", linewidth=1)
    axes[1].plot([r["confidence"] for r in rows], [r["accuracy"] for r in rows], "o-", color="#c33")
    axes[1].set(
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
        xlabel="confidence",
        ylabel="accuracy",
        title=f"calibration error {figures['calibration_error']:.3f}",
    )
    save_figure(figure, target, 120)
