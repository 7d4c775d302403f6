"""The three classifiers of the homework, built from the shared blocks."""

from imagecls.classifier.models.config import IMAGENET_MEAN, IMAGENET_STD, ClassifierConfig, build

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "ClassifierConfig", "build"]
