"""What other programs import: a classifier and its training, in few words.

Every name here is found in `imagecls` too. What a person can mend is raised as `UserError`, an
argument of a wrong type as TypeError, each in one sentence.

    food = imagecls.load()               # what ships, without torch; or imagecls.load("runs/food")
    food.predict("photo.jpg")            # [Prediction('beignets', probability=0.93), ...]
    food.explain("photo.jpg").heat       # where it looks
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gocnn import libraries
from gocnn.arguments import Name, number, path, paths, whole
from gocnn.cores import cores
from gocnn.errors import UserError
from imagecls.photos import given
from imagecls.photos.classes import match
from imagecls.results import Explanation as Explanation
from imagecls.results import LabelIssue as LabelIssue
from imagecls.results import Prediction as Prediction

if TYPE_CHECKING:
    from imagecls.classifier.ensemble import Ensemble
    from imagecls.photos.given import Picture

__all__ = [
    "Classifier",
    "Explanation",
    "LabelIssue",
    "Prediction",
    "UserError",
    "find_rate",
    "label_issues",
    "load",
    "train",
]


class Classifier:
    """A classifier that can be asked; `load` makes one. It is the same whatever computes."""

    def __init__(self, ensemble: "Ensemble") -> None:
        self._ensemble = ensemble

    def __repr__(self) -> str:
        return f"<Classifier of {len(self.classes)} classes>"

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of `probabilities`."""
        return self._ensemble.classes

    def predict(self, photo: "Picture", top: int | None = 3, *, tta: int = 1) -> list[Prediction]:
        """The `top` likeliest classes of a picture (all if None), the likeliest first.

        Args:
            photo: its file, the bytes of that, a picture of Pillow's, or an array of pixels, uint8
                `(H, W, 3)` in the order red, green, blue (OpenCV's is the other way round), `(H, W,
                4)` with alpha, or `(H, W)` in grey.
            top: how many classes.
            tta: views of the picture that are averaged, 1 to 12 (2: also mirrored).

        Raises:
            UserError: the picture cannot be read.
        """
        top = None if top is None else whole("top", top, 0)
        row = self._judged([given.one("photo", photo)], tta)[0]
        order = np.argsort(-row, kind="stable")[:top]
        return [Prediction(self.classes[i], float(row[i])) for i in order]

    def probabilities(
        self, photos: "Sequence[Picture]", *, tta: int = 1
    ) -> npt.NDArray[np.float32]:
        """Probabilities, float32 `(N, classes)`, of N pictures; rows sum to 1. Memory does not grow
        with their files.

        Args:
            photos: each as for `predict`; or an array of N as large as one another, uint8 `(N, H,
                W, 3)`.
            tta: as for `predict`.

        Raises:
            UserError: a picture cannot be read; the first such is named.
        """
        return self._judged(given.several("photos", photos), tta)

    def _judged(self, pictures: Sequence[given.Given], tta: int) -> npt.NDArray[np.float32]:
        tta = whole("tta", tta, 1, high=12)
        contents = ((i, each.read()) for i, each in enumerate(pictures))
        answers = self._ensemble.judge(contents, len(pictures), tta, jobs=cores())
        for each, answer in zip(pictures, answers, strict=True):
            if isinstance(answer, str):
                raise each.refused(answer)
        rows: npt.NDArray[np.float32] = (
            np.stack(answers) if answers else np.zeros((0, len(self.classes)), np.float32)
        )
        return rows

    def explain(self, photo: "Picture", name: str | None = None) -> Explanation:
        """Where it looks in a picture.

        Args:
            photo: as for `predict`.
            name: for which class, its case and punctuation aside (None: for the likeliest one).

        Raises:
            UserError: the picture cannot be read, there is no such class, or a model is an ONNX
                file that does not hold what that needs.
        """
        picture = given.one("photo", photo)
        wanted = None if name is None else match([name], self.classes)[0]
        if name is not None and wanted is None:
            some = ", ".join(self.classes[:20])
            raise UserError(f"name={name!r} is no class of this classifier; its classes are {some}")
        pixels = {each: picture.pixels(*each) for each in self._ensemble.formats}
        row = self._ensemble.probabilities({key: one[None] for key, one in pixels.items()})[0]
        label = int(row.argmax()) if wanted is None else wanted
        first = pixels[self._ensemble.formats[0]]
        heat = self._ensemble.attention(pixels, [label])[0]
        return Explanation(
            self.classes[label],
            float(row[label]),
            heat,
            np.ascontiguousarray(first.transpose(1, 2, 0)),
        )

    def features(self, photos: "Sequence[Picture]", layer: str = "top") -> npt.NDArray[np.float32]:
        """What a layer makes of N pictures, float32 `(N, D)`: feature maps are averaged over their
        places. Of several models, the first. It takes torch.

        Args:
            photos: as for `probabilities`.
            layer: its name, `top` (the last feature maps), or `middle` (half of the convolutions
                lie behind it).

        Raises:
            UserError: a picture cannot be read, there is no such layer, torch is missing, or the
                model is an ONNX file of one's own, which has none to look at.
        """
        from imagecls.classifier import shipped

        pictures = given.several("photos", photos)
        one = self._ensemble.members[0]
        onnx = one.path.suffix.lower() == ".onnx"
        if onnx and not shipped.is_shipped(one.path):
            raise UserError(
                f"{one.path} has no layers to look at; load a run or a .safetensors file"
            )
        with libraries.named("images"):
            from imagecls.classifier import features, model
            from imagecls.classifier.runtime import open_in_torch

            if onnx:
                one = open_in_torch(one.path.with_suffix(".safetensors"))
        assert isinstance(one, model.Predictor)
        size, fit = one.config.store_size, one.config.fit

        def pixels(first: int, last: int) -> npt.NDArray[np.uint8]:
            return np.stack([each.pixels(size, fit) for each in pictures[first:last]])

        return features.vectors(one, pixels, len(pictures), features.layer_called(one, layer))


def load(model: Name | Sequence[Name] | None = None, *, device: str = "cpu") -> Classifier:
    """A classifier: a model file or the folder of a training run, of which the best one is taken;
    several of the same classes are averaged.

    Without `model` it is what the environment variable GOCNN_IMAGE_MODEL names, else `food`, which
    ships and knows ten dishes and nothing else (docs/models.md). That and every `.onnx` file that
    img-export wrote answer without torch.

    Args:
        model: its file or folder, or the name of one that ships; or several.
        device: `cpu`, `cuda`, `cuda:1`, `mps` or `auto`.

    Raises:
        UserError: there is no such model, it is damaged, or a package is missing.
    """
    libraries.keep_private()
    named = [None] if model is None else paths("model", model)
    if not named:
        raise UserError("model names none; give a model file or the folder of a training run")
    with libraries.named("images"):
        from imagecls.classifier.ensemble import Ensemble
        from imagecls.classifier.runtime import open_classifier

        return Classifier(Ensemble([open_classifier(one, device) for one in named]))


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
            `augment="strong"` (`gocnn img-train --help`); `from_="food"` is `--from food`.

    Raises:
        UserError: whatever a person can mend.
        TypeError: there is no such option.
        KeyboardInterrupt: it was interrupted; `resume=True` goes on then.
    """
    if options.get("find_rate"):
        raise TypeError("train has no option 'find_rate'; call imagecls.find_rate")
    from gocnn.console.calling import call
    from imagecls.commands.img_train import command

    named, out = [path("photos", photos)], path("out", out)
    call(command, named, {"out": out, "minutes": minutes, "quiet": quiet, **options}, silent=quiet)
    return load(out)


def find_rate(photos: Name, out: Name, *, quiet: bool = False, **options: Any) -> float | None:
    """A learning rate for `train`, by a range test (Smith 2017): a tenth of the rate at which the
    smoothed loss is lowest; None if the loss did not fall.

    Args:
        photos: as for `train`.
        out: a folder for the curve (`find-rate.png`) and its numbers (`find-rate.csv`); nothing
            else is written.
        quiet: nothing is printed.
        options: as for `train`; `steps` is how many the test takes (100; 10 at least).

    Raises:
        UserError: whatever a person can mend.
        TypeError: there is no such option.
    """
    from gocnn.console.calling import call
    from imagecls.commands.img_train import command

    named, out = [path("photos", photos)], path("out", out)
    call(command, named, {"out": out, "quiet": quiet, **options, "find_rate": True}, silent=quiet)
    from gocnn.training.range_test import suggestion_in

    return suggestion_in(Path(out))


def _warned(note: str) -> None:
    warnings.warn(note.removeprefix("note: "), stacklevel=5)


def label_issues(
    photos: Name,
    model: Name | Sequence[Name] | None = None,
    *,
    folds: int | None = None,
    minutes: float | None = None,
    epochs: float | None = None,
    size: int = 64,
    tta: int = 4,
    device: str = "cpu",
) -> list[LabelIssue]:
    """The pictures whose labels are likely wrong, by confident learning, the likeliest first, as
    the command `img-clean` lists them. The photographs are not touched.

    Give a model that has not learnt from these pictures, or `folds`: then so many small networks
    are trained, each on all but one part, and judge what they have not seen. A `UserWarning` says
    so if the model has learnt from some of the pictures, and if the judges agree with too few of
    the labels for the list to be of use.

    Args:
        photos: a folder or archive of labelled pictures: of one with parts, the training part.
        model: a file or folder that `load` takes, or several.
        folds: how many networks, from 2 on.
        minutes: budget of all of them together (10 if None, and `epochs` is not given).
        epochs: budget of each, instead.
        size: pixels a side that they see.
        tta: views of each picture that are averaged, 1 to 12.
        device: as for `load`.

    Raises:
        UserError: neither or both of model and folds are given, or whatever else a person can mend.
        KeyboardInterrupt: it was interrupted.
    """
    data, tta = path("photos", photos), whole("tta", tta, 1, high=12)
    if model is not None and folds is not None:
        raise UserError(
            "a model judges by itself, and folds trains networks for it; give one of the two"
        )
    if model is None and folds is None:
        raise UserError("give a model that judges, or folds=4, which trains small networks for it")
    if model is not None and (minutes is not None or epochs is not None):
        raise UserError("minutes and epochs are of folds=4; leave them out where a model judges")
    if minutes is not None and epochs is not None:
        raise UserError("give minutes or epochs, not both")
    budget = {"minutes": minutes, "epochs": epochs}
    if minutes is None and epochs is None:
        budget["minutes"] = 10.0
    for name, value in budget.items():
        if value is not None:
            budget[name] = number(name, value, 0.001, 1e6)
    with libraries.named("images"):
        from imagecls.classifier import cleaning

        if model is not None:
            ensemble = load(model, device=device)._ensemble
            judged = cleaning.judged_by(ensemble, data, tta=tta, said=_warned)
        else:
            judged = cleaning.judged_out_of_fold(
                data,
                whole("folds", folds, 2, high=100),
                minutes=budget["minutes"],
                epochs=budget["epochs"],
                size=whole("size", size, 16, high=512),
                tta=tta,
                device=device,
            ).only(None, data)
    classes = judged.classes
    found = cleaning.suspects(judged.probabilities, judged.photos.labels)
    if doubt := cleaning.doubt(judged.probabilities, judged.photos.labels, len(found)):
        warnings.warn(doubt, stacklevel=2)
    return [
        LabelIssue(
            judged.photos.photos[one.index].name,
            classes[one.given],
            classes[one.likely],
            one.probability,
            one.margin,
        )
        for one in found
    ]
