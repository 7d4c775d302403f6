"""The photographs that a classifier has learnt from, where they still are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

import numpy as np
import numpy.typing as npt

from gocnn.errors import UserError
from gocnn.training.names import DESCRIPTION
from gocnn.training.run import RunFolder
from imagecls.classifier import KIND
from imagecls.classifier.training import ClassifierRunConfig, labelled_of
from imagecls.photos.collection import Photo
from imagecls.photos.data import Splits
from imagecls.photos.layout import VALID
from imagecls.photos.sets import photo_set
from imagecls.photos.store import ImageStore


@dataclass(frozen=True)
class Learnt:
    """The photographs of a run, divided as it divided them. name: of their folder or archive;
    changed: whether they are others than the run has seen."""

    name: str
    splits: Splits
    changed: bool


def learnt(
    model: Path, cache: Path | None = None, jobs: int | None = None, *, size: int | None = None
) -> Learnt:
    """The photographs of the run that `model` is the folder of, or lies in, with `size` pixels a
    side (None: as the run has them); they are decoded unless the image store in the folder `cache`
    (by default the program's cache) has them.

    Raises UserError if the model lies in no run, or its photographs are not there any more.
    """
    folder = model if model.is_dir() else model.parent
    if not (folder / DESCRIPTION).is_file():
        raise UserError(
            f"{model.name} is a file without its run, so that nobody knows which photographs it has"
            " learnt from; give the folder that img-train wrote"
        )
    config = ClassifierRunConfig.of_run(folder, {})
    name = PureWindowsPath(config.data).name or config.data
    for source in (config.data, *config.split.valid):
        if not Path(source).exists():
            known = PureWindowsPath(source).name
            raise UserError(
                f"the photographs that {folder.name} has learnt from ({known}) are not where they"
                " were; start the program where img-train was started, or put"
                " them back"
            )
    if size is not None:
        config = replace(config, network=replace(config.network, store_size=size))
    splits = labelled_of(config, cache, jobs=jobs, quiet=True)
    return Learnt(name, splits, _fingerprints(folder) != _fingerprints_of(splits))


def _fingerprints(folder: Path) -> list[str]:
    """Of the training and the validation photographs that a run has seen; of those without labels,
    which may follow, nothing."""
    return str(RunFolder.read_description(folder).get("data")).split("-")[:2]


def _fingerprints_of(splits: Splits) -> list[str]:
    return [splits.train.fingerprint(), splits.valid.fingerprint()]


def learnt_from(
    model: Path,
    photos: Sequence[Photo],
    cache: Path | None = None,
    *,
    part: str = "",
    said: Callable[[str], object] = lambda _: None,
) -> npt.NDArray[np.bool_] | None:
    """Which of N photographs, all of which can be decoded, the network of a model file or run was
    trained on, or the one that it began with, `(N,)`, as far as their folders say; None if they do
    not. Compared byte for byte.

    part: of their folder or archive, by its folders, that they are, if that is known: where they
    are just what a run validated with, its training part is not read. `said` is told why a run
    does not say.
    """
    folder = model if model.is_dir() else model.parent
    if not (folder / DESCRIPTION).is_file():
        return None
    try:
        RunFolder.read_config(folder, KIND)
        config = ClassifierRunConfig.of_run(folder, {})
    except UserError:
        return None
    begun = Path(config.init_from)
    before = learnt_from(begun, photos, cache) if config.init_from and begun.exists() else None
    if config.init_from and before is None:
        said(
            f"{folder.name} began with {config.init_from}, of which it is not known what it has"
            " learnt from; these pictures may be among it"
        )
        return None
    try:
        here = _here(config, folder, photos, cache, part)
    except UserError:
        here, why = None, "are not where they were"
    else:
        why = "are others now"
    if here is None:
        name = PureWindowsPath(config.data).name or config.data
        said(
            f"the photographs that {folder.name} has learnt from ({name}) {why}, so that it is not"
            " known which of these are among them"
        )
        return None
    return here if before is None else here | before


def _here(
    config: ClassifierRunConfig,
    folder: Path,
    photos: Sequence[Photo],
    cache: Path | None,
    part: str,
) -> npt.NDArray[np.bool_] | None:
    """Which of the photographs are those that the run learns from; None if these have changed.
    Raises UserError if they are not there."""
    split, network = config.split, config.network
    sources = {Path(source).resolve() for source in {photo.source for photo in photos}}
    own = sources <= {Path(config.data).resolve()}
    if part == VALID and own and not (split.folds or split.valid or split.labelling):
        store = ImageStore(network.store_size, network.fit, cache)
        judged = photo_set(store, photos, store.add(photos, quiet=True))
        if _fingerprints(folder)[1:] == [judged.fingerprint()]:
            return np.zeros(len(photos), bool)
    splits = labelled_of(config, cache, quiet=True)
    if _fingerprints(folder) != _fingerprints_of(splits):
        return None
    rows = splits.train.store.add(photos, quiet=True).rows
    return np.isin(rows, splits.train.rows)
