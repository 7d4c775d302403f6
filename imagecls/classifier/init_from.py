"""Beginning with a trained classifier (transfer learning): a run takes its network as it is, with a
head for classes of its own."""

from pathlib import Path

import torch

from gocnn.errors import UserError
from imagecls.classifier import model as models
from imagecls.classifier import shipped
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.base import Classifier
from imagecls.photos.classes import match


def _open(source: str) -> models.Predictor:
    return models.load(shipped.find_for_torch(source, "no training begins with"))


def configuration(source: str, size: int | None = None) -> ClassifierConfig:
    """The network of `source`, a model file, a run's folder or the name of a classifier that ships,
    for pictures of `size` pixels a side (None: of its own), with the classes that it knows. Raises
    UserError if there is no such classifier."""
    config = _open(source).config
    return config if size is None else config.at(size)


def load_weights(model: Classifier, network: ClassifierConfig, source: str) -> tuple[str, bool]:
    """Put the weights of `source` into `model`, which `network` describes: all of them where it
    knows the same classes in the same order, however they are written
    (`imagecls.photos.classes.match`), otherwise all but its head's. Returns a sentence that says
    so, and whether it was all. Raises UserError if they do not fit."""
    given = _open(source)
    indices = match(network.classes, given.config.classes)
    known = indices == tuple(range(len(given.config.classes)))
    state, theirs = model.state_dict(), given.network.state_dict()
    names = [name for name in state if known or not model.of_head(name)]
    for name in names:
        if name not in theirs or theirs[name].shape != state[name].shape:
            raise UserError(
                f"the weights of {given.path} do not fit pictures of {network.size} pixels"
                f" ({name}); leave out --size"
            )
    with torch.no_grad():
        for name in names:
            state[name].copy_(theirs[name])
    head = "answers included, since the classes are the same" if known else "with a new head"
    size = given.config.size
    other = (
        "" if size == network.size else f"; that saw {size} pixels, and this sees {network.size}"
    )
    return f"begins with the network of {named(source)}, {head}{other}", known


def named(source: str) -> str:
    """What a sentence calls a model: `food`, or the end of its path."""
    path = Path(source)
    if path.name in ("", ".."):  # the folder at hand, or one above it
        path = path.resolve()
    return Path(*path.parts[-2:]).as_posix()
