"""What other programs import: a classifier and its training, in few words.

Every name here is found in `imagecls` too. What a person can mend is raised as `UserError`, an
argument of a wrong type as TypeError, each in one sentence.

    food = imagecls.load("runs/food")
    food.predict("photo.jpg")            # [Prediction('pizza', probability=0.93), ...]
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gocnn import libraries
from gocnn.arguments import Name, path, paths, whole
from gocnn.cores import cores
from gocnn.errors import UserError
from imagecls.photos.collection import UNLABELLED, Photo

__all__ = ["Classifier", "Prediction", "UserError", "load", "train"]


@dataclass(frozen=True)
class Prediction:
    """A class by its name, and the probability (0 to 1) that a picture is of it."""

    name: str
    probability: float

    def __repr__(self) -> str:
        return f"Prediction({self.name!r}, probability={self.probability:.2f})"


class Classifier:
    """A classifier that can be asked; `load` makes one."""

    def __init__(self, ensemble: Any) -> None:
        self._ensemble = ensemble

    def __repr__(self) -> str:
        return f"<Classifier of {len(self.classes)} classes>"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of `probabilities`."""
        names: tuple[str, ...] = self._ensemble.classes
        return names

    def predict(self, photo: Name, top: int | None = 3, *, tta: int = 1) -> list[Prediction]:
        """The `top` likeliest classes of a picture file (all if None), the likeliest first.

        Args:
            photo: its file.
            top: how many classes.
            tta: views of the picture that are averaged, 1 to 12 (2: also mirrored).

        Raises:
            UserError: the picture cannot be read.
        """
        top = None if top is None else whole("top", top, 0)
        row = self.probabilities([path("photo", photo)], tta=tta)[0]
        order = np.argsort(-row, kind="stable")[:top]
        return [Prediction(self.classes[i], float(row[i])) for i in order]

    def probabilities(self, photos: Sequence[Name], *, tta: int = 1) -> npt.NDArray[np.float32]:
        """Probabilities, float32 `(N, classes)`, of N picture files; rows sum to 1. Memory does not
        grow with the pictures.

        Args:
            photos: their files.
            tta: as for `predict`.

        Raises:
            UserError: a picture cannot be read; the first such is named.
        """
        tta = whole("tta", tta, 1, 12)
        files = paths("photos", photos)
        for file in files:
            if not os.path.isfile(file):
                raise UserError(f"{file} does not exist or is no file; give a picture")
        answers = self._ensemble.predict(
            [Photo("", file, UNLABELLED) for file in files], tta, cores()
        )
        for file, answer in zip(files, answers, strict=True):
            if isinstance(answer, str):
                raise UserError(f"{file}: {answer}; give another picture")
        rows: npt.NDArray[np.float32] = (
            np.stack(answers) if answers else np.zeros((0, len(self.classes)), np.float32)
        )
        return rows


def load(model: Name | Sequence[Name], *, device: str = "cpu") -> Classifier:
    """A classifier: a model file or the folder of a training run, of which the best one is taken;
    several of the same classes are averaged.

    Args:
        model: its file or folder, or several.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.

    Raises:
        UserError: there is no such model, it is damaged, or a package is missing.
    """
    libraries.keep_private()
    named = paths("model", model)
    if not named:
        raise UserError("model names none; give a model file or the folder of a training run")
    try:
        from gocnn.devices import resolve
        from imagecls.classifier import model as models

        where = str(resolve(device))
        return Classifier(models.Ensemble([models.load(Path(one), where) for one in named]))
    except (ImportError, OSError) as error:
        sentence = libraries.package(error, "images")
        if sentence is None:
            raise
        raise UserError(sentence) from error


def train(
    photos: Name, out: Name, *, minutes: float | None = None, quiet: bool = False, **options: Any
) -> Classifier:
    """Train a classifier on photographs, as the command `img-train` does, and return the best one.

    Args:
        photos: a folder or archive with a folder a class, or in one of the other layouts of
            img-train.
        out: the folder of the run, which must not hold one yet.
        minutes: how long (30 if None, and neither `steps` nor `epochs` is given).
        quiet: nothing is printed.
        options: the command's others by their names, for example `model="resnet"`,
            `augment="strong"` (`gocnn img-train --help`).

    Raises:
        UserError: whatever a person can mend.
        TypeError: there is no such option.
        KeyboardInterrupt: it was interrupted; `resume=True` goes on then.
    """
    from gocnn.console.calling import call
    from imagecls.commands.img_train import command

    named, out = [path("photos", photos)], path("out", out)
    call(command, named, {"out": out, "minutes": minutes, "quiet": quiet, **options}, silent=quiet)
    return load(out)
