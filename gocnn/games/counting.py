"""Labels that check themselves: a counted game is played to its end, settled and counted, and
labelled only if that gives the recorded result.

Nobody wrote down which stones were dead. Random playouts say so, chain by chain (Brügmann 1993),
with Benson's unconditional life; then the board is counted as the rules of the world count it
(`_off`). The playouts go on until a count equals the record, or there have been `PLAYOUTS`. A board
that was settled wrongly gives the recorded margin only by chance: one in fifty did where the
margins had been falsified.
"""

import json
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gocnn._jit import jit
from gocnn.board import pass_alive, playouts, rules
from gocnn.board.coords import POINTS, SIZE
from gocnn.board.rules import CAPTURED_BY_BLACK, CAPTURED_BY_WHITE, COLOUR, EMPTY, META, State
from gocnn.games import labels, results, settling
from gocnn.games.record import OWN_PLAY, komi_of
from gocnn.games.words import colour_of, index_of

PLAYOUTS = 128
STAGES = np.array([8, 16, 32, 64, PLAYOUTS], np.int64)
"""After so many playouts the board is settled and counted."""

HOPELESS_AFTER, HOPELESS = 32, 60
"""A board that is so many points from the record after so many playouts is not finished: more of
them do not help."""

CERTAIN_AFTER, CERTAIN = 16, 4.0
"""After so many playouts a board is given up on which every chain's fate is so many standard errors
from even: more of them change nothing."""

MOST_FILLED = 40
"""No side has more points to fill before the end: a count farther from the record is not tried with
them."""

MOST_NEUTRAL = 60
"""A board with more points that are nobody's is not finished, whatever its count: nine in ten have
fewer than twenty."""

TOLERANCE = 0.5

EVEN_KOMI, HANDICAP_KOMI = (6.5, 7.5), (0.5, 0.0)
"""Komi of the servers in even and in handicap games, where a record does not tell it."""

MADE_BY = json.dumps(
    {
        "made_by": "go-import",
        "dead_stones": "random playouts",
        "most": PLAYOUTS,
        "equal_to_the_record_within": TOLERANCE,
    }
)


@dataclass(frozen=True)
class Labelled:
    """The labels that counting the ends of games has given. games: int64 `(n,)`, ascending, the
    numbers of the labelled games among the records that were given; packed: their labels as
    `gocnn.games.labels.pack` makes them, uint16 `(n, 46)`; counted: how many games were counted at
    all."""

    games: npt.NDArray[np.int64]
    packed: npt.NDArray[np.uint16]
    counted: int


def counted_games(records: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """bool `(G,)`: the games that people played to the end and counted."""
    won = (records["winner"] == results.BLACK_WON) | (records["winner"] == results.WHITE_WON)
    counted: npt.NDArray[np.bool_] = (
        won & (records["margin"] > 0) & ((records["flags"] & OWN_PLAY) == 0)
    )
    return counted


def label_games(records: npt.NDArray[np.void], words: npt.NDArray[np.uint16]) -> Labelled:
    """Label the counted games among `records` (RECORD; `start` counts in `words`) whose count gives
    the recorded result."""
    games = np.flatnonzero(counted_games(records))
    if not len(games):
        return Labelled(games, np.zeros((0, labels.LABEL_WORDS), np.uint16), 0)
    owners = np.zeros((len(games), POINTS), np.int8)
    kept = np.zeros(len(games), np.bool_)
    _label(np.ascontiguousarray(words), _claims(records[games]), STAGES, owners, kept)
    return Labelled(games[kept], labels.pack(owners[kept]), len(games))


class Claims(NamedTuple):
    """What the records of `G` games say, for `_label`. starts (in the words), setups, moves and
    handicaps: int64 `(G,)`; komis: float64 `(G, 2)`, what komi may have been; black: float64
    `(G,)`, the margin as black sees it. Points."""

    starts: npt.NDArray[np.int64]
    setups: npt.NDArray[np.int64]
    moves: npt.NDArray[np.int64]
    handicaps: npt.NDArray[np.int64]
    komis: npt.NDArray[np.float64]
    black: npt.NDArray[np.float64]


def _claims(records: npt.NDArray[np.void]) -> Claims:
    starts, setups, moves, handicaps = (
        records[key].astype(np.int64) for key in ("start", "setup", "moves", "handicap")
    )
    black = np.where(records["winner"] == results.BLACK_WON, 1.0, -1.0) * records["margin"]
    return Claims(starts, setups, moves, handicaps, _komis(records), black)


def _komis(records: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """float64 `(G, 2)`: the komi that each game may have had: the recorded one, or those of the
    servers."""
    komi = komi_of(records).astype(np.float64)
    usual = np.where((records["handicap"] > 1)[:, None], HANDICAP_KOMI, EVEN_KOMI)
    return np.where(np.isnan(komi)[:, None], usual, komi[:, None])


@jit
def _label(
    words: npt.NDArray[np.uint16],
    claims: Claims,
    stages: npt.NDArray[np.int64],
    owners: npt.NDArray[np.int8],
    kept: npt.NDArray[np.bool_],
) -> None:
    """Fill the owners of each game, int8 `(G, 361)`, and whether its label is kept, bool `(G,)`;
    it is settled and counted after so many playouts as each of `stages` says."""
    state = np.empty(rules.STATE_SHAPE, np.int16)
    rest = np.empty(rules.STATE_SHAPE, np.int16)
    owned = np.empty(POINTS, np.int32)
    dead = np.empty(POINTS, np.bool_)
    counted = np.empty(POINTS, np.bool_)
    safe = np.empty((3, POINTS), np.bool_)
    for game in range(len(claims.starts)):
        to_play = replay(
            words[claims.starts[game] :], claims.setups[game], claims.moves[game], state
        )
        if to_play == 0:
            continue
        for colour in (1, 2):
            pass_alive.pass_alive(state, colour, safe[colour])
        owned[:] = 0
        done, off = 0, 0.0
        for stage in stages:
            playouts.playouts(state, to_play, stage - done, done + 1, 0.0, owned)
            surest = settling.settle(state, owned, safe, dead)
            # Loops: what numpy does for whole arrays takes numba seconds to compile.
            new = done == 0
            for index in range(POINTS):
                new = new or dead[index] != counted[index]
                counted[index] = dead[index]
            if new:
                off = _off(state, dead, rest, owners[game], claims, game)
            done = stage
            if off <= TOLERANCE:
                neutral = 0
                for index in range(POINTS):
                    neutral += owners[game, index] == 0
                kept[game] = neutral <= MOST_NEUTRAL
                break
            if (done >= HOPELESS_AFTER and off > HOPELESS) or (
                done >= CERTAIN_AFTER and surest >= CERTAIN * np.sqrt(done)
            ):
                break


@jit
def set_up(words: npt.NDArray[np.uint16], setup: int, state: State) -> bool:
    """Put up the stones that a game begins with; whether they can stand so."""
    rules.clear(state, SIZE)
    for i in range(setup):
        word = int(words[i])
        rules.place(state, index_of(word), colour_of(word))
    sound: bool = rules.rebuild(state)
    return sound


@jit
def replay(words: npt.NDArray[np.uint16], setup: int, moves: int, state: State) -> int:
    """Set up and play all moves; returns the colour to play then, 0 if that is impossible. Passes
    change nothing, wherever they stand: after two of them some records go on, until the players
    agreed."""
    if not set_up(words, setup, state):
        return 0
    colour = 2
    for i in range(setup, setup + moves):
        word = int(words[i])
        colour = colour_of(word)
        if rules.play_index(state, index_of(word), colour) != rules.LEGAL:
            return 0
    return 3 - colour


@jit
def _off(
    state: State,
    dead: npt.NDArray[np.bool_],
    rest: State,
    owner: npt.NDArray[np.int8],
    claims: Claims,
    game: int,
) -> float:
    """Count, fill the owners, int8 `(361,)` (seki's eyes neutral), and return how many points the
    nearest of the world's ways to count is off:

    territory and prisoners, without points in seki (Japanese, Korean); the same less the points
    that either side must fill itself before the end, which some servers do not make it do; area
    (Chinese), where the handicap may cost as many points as there are stones, or one fewer (AGA).
    """
    komis, black, handicap = claims.komis[game], claims.black[game], claims.handicaps[game]
    prisoners = int(state[META, CAPTURED_BY_BLACK]) - int(state[META, CAPTURED_BY_WHITE])
    for index in range(POINTS):
        if dead[index]:
            prisoners += 1 if state[COLOUR, rules.field_point(index, SIZE)] == 2 else -1
    if not settling.take_off(state, dead, rest):
        return 1000.0
    rules.area(rest, owner)
    area = 0
    for index in range(POINTS):
        area += 1 if owner[index] == 1 else (-1 if owner[index] == 2 else 0)
    whole = owner.copy()
    settling.without_seki(rest, owner)
    territory = prisoners
    for index in range(POINTS):
        if rest[COLOUR, rules.field_point(index, SIZE)] == EMPTY:
            territory += 1 if owner[index] == 1 else (-1 if owner[index] == 2 else 0)
    off = 1000.0
    for komi in komis:
        due = black + komi
        off = min(off, abs(territory - due), abs(area - due))
        if handicap > 1:
            off = min(off, abs(area - handicap - due), abs(area - handicap + 1 - due))
    if TOLERANCE < off <= MOST_FILLED + TOLERANCE:  # dear, and seldom wanted
        filled = settling.to_fill(rest, whole, 2) - settling.to_fill(rest, whole, 1)
        for komi in komis:
            off = min(off, abs(territory + filled - black - komi))
    return off
