"""Augmentation of batches, on the device where they are."""

from imagecls.augment.describing import described
from imagecls.augment.pipeline import RECIPES, Augmenter, Mixed, Recipe, changed

__all__ = ["RECIPES", "Augmenter", "Mixed", "Recipe", "changed", "described"]
