"""Analysis as board programs ask for it: `lz-analyze`, `kata-analyze` and their relatives. What the
numbers mean is said in `gocnn.engine.analysis`; all are seen from the side to move.

Sources: the GTP extensions of Leela Zero (https://github.com/leela-zero/leela-zero, README) and of
KataGo (https://github.com/lightvector/KataGo/blob/master/docs/GTP_Extensions.md).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import MOVES, SIZE, to_gtp
from gocnn.engine.analysis import MOST_MOVES, Analysis, AnalysisOptions, MoveInfo
from gocnn.engine.game import Game
from gocnn.engine.mcts import Until
from gocnn.engine.ownership import OwnershipEstimate
from gocnn.engine.player import Player
from gocnn.gtp.commands import COLOURS, Engine, parse_colour, vertex_of
from gocnn.gtp.protocol import GtpError, Handler

F = TypeVar("F", np.float32, np.float64)


def restrict(
    restrictions: Sequence[tuple[int, Sequence[int], int, bool]],
) -> dict[int, npt.NDArray[np.int64]]:
    """What `avoid` and `allow` mean for a search (`gocnn.engine.mcts.Until`).

    restrictions: each has a colour, moves (flat indices), the ply from which it no longer holds,
    and whether they are the only moves allowed (those of several such restrictions are, together)
    or moves to avoid.
    """
    until: dict[int, npt.NDArray[np.int64]] = {}
    only: dict[int, npt.NDArray[np.bool_]] = {}
    for colour, moves, depth, allowed in restrictions:
        mine = until.setdefault(colour, np.zeros(MOVES, np.int64))
        listed = np.isin(np.arange(MOVES), moves)
        if allowed:
            only[colour] = only.get(colour, np.zeros(MOVES, np.bool_)) | listed
        else:
            mine[listed] = np.maximum(mine[listed], depth)
    for colour, listed in only.items():
        deepest = max(depth for c, _, depth, allowed in restrictions if allowed and c == colour)
        until[colour][~listed] = np.maximum(until[colour][~listed], deepest)
    return until


@dataclass
class Request:
    """What a client asks of an analysis. interval: seconds; keep: bool `(362,)`, the moves to look
    at; most, least: how many of them; flags: of `FLAGS`, those that are on; until: see
    `restrict`."""

    colour: int
    interval: float
    most: int
    keep: npt.NDArray[np.bool_]
    least: int = 1
    flags: frozenset[str] = frozenset()
    until: Until | None = None

    def analysis(self, player: Player, game: Game) -> Analysis:
        """Begin it."""
        return Analysis(
            player,
            game,
            self.colour,
            keep=self.keep,
            most=self.most,
            options=AnalysisOptions(until=self.until, least=self.least),
        )


FLAGS = (
    "ownership",
    "rootinfo",
    "ownershipstdev",
    "movesownership",
    "movesownershipstdev",
    "pvvisits",
    "pvedgevisits",
    "noresultvalue",
)


def parse(arguments: list[str], game: Game) -> Request:
    """The arguments of any analysis command: `[COLOR] [INTERVAL] [KEY VALUE]...`, the interval in
    hundredths of a second. Raises GtpError."""
    request = Request(game.board.to_play, 1.0, MOST_MOVES, np.ones(MOVES, np.bool_))
    rest = list(arguments)
    if rest and rest[0].lower() in COLOURS:
        request.colour = parse_colour(rest.pop(0))
    if rest and rest[0].isascii() and rest[0].isdigit():
        request.interval = _interval(rest.pop(0))
    flags: set[str] = set()
    restrictions: list[tuple[int, list[int], int, bool]] = []
    while rest:
        key = rest.pop(0).lower()
        if key in ("avoid", "allow"):
            if len(rest) < 3:
                raise GtpError(f"syntax error: {key} COLOR VERTEX,VERTEX,... DEPTH")
            restrictions.append(
                (
                    parse_colour(rest[0]),
                    [vertex_of(v) for v in rest[1].split(",") if v],
                    max(_number(rest[2]), 1),
                    key == "allow",
                )
            )
            del rest[:3]
            continue
        if not rest:
            raise GtpError(f"syntax error: {key} needs a value")
        value = rest.pop(0)
        if key == "interval":
            request.interval = _interval(value)
        elif key == "maxmoves":
            request.most = max(1, _number(value))
        elif key == "minmoves":
            request.least = min(max(1, _number(value)), MOVES)
        elif key in FLAGS:
            if value.lower() not in ("true", "false"):
                raise GtpError(f"syntax error: {key} is true or false")
            (flags.add if value.lower() == "true" else flags.discard)(key)
        else:
            raise GtpError(f"syntax error: unknown key {key}")
    request.flags = frozenset(flags)
    request.most = max(request.most, request.least)
    if restrictions:
        request.until = restrict(restrictions)
        if request.colour in request.until:
            request.keep = request.until[request.colour] == 0
    return request


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise GtpError("syntax error: a whole number is expected")
    return int(text)


def _interval(text: str) -> float:
    return min(max(_number(text), 1), 100_000) / 100


def lz_row(infos: list[MoveInfo]) -> str:
    """Leela Zero's line: winrate, prior and lcb in ten-thousandths."""
    return " ".join(
        f"info move {to_gtp(m.index)} visits {m.visits} winrate {round(m.winrate * 10000)} prior"
        f" {round(m.prior * 10000)} lcb {round(m.lcb * 10000)} order {order} pv"
        f" {_vertices(m.variation)}"
        for order, m in enumerate(infos)
    )


def kata_row(analysis: Analysis, request: Request) -> str:
    """KataGo's line: winrates 0 to 1, leads in points; then the position's own figures and who owns
    what, if asked for."""
    infos, asked, colour, board = (
        analysis.moves(),
        request.flags,
        request.colour,
        analysis.game.board,
    )
    after = (
        analysis.estimates()
        if {"movesownership", "movesownershipstdev"} & asked
        else [None] * len(infos)
    )
    parts = []
    for order, (m, estimate) in enumerate(zip(infos, after, strict=True)):
        part = (
            f"info move {to_gtp(m.index)} visits {m.visits} utility {m.utility:.6f} winrate"
            f" {m.winrate:.6f} scoreMean {m.lead:.6f} scoreStdev {m.spread:.6f} scoreLead"
            f" {m.lead:.6f} scoreSelfplay {m.lead:.6f} prior {m.prior:.6f} lcb {m.lcb:.6f}"
            f" utilityLcb {2 * m.lcb - 1:.6f}"
        )
        part += (
            " noResultValue 0.000000" * ("noresultvalue" in asked)
            + f" order {order} pv {_vertices(m.variation)}"
        )
        for key, name in (("pvvisits", "pvVisits"), ("pvedgevisits", "pvEdgeVisits")):
            part += f" {name} {' '.join(map(str, m.variation_visits))}" * (key in asked)
        if estimate and "movesownership" in asked:
            part += " movesOwnership " + _numbers(shown_ownership(estimate, board, colour))
        if estimate and "movesownershipstdev" in asked:
            part += " movesOwnershipStdev " + _numbers(shown_uncertainty(estimate))
        parts.append(part)
    if not infos:
        return ""
    whole = analysis.estimate() if {"rootinfo", "ownership", "ownershipstdev"} & asked else None
    if whole and "rootinfo" in asked:
        lead, winrate = whole.score_mean if colour == BLACK else -whole.score_mean, analysis.winrate
        parts.append(
            f"rootInfo visits {sum(m.visits for m in infos)} utility {2 * winrate - 1:.6f} winrate"
            f" {winrate:.6f} scoreMean {lead:.6f} scoreStdev {whole.score_stdev:.6f} scoreLead"
            f" {lead:.6f} scoreSelfplay {lead:.6f}"
        )
    if whole and "ownership" in asked:
        parts.append("ownership " + _numbers(shown_ownership(whole, board, colour)))
    if whole and "ownershipstdev" in asked:
        parts.append("ownershipStdev " + _numbers(shown_uncertainty(whole)))
    return " ".join(parts)


def _vertices(line: Sequence[int]) -> str:
    return " ".join(map(to_gtp, line))


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def from_the_top(values: npt.NDArray[F]) -> npt.NDArray[F]:
    """Values by flat index as `(19, 19)`, row 19 first, as other engines list them."""
    return values.reshape(SIZE, SIZE)[::-1]


def shown_ownership(estimate: OwnershipEstimate, board: Board, colour: int) -> list[float]:
    """Who owns each point, as `colour` sees it, from the top, to four digits. Never 0, for which
    KaTrain does not draw the stone there: a point that is nobody's leans by so little as can be
    shown to whose stone stands on it."""
    sign, stones = 1 if colour == BLACK else -1, board.stones().ravel()
    shown = np.round(sign * estimate.owner.astype(np.float64), 4)
    lean = np.where(stones == colour, 1e-4, np.where(stones == 0, 1e-4, -1e-4))
    values: list[float] = from_the_top(np.where(shown == 0, lean, shown)).ravel().tolist()
    return values


def shown_uncertainty(estimate: OwnershipEstimate) -> list[float]:
    """The standard deviation of who owns each point, one playout from the next, from the top."""
    values: list[float] = (
        from_the_top(np.sqrt(np.maximum(1 - estimate.owner**2, 0.0))).ravel().round(4).tolist()
    )
    return values


def install(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Add the analysis commands. `stopped`: whether the client has sent something (then an analysis
    ends)."""

    def shown(analysis: Analysis, request: Request, kata: bool) -> Iterator[str]:
        if analysis.candidates:
            yield kata_row(analysis, request) if kata else lz_row(analysis.moves())

    def analyse(request: Request, kata: bool) -> Iterator[str]:
        # The response has begun before the position is looked at, which takes a while at a
        # machine's first start.
        analysis = request.analysis(engine.player, engine.game)
        wait = min(request.interval, 0.1)
        while True:
            analysis.advance(wait, stopped)
            yield from shown(analysis, request, kata)
            if stopped():
                return
            wait = request.interval

    def genmove(request: Request, kata: bool) -> Iterator[str]:
        analysis = request.analysis(engine.player, engine.game)
        analysis.advance(min(request.interval, 0.2), lambda: False)
        yield from shown(analysis, request, kata)
        yield f"play {engine.generate(request.colour, keep=analysis.choice(request.keep))}"

    def command(rows: Callable[[Request, bool], Iterator[str]], kata: bool) -> Handler:
        def handler(arguments: list[str]) -> Iterator[str]:
            return rows(parse(arguments, engine.game), kata)

        return handler

    engine.commands.update(
        {
            "lz-analyze": command(analyse, False),
            "lz-genmove_analyze": command(genmove, False),
            "kata-analyze": command(analyse, True),
            "kata-genmove_analyze": command(genmove, True),
        }
    )
