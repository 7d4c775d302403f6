"""The photographs that a classifier has learnt from, where they still are."""

from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from gocnn.errors import UserError
from gocnn.training.names import DESCRIPTION
from gocnn.training.run import RunFolder
from imagecls.classifier.training import ClassifierRunConfig, labelled_of
from imagecls.photos.data import Splits


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
