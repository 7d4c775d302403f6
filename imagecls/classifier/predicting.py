"""What a classifier in training says of a handful of validation pictures, kept for people to look
at."""

import base64
import io
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from gocnn.devices import layout
from gocnn.training.precision import autocast
from imagecls.augment import Augmenter
from imagecls.photos.sets import PhotoSet

COUNT = 12
"""Pictures that are shown."""

TOP = 3
"""Classes that are shown of each."""

SIDE = 112
"""Pixels a side of a picture that is kept, at most."""


class PicturePredictions:
    """Says what a classifier thinks of some of the photographs, the same each time.

    Each is a dict: picture (a small JPEG, as an address `data:image/jpeg;base64,...`), name (of its
    file), label (its class), probability (of that), and answers (of the likeliest `TOP`: label and
    probability).
    """

    def __init__(
        self, photos: PhotoSet, classes: Sequence[str], view: Augmenter, *, count: int = COUNT
    ) -> None:
        chosen = photos.take(np.unique(np.linspace(0, len(photos) - 1, count).round().astype(int)))
        pixels = chosen.store.pixels(chosen.rows)
        self._pixels, self._labels = torch.from_numpy(pixels), chosen.labels.tolist()
        self._classes, self._view = classes, view
        self._pictures = [
            {"picture": _jpeg(each), "name": PurePath(photo.name).name, "label": classes[label]}
            for each, photo, label in zip(pixels, chosen.photos, self._labels, strict=True)
        ]

    def __call__(
        self, model: nn.Module, device: torch.device, precision: str
    ) -> list[dict[str, Any]]:
        """What the model says of them."""
        x = self._view.plain(self._pixels.to(device))
        with autocast(device, precision):
            logits = model(x.to(memory_format=layout(device))).float()
        probabilities = logits.softmax(1).cpu().numpy()
        return [
            picture
            | {
                "probability": round(float(p[label]), 4),
                "answers": [
                    {"label": self._classes[i], "probability": round(float(p[i]), 4)}
                    for i in np.argsort(-p, kind="stable")[:TOP].tolist()
                ],
            }
            for picture, p, label in zip(self._pictures, probabilities, self._labels, strict=True)
        ]


def _jpeg(pixels: np.ndarray[Any, Any]) -> str:
    """Pixels, uint8 `(3, S, S)`, as the address of a small picture."""
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
