"""Recipes of augmentation, and pictures to try them on."""

import torch
from torch import Tensor

from imagecls.augment import RECIPES, changed

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
RECIPES_TRIED = RECIPES | {
    "mixup": changed(RECIPES["lecture"], mixup=0.4),
    "cutmix": changed(RECIPES["none"], cutmix=1.0, erase=0.3),
    "rand": changed(RECIPES["lecture"], auto="rand", crop=0.5),
}


def pictures(device: torch.device | str, n: int = 45, side: int = 40) -> tuple[Tensor, Tensor]:
    return torch.randint(0, 256, (n, 3, side, side), device=device).to(torch.uint8), torch.randint(
        0, 11, (n,), device=device
    )
