"""The homework's submission file."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from gocnn.errors import UserError
from gocnn.files import write_text
from imagecls.collection import Photo
from imagecls.model import Floats


def ids(photos: Sequence[Photo]) -> list[str]:
    """The course's ids: the test files' own numbers (`0001.jpg` is `0001`), or, where files have other names, numbers from 0 on in their order.

    Either way padded with zeros to four digits.
    """
    stems = [Path(photo.name).stem for photo in photos]
    if all(stem.isascii() and stem.isdigit() for stem in stems) and len(set(stems)) == len(stems):
        return [stem.zfill(4) for stem in stems]
    return [str(i).zfill(4) for i in range(len(photos))]


def write(target: Path, photos: Sequence[Photo], answers: Sequence[Floats | str]) -> None:
    """Write `Id,Category` with the number of the class; unreadable pictures get the commonest answer. Raises UserError if none can be read."""
    classes = [None if isinstance(answer, str) else int(answer.argmax()) for answer in answers]
    counts = Counter(c for c in classes if c is not None)
    if not counts:
        raise UserError(f"none of the {len(photos)} pictures can be read; {target} was not written")
    common = counts.most_common(1)[0][0]
    lines = [f"{key},{common if c is None else c}" for key, c in zip(ids(photos), classes, strict=True)]
    write_text(target, "\n".join(["Id,Category", *lines]) + "\n")
