"""Analysis as board programs ask for it: `lz-analyze`, `kata-analyze` and their relatives.

`prior` is the network's. If it foresees the winner, a search (`gocnn.play.search`) goes on as long as the analysis does: `winrate`, `visits` and the
order of the moves are the search's. If not, the order is the prior's, and the winrate comes from random playouts after each move (a visit is eight
of them). `scoreLead` and `ownership` come from such playouts in either case: coarse before the endgame. All are seen from the side to move.

Sources: the GTP extensions of Leela Zero (https://github.com/leela-zero/leela-zero, README) and of KataGo
(https://github.com/lightvector/KataGo/blob/master/docs/GTP_Extensions.md).
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK, Board
from gocnn.board.coords import MOVES, PASS, SIZE, to_gtp
from gocnn.play.engine import COLOURS, Engine, colour_of, vertex_of
from gocnn.play.game import Game
from gocnn.play.gtp import Handler, Refused
from gocnn.play.outlook import Outlook, Playouts, useful
from gocnn.play.player import Player, turned
from gocnn.play.search import Search
from gocnn.policy.suggestion import Floats, suggest_many

MOST_MOVES = 12
LEAST_PRIOR = 0.002
VARIATION = 8
"""Plies of a principal variation."""

VISIT = 8
"""Playouts that make a visit where there is no search, and that are run between two looks at the input: about two milliseconds."""

MOST_PLAYOUTS = 100_000
"""After so many of each move an analysis only waits: more would change nothing that is shown."""

ENOUGH_PLAYOUTS = 400
"""So many of each move are run beside a search."""

MOST_VISITS = 50_000
"""After so many a search only waits: it keeps every position that it has seen."""


@dataclass(frozen=True)
class MoveInfo:
    """One candidate, from the side to move: prior and winrate 0 to 1, visits and how many trials the winrate rests on, lead and spread in points,
    variation as flat indices."""  # fmt: skip

    index: int
    prior: float
    visits: int
    trials: int
    winrate: float
    lead: float
    spread: float
    variation: Sequence[int]

    @property
    def lcb(self) -> float:
        """Lower end of the winrate's 95 % interval, as if trials were independent."""
        return max(0.0, self.winrate - 1.96 * math.sqrt(self.winrate * (1 - self.winrate) / max(self.trials, 1)))


class Analysis:
    """Candidates of a position for `colour`, the best first; `advance` looks further ahead, and adds playouts to all of them in turn."""

    def __init__(self, player: Player, game: Game, colour: int, keep: npt.NDArray[np.bool_] | None = None, most: int = MOST_MOVES) -> None:
        p = player.probabilities(game, colour)
        wanted = useful(game.board, colour)
        if keep is not None:
            wanted = wanted & keep
        order = [int(i) for i in np.argsort(-p, kind="stable") if wanted[i]]
        self.colour, self.probabilities, self.game = colour, p, game
        self.legal = game.board.legal(colour)
        self.candidates = [i for place, i in enumerate(order) if place == 0 or p[i] >= LEAST_PRIOR][:most]
        boards = [game.board.copy() for _ in self.candidates]
        for board, index in zip(boards, self.candidates, strict=True):
            board.play(index, colour)
        self._search: Search | None = None
        if player.evaluator.foresees and self.candidates:
            among = np.isin(np.arange(MOVES), self.candidates)
            self._search = Search(player.evaluator, turned(game, colour), game.area_komi, among, player.known(game), player.symmetries)
        self._playouts = [Playouts(board, game.area_komi, seed=1 + 7919 * place) for place, board in enumerate(boards)]
        self._variations = [[index] for index in self.candidates]
        self._continue([board.copy() for board in boards], player)
        self._turn = 0

    def _continue(self, boards: list[Board], player: Player) -> None:
        """Let the network play on from each candidate, all in one evaluation a ply."""
        known = [player.known(self.game)] * len(boards)
        for _ in range(VARIATION - 1):
            if not boards:
                return
            for row, board, variation in zip(suggest_many(player.evaluator, boards, known), boards, self._variations, strict=True):
                if variation[-2:] == [PASS, PASS]:
                    continue
                row = np.where(useful(board, board.to_play), row, -1.0)
                variation.append(int(row.argmax()))
                board.play(variation[-1])

    @property
    def visits(self) -> int:
        """Visits of all candidates so far."""
        return self._search.count if self._search else sum(playouts.count // VISIT for playouts in self._playouts)

    def advance(self, seconds: float, stopped: Callable[[], bool], visits: int | None = None) -> None:
        """Go on for about so long, or until `stopped` says so, or there are `visits` of them."""
        end = time.monotonic() + seconds
        while not stopped() and time.monotonic() < end:
            if visits is not None and self.visits >= visits:
                return
            searching = self._search is not None and self._search.count < MOST_VISITS
            playing = bool(self._playouts) and self._playouts[self._turn].count < (ENOUGH_PLAYOUTS if self._search else MOST_PLAYOUTS)
            if self._search and searching:
                self._search.run(1)
            if playing:
                self._playouts[self._turn].run(VISIT)
                self._turn = (self._turn + 1) % len(self._playouts)
            if not (searching or playing):
                time.sleep(0.005)

    def moves(self) -> list[MoveInfo]:
        """What is known of each candidate."""
        infos = []
        for index, playouts, variation in zip(self.candidates, self._playouts, self._variations, strict=True):
            o = playouts.sum()
            winrate, lead = (o.black_wins, o.lead) if self.colour == BLACK else (1 - o.black_wins, -o.lead)
            visits, trials = o.playouts // VISIT, o.playouts
            if self._search:
                visits, winrate, line = self._search.told(index)
                trials, variation = visits, line if len(line) > 1 else variation
            infos.append(MoveInfo(index, float(self.probabilities[index]), visits, trials, winrate, lead, o.spread, variation))
        return [infos[place] for place in self._order()]

    def choice(self, keep: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Which of `keep`, bool `(362,)`, a player may choose among after this analysis: what a search found best, or to pass."""
        if self._search is None or not self._search.count:
            return keep
        only = np.zeros_like(keep)
        only[self.candidates[self._order()[0]]] = True
        only[PASS] = keep[PASS]
        return only

    def outlooks(self) -> list[Outlook]:
        """How the game ends after each candidate, in the order of `moves`; the first stands for the position's own."""
        return [self._playouts[place].sum() for place in self._order()]

    def _order(self) -> list[int]:
        places = list(range(len(self.candidates)))
        if not self._search:
            return places
        visits = self._search.visits
        return sorted(places, key=lambda place: -visits[self.candidates[place]])


@dataclass
class Request:
    """What a client asks of an analysis. interval: seconds; keep: bool `(362,)`, the moves to look at."""

    colour: int
    interval: float
    most: int
    keep: npt.NDArray[np.bool_]
    ownership: bool = False
    root_info: bool = False


FLAGS = ("ownership", "rootinfo", "ownershipstdev", "movesownership", "movesownershipstdev", "pvvisits", "pvedgevisits")


def parse(arguments: list[str], game: Game) -> Request:
    """The arguments of any analysis command: `[COLOR] [INTERVAL] [KEY VALUE]...`, the interval in hundredths of a second. Raises Refused."""
    request = Request(game.board.to_play, 1.0, MOST_MOVES, np.ones(MOVES, np.bool_))
    rest = list(arguments)
    if rest and rest[0].lower() in COLOURS:
        request.colour = colour_of(rest.pop(0))
    if rest and rest[0].isascii() and rest[0].isdigit():
        request.interval = _interval(rest.pop(0))
    allowed: set[int] = set()
    while rest:
        key = rest.pop(0).lower()
        if key in ("avoid", "allow"):
            if len(rest) < 3:
                raise Refused(f"syntax error: {key} COLOR VERTEX,VERTEX,... DEPTH")
            colour, vertices, _ = colour_of(rest[0]), [vertex_of(v) for v in rest[1].split(",") if v], _number(rest[2])
            del rest[:3]
            if colour != request.colour:
                continue  # later moves are not searched
            if key == "avoid":
                request.keep[vertices] = False
            else:
                allowed |= set(vertices)
            continue
        if not rest:
            raise Refused(f"syntax error: {key} needs a value")
        value = rest.pop(0)
        if key == "interval":
            request.interval = _interval(value)
        elif key == "maxmoves":
            request.most = max(1, _number(value))
        elif key == "minmoves":
            _number(value)
        elif key in FLAGS:
            request.ownership |= key == "ownership" and value.lower() == "true"
            request.root_info |= key == "rootinfo" and value.lower() == "true"
        else:
            raise Refused(f"syntax error: unknown key {key}")
    if allowed:
        request.keep &= np.isin(np.arange(MOVES), list(allowed))
    return request


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Refused("syntax error: a whole number is expected")
    return int(text)


def _interval(text: str) -> float:
    return min(max(_number(text), 1), 100_000) / 100


def lz_row(infos: list[MoveInfo]) -> str:
    """Leela Zero's line: winrate, prior and lcb in ten-thousandths."""
    return " ".join(
        f"info move {to_gtp(m.index)} visits {m.visits} winrate {round(m.winrate * 10000)} prior {round(m.prior * 10000)} "
        f"lcb {round(m.lcb * 10000)} order {order} pv {_variation(m)}"
        for order, m in enumerate(infos)
    )


def kata_row(analysis: Analysis, request: Request) -> str:
    """KataGo's line: winrates 0 to 1, leads in points; then the position's own figures and who owns what, if asked for."""
    infos = analysis.moves()
    parts = [
        f"info move {to_gtp(m.index)} visits {m.visits} utility {2 * m.winrate - 1:.6f} winrate {m.winrate:.6f} scoreMean {m.lead:.6f} "
        f"scoreStdev {m.spread:.6f} scoreLead {m.lead:.6f} scoreSelfplay {m.lead:.6f} prior {m.prior:.6f} lcb {m.lcb:.6f} "
        f"utilityLcb {2 * m.lcb - 1:.6f} order {order} pv {_variation(m)}"
        for order, m in enumerate(infos)
    ]
    if request.root_info and infos:
        visits = sum(m.visits for m in infos)
        parts.append(f"rootInfo visits {visits} utility {2 * infos[0].winrate - 1:.6f} winrate {infos[0].winrate:.6f} "
                     f"scoreMean {infos[0].lead:.6f} scoreStdev {infos[0].spread:.6f} scoreLead {infos[0].lead:.6f}")  # fmt: skip
    if request.ownership and infos:
        sign = 1 if request.colour == BLACK else -1
        parts.append("ownership " + " ".join(f"{value:.6f}" for value in from_the_top(sign * analysis.outlooks()[0].owner).ravel()))
    return " ".join(parts)


def _variation(info: MoveInfo) -> str:
    return " ".join(to_gtp(index) for index in info.variation)


def from_the_top(values: Floats) -> Floats:
    """Values by flat index as `(19, 19)`, row 19 first, as other engines list them."""
    return values.reshape(SIZE, SIZE)[::-1]


def install(engine: Engine, stopped: Callable[[], bool]) -> None:
    """Add the analysis commands. `stopped`: whether the client has sent something (then an analysis ends)."""

    def shown(analysis: Analysis, request: Request, kata: bool) -> Iterator[str]:
        if analysis.candidates:
            yield kata_row(analysis, request) if kata else lz_row(analysis.moves())

    def analyse(analysis: Analysis, request: Request, kata: bool) -> Iterator[str]:
        wait = min(request.interval, 0.1)
        while True:
            analysis.advance(wait, stopped)
            yield from shown(analysis, request, kata)
            if stopped():
                return
            wait = request.interval

    def genmove(analysis: Analysis, request: Request, kata: bool) -> Iterator[str]:
        analysis.advance(min(request.interval, 0.2), lambda: False)
        yield from shown(analysis, request, kata)
        yield f"play {engine.generate(request.colour, keep=analysis.choice(request.keep))}"

    def command(rows: Callable[[Analysis, Request, bool], Iterator[str]], kata: bool) -> Handler:
        def handler(arguments: list[str]) -> Iterator[str]:
            request = parse(arguments, engine.game)
            return rows(Analysis(engine.player, engine.game, request.colour, request.keep, request.most), request, kata)

        return handler

    engine.commands.update({
        "lz-analyze": command(analyse, False), "lz-genmove_analyze": command(genmove, False),
        "kata-analyze": command(analyse, True), "kata-genmove_analyze": command(genmove, True),
    })  # fmt: skip
