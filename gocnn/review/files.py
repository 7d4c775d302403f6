"""Reviews of all the games in files."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gocnn.errors import UserError
from gocnn.files import check_folder, check_writable, make_folder, write_bytes
from gocnn.games import sgf_tree
from gocnn.games.sources import Blob
from gocnn.policy.suggestion import Evaluator
from gocnn.review.annotate import annotate, visits_of
from gocnn.review.position import PositionReview, expected_at
from gocnn.review.review import Review, review


class ReviewedRecords:
    """Where the reviewed records of some files go: to `out`, if there is one file and `out` is no
    folder; else into the folder `out`, under the files' own names. Files are numbered from 0, in
    the order of `names`; `written` is what was written here."""

    def __init__(self, out: Path, names: Sequence[str]) -> None:
        """names: of the files, in an archive with their path in it after a colon."""
        self.out, self.written = out, list[Path]()
        self.is_folder = len(names) > 1 or os.path.isdir(out)
        self._read = {os.path.realpath(name) for name in names if os.path.isfile(name)}
        self._targets = list[Path]()
        taken = set[Path]()
        for name in names:
            first = target = self._target(name)
            number = 2
            while target in taken:
                target, number = first.with_name(f"{first.stem}-{number}.sgf"), number + 1
            taken.add(target)
            self._targets.append(target)

    def check(self) -> None:
        """Raises UserError where nothing can be written (no such folder, no permission)."""
        (check_folder if self.is_folder else check_writable)(self.out)

    def replaced(self) -> Path | None:
        """A file that is read and would be replaced; None if there is none."""
        return next((each for each in self._targets if os.path.realpath(each) in self._read), None)

    def has(self, number: int, blob: Blob, visits: int = 0) -> bool:
        """Whether a file's reviewed record is there: one of the same moves, since another game may
        have had the same name, and of searches of so many visits (0: of glances)."""
        target = self._targets[number]
        if not target.is_file():
            return False
        there = read_file(Blob(str(target), target.read_bytes()))
        return (
            not there.skipped
            and _moves(there) == _moves(read_file(blob))
            and all(visits_of(record) == visits for record in there.records if record.steps)
        )

    def write(self, number: int, annotated: bytes) -> None:
        """Write a file's reviewed record, and its folder if that is not there. Raises UserError if
        it cannot be written."""
        if self.is_folder:
            make_folder(self.out)
        write_bytes(self._targets[number], annotated)
        self.written.append(self._targets[number])

    def _target(self, name: str) -> Path:
        stem = Path(name.rpartition(":")[2]).stem or "game"
        return self.out / f"{stem}.sgf" if self.is_folder else self.out


@dataclass(frozen=True)
class FileReview:
    """The games of one file. records: all of them in order, marks and comments added to those that
    were reviewed; reviews: of the games with moves; positions: of those without; skipped: a
    sentence about each game (or the whole file) that could not be reviewed."""

    name: str
    records: list[sgf_tree.Record]
    reviews: list[Review]
    positions: list[PositionReview]
    skipped: list[str]

    def annotated(self) -> bytes | None:
        """The file as SGF with marks and comments added; None if nothing in it has moves."""
        if not any(record.steps for record in self.records):
            return None
        return sgf_tree.serialise(self.records)


def _moves(found: FileReview) -> list[list[tuple[int, int]]]:
    """The moves of each game: flat index and colour."""
    return [[(step.index, step.colour) for step in record.steps] for record in found.records]


def read_file(blob: Blob) -> FileReview:
    """The games of a file, nothing of them reviewed yet. Nothing raises."""
    found = FileReview(blob.name, [], [], [], [])
    try:
        if blob.trouble:
            raise UserError(f"{blob.name}: {blob.trouble}")
        found.records.extend(sgf_tree.parse(blob.data, blob.name))
    except UserError as error:
        found.skipped.append(str(error))
    return found


def review_games(
    found: FileReview,
    evaluator: Evaluator,
    tick: Callable[[int], object] | None = None,
    *,
    visits: int = 0,
) -> Iterator[Review | PositionReview]:
    """Review the games of a file one after another, each added to what is found and yielded. tick
    is told how many positions were evaluated, again and again; what it raises ends this. visits: as
    for `gocnn.review.review.review`."""
    for number, record in enumerate(found.records, 1):
        name = found.name if len(found.records) == 1 else f"{found.name} (game {number})"
        if record.steps:
            found.reviews.append(review(record, name, evaluator, visits=visits, tick=tick))
            annotate(found.reviews[-1])
            yield found.reviews[-1]
        elif record.setup and not record.trouble:
            found.positions.append(expected_at(record, name, evaluator, visits=visits))
            yield found.positions[-1]
        else:
            reason = record.trouble or "it holds no moves"
            found.skipped.append(f"{name}: {reason}; there is nothing to review")


def review_files(
    blobs: Iterable[Blob],
    evaluator: Evaluator,
    tick: Callable[[int], object] | None = None,
    *,
    visits: int = 0,
) -> Iterator[FileReview]:
    """Review one file after another (`gocnn.games.sources` reads them), as `review_games` does. A
    file that cannot be read is skipped; nothing raises but what tick does."""
    for blob in blobs:
        found = read_file(blob)
        for _ in review_games(found, evaluator, tick, visits=visits):
            pass
        yield found
