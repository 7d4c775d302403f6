"""The way of a HW03 notebook, to compare with: each picture opened, decoded and transformed by
Pillow, one by one, in DataLoader workers.

The operations are those of the lecture's recipe: resize to 128 x 128, mirror, rotate, colour
jitter, affine with shear, to a normalised tensor.
"""

import math
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch.utils.data import DataLoader, Dataset

from imagecls.augment import Recipe
from imagecls.classifier.models import IMAGENET_MEAN, IMAGENET_STD

RECIPE = Recipe()
MEAN, STD = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))


def transform(image: Image.Image, size: int) -> torch.Tensor:
    """The lecture's augmentation of one picture, as torchvision does it for Pillow pictures."""
    image = image.resize((size, size), Image.Resampling.BILINEAR)
    if random.random() < RECIPE.flip:
        image = ImageOps.mirror(image)
    image = image.rotate(random.uniform(-RECIPE.rotate, RECIPE.rotate), Image.Resampling.BILINEAR)
    b, c, s, h = RECIPE.jitter
    image = ImageEnhance.Brightness(image).enhance(random.uniform(1 - b, 1 + b))
    image = ImageEnhance.Contrast(image).enhance(random.uniform(1 - c, 1 + c))
    image = ImageEnhance.Color(image).enhance(random.uniform(1 - s, 1 + s))
    hue, saturation, value = image.convert("HSV").split()
    turned = (np.asarray(hue, np.int16) + int(random.uniform(-h, h) * 255)).astype(np.uint8)
    image = Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert("RGB")
    angle, slope = (
        math.radians(random.uniform(-v, v)) for v in (RECIPE.affine_rotate, RECIPE.shear)
    )
    cos, sin, k, half = math.cos(angle), math.sin(angle), math.tan(slope), size / 2
    a, b, d, e = cos + k * sin, -sin + k * cos, sin, cos
    data = (a, b, half * (1 - a - b), d, e, half * (1 - d - e))
    image = image.transform(image.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)
    x = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1).float() / 255
    return (x - MEAN) / STD


class PerImage(Dataset[tuple[torch.Tensor, int]]):
    """Files and labels; a picture is opened, decoded and transformed each time it is asked for."""

    def __init__(self, files: list[Path], labels: list[int], size: int) -> None:
        self.files, self.labels, self.size = files, labels, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self.files[index]) as image:
            return transform(image.convert("RGB"), self.size), self.labels[index]


def loader(dataset: PerImage, batch: int, workers: int) -> "DataLoader[tuple[torch.Tensor, int]]":
    """As the notebook makes it."""
    return DataLoader(
        dataset,
        batch,
        shuffle=True,
        num_workers=workers,
        drop_last=True,
        persistent_workers=workers > 0,
    )
