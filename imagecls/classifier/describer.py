"""What `describe` shows of classifiers."""

from typing import Any

from gocnn import modelfile
from imagecls.classifier import KIND, shipped
from imagecls.classifier.models import ClassifierConfig, build

CLASSIFIERS = ("cnn", "resnet", "resnet101")
CLASSES = tuple("abcdefghijk")
"""As many as the homework has."""


def network(name: str) -> tuple[Any, tuple[int, int, int]] | None:
    """The network with the shape of its input: a kind of classifier for eleven classes, what ships,
    a model file or a run. None if `name` is none of them. Raises UserError if the file cannot be
    read."""
    if name in CLASSIFIERS:
        size = 224 if name == "resnet101" else 128
        return build(ClassifierConfig(name, CLASSES, size)), (3, size, size)  # type: ignore[arg-type]
    if name in shipped.NAMES:
        name = str(shipped.find(name, ".safetensors"))
    if modelfile.model_kind(name) != KIND:
        return None
    from imagecls.classifier.model import load

    classifier = load(name)
    return classifier.network, (3, classifier.config.size, classifier.config.size)
