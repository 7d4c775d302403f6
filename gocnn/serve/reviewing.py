"""Reviews of records that are dropped on the page: a job, and what it has found, game by game."""

import math
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from msgspec import Meta, Struct
from starlette.responses import Response
from starlette.routing import BaseRoute

from gocnn.errors import UserError
from gocnn.games import sources
from gocnn.serve.bodies import encoded
from gocnn.serve.config import RECORD_BYTES, RECORD_NODES
from gocnn.serve.endpoints import get, post
from gocnn.serve.failures import Refusal
from gocnn.serve.jobs import Job, Jobs
from gocnn.serve.sharing import Share, Shared
from gocnn.serve.state import ServeState
from gocnn.serve.threads import importing

if TYPE_CHECKING:
    from gocnn.review.files import FileReview
    from gocnn.review.position import PositionReview
    from gocnn.review.review import Review

KIND = "review"

MOST_GAMES = 500
"""Games that are reviewed of one upload."""

MOST_MOVES = 100_000
"""Moves that these may have together."""

MOST_VISITS = 1000
"""Positions that each is searched for."""

UNPACKED = 128 << 20
"""Bytes that an archive may unpack to."""


class AskedReview(Struct):
    """A review that is asked for; the body is the file of games. name: of the file, to be quoted in
    what is said of it; model: a network's name (left out: the first one); visits: positions that
    each is searched for to say who is ahead (0: at a glance)."""

    name: str = "the file"
    model: str | None = None
    visits: Annotated[int, Meta(ge=0, le=MOST_VISITS)] = 0


class StartedReview(Struct):
    """A review that has been started. job: its id; its progress is told at `/api/jobs/ID/events`,
    in events `progress`."""

    job: str


class Progress(Struct, tag="progress"):
    """How far a review is. games: how many are found, and of how many; moves: how many are
    reviewed, and of how many."""

    games: int
    of_games: int
    moves: int
    of_moves: int


class FoundGame(Struct):
    """A reviewed game. name: of its file; moves: 0 for a position without moves; agreement: the
    share of moves, of black and of white, that were the network's first choice (null without
    moves); trouble: why the review ends early, or empty; sgf: whether its file can be had with
    marks and comments by now."""

    number: int
    name: str
    black: str
    white: str
    result: str
    moves: int
    agreement: tuple[float | None, float | None]
    trouble: str
    sgf: bool


class FoundGames(Struct):
    """The games of a review. state: of the job, `waiting`, `working`, `done`, `failed` or
    `cancelled`; games: those that are reviewed; skipped: what is not, a sentence each."""

    state: str
    games: list[FoundGame]
    skipped: list[str]


class NamedReview(Struct):
    """A review that is meant. job: its id."""

    job: str


class NamedGame(Struct):
    """A game of a review that is meant. job: the review's id; number: of the game, from 0."""

    job: str
    number: Annotated[int, Meta(ge=0, le=MOST_GAMES)]


@dataclass
class _File:
    """What is kept of a file: its SGF with marks and comments, packed, once all its games are
    reviewed (None: there is none); what was skipped."""

    name: str
    sgf: bytes | None = None
    skipped: list[str] = field(default_factory=list)


@dataclass
class _Game:
    """What is kept of a game, packed: some two hundred bytes a move, where the review itself has
    thousands."""

    summary: FoundGame
    content: bytes
    values: bytes
    file: _File


def routes(state: ServeState) -> list[BaseRoute]:
    """`/api/review`, and what its jobs find."""
    path = "/api/jobs/{job}"
    return [
        post("/api/review", partial(review, state), most=RECORD_BYTES),
        get(path, partial(games, state)),
        get(f"{path}/games/{{number}}", partial(content, state)),
        get(f"{path}/games/{{number}}/values", partial(values, state)),
        get(f"{path}/games/{{number}}/sgf", partial(sgf, state)),
        get(f"{path}/games/{{number}}/html", partial(html, state)),
    ]


def review(state: ServeState, asked: AskedReview, data: bytes) -> StartedReview:
    """Begin to review the games of a file: what the network expected at every move.

    The file is one as `/api/sgf` takes it, an archive of them among others, with at most 500 games
    and 100,000 moves.
    """
    if not data:
        raise UserError("the file is empty; give game records")
    state.path_of(asked.model)
    name = " ".join(asked.name.split())[:200].replace("\\", "/").rpartition("/")[2] or "the file"
    work = partial(_review, state, asked, name, data)
    return StartedReview(state.jobs.start(KIND, work).id)


def games(state: ServeState, asked: NamedReview) -> FoundGames:
    """The games that a review has found so far."""
    job = state.jobs.get(asked.job, KIND)
    kept = list(job.found)
    skipped = [line for one in kept if isinstance(one, _File) for line in one.skipped]
    summaries = []
    for one in kept:
        if isinstance(one, _Game):
            one.summary.sgf = one.file.sgf is not None
            summaries.append(one.summary)
    return FoundGames(job.state, summaries, skipped[:100])


def content(state: ServeState, asked: NamedGame) -> Response:
    """All that a review says of a game, as `gocnn.review.page.content` has it.

    Points are flat indices from A1 row by row, 361 a pass; colours 1 black, 2 white. `moves`: with
    probability `p`, rank, first choices, and points set up before; `comments`: the record's own,
    with the number of moves before; `course`: `wins` and `lead` of black before each move and at
    the end; `least`, `course.costly` and `course.drops`: moves worth a look, from 0.
    """
    return _json(_game(state.jobs, asked).content)


def values(state: ServeState, asked: NamedGame) -> Response:
    """The same as `go-review --json` prints it: moves as vertices, in plain words."""
    return _json(_game(state.jobs, asked).values)


def sgf(state: ServeState, asked: NamedGame) -> Response:
    """The game's file, to be saved, with marks and comments as `go-review --out` writes them."""
    game = _game(state.jobs, asked)
    if game.file.sgf is None:
        raise Refusal(
            404, "there is no such file yet: its games are not all reviewed, or none has moves"
        )
    return _saved(zlib.decompress(game.file.sgf), game.file.name, "sgf", "application/x-go-sgf")


def html(state: ServeState, asked: NamedGame) -> Response:
    """The game as one page, to be saved, which needs neither this server nor a network."""
    with importing:
        from gocnn.review.page import filled

    game = _game(state.jobs, asked)
    page = filled(zlib.decompress(game.content).decode())
    return _saved(page.encode(), game.summary.name, "html", "text/html; charset=utf-8")


def _review(state: ServeState, asked: AskedReview, name: str, data: bytes, job: Job) -> None:
    """The work of the job."""
    with importing:
        from gocnn.review.files import review_games

    files = _read(name, data, job)
    of_games = sum(len(one.records) for one in files)
    of_moves = sum(len(record.steps) for one in files for record in one.records)
    if of_moves > MOST_MOVES:
        raise UserError(
            f"{name} has {of_moves:,} moves, and {MOST_MOVES:,} are reviewed at most; give a part"
            " of it"
        )
    progress = Progress(0, of_games, 0, of_moves)
    # others analyse meanwhile: each has its turn
    evaluator = Shared(state.evaluator(asked.model), state.sharing.turns, Share(), math.inf)

    def tick(count: int) -> None:
        progress.moves += count
        _report(job, progress)

    _report(job, progress)
    while files:
        found = files.pop(0)  # not kept: a record that was read takes much room
        file = _File(found.name.removeprefix(f"{name}:"))
        for game in review_games(found, evaluator, tick, visits=asked.visits):
            shown = game.name.removeprefix(f"{name}:")
            kept = _kept(game, shown, progress.games, file)
            job.keep(kept, len(kept.content) + len(kept.values))
            progress.games += 1
            _report(job, progress)
        annotated = found.annotated()
        file.sgf = None if annotated is None else zlib.compress(annotated)
        file.skipped = found.skipped
        job.keep(file, len(file.sgf or b""))
    if not any(isinstance(one, _Game) for one in job.found):
        lines = [line for one in job.found for line in one.skipped]
        raise UserError(lines[0] if lines else f"{name} holds no game record")


def _read(name: str, data: bytes, job: Job) -> "list[FileReview]":
    with importing:
        from gocnn.review.files import read_file

    files = []
    for blob in sources.in_bytes(data, name, UNPACKED):
        job.check()
        if blob.data.count(b"(;") > RECORD_NODES:
            raise UserError(f"{blob.name} has more than {RECORD_NODES:,} games; give a part of it")
        files.append(read_file(blob))
        if sum(len(one.records) for one in files) > MOST_GAMES:
            raise UserError(f"{name} has more than {MOST_GAMES} games; give a part of it")
    return files


def _report(job: Job, progress: Progress) -> None:
    # a copy: what is reported must not change while it is sent
    job.report(Progress(progress.games, progress.of_games, progress.moves, progress.of_moves))


def _kept(found: "Review | PositionReview", shown: str, number: int, file: _File) -> _Game:
    with importing:
        from gocnn.board import BLACK, WHITE
        from gocnn.review import page
        from gocnn.review import values as plain
        from gocnn.review.position import PositionReview
        from gocnn.review.review import agreement

    record = found.record
    moves, judged = ([], []) if isinstance(found, PositionReview) else (found.moves, found.judged)
    shares = [agreement([m for m in judged if m.colour == colour]) for colour in (BLACK, WHITE)]
    black, white = (None if each is None else round(each.top1, 4) for each in shares)
    text = page.content(found)
    said = (
        plain.position_values(found)
        if isinstance(found, PositionReview)
        else plain.review_values(found)
    )
    summary = FoundGame(
        number,
        shown,
        record.black,
        record.white,
        record.result,
        len(moves),
        (black, white),
        record.trouble,
        sgf=False,
    )
    return _Game(summary, zlib.compress(encoded(text)), zlib.compress(encoded(said)), file)


def _game(jobs: Jobs, asked: NamedGame) -> _Game:
    """Raises Refusal if there is none of that number."""
    job = jobs.get(asked.job, KIND)
    found = [one for one in list(job.found) if isinstance(one, _Game)]
    if asked.number >= len(found):
        raise Refusal(404, f"this review has no game {asked.number} (yet); it has {len(found)}")
    return found[asked.number]


def _json(packed: bytes) -> Response:
    return Response(zlib.decompress(packed), media_type="application/json")


def _saved(data: bytes, name: str, ending: str, kind: str) -> Response:
    """An answer that the browser saves as a file."""
    stem = PurePath(name.replace("\\", "/")).stem or "game"
    title = quote(f"{stem}-reviewed.{ending}", safe="")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{title}"}
    return Response(data, media_type=kind, headers=headers)
