"""How well a review tells which moves lost points, at a glance and looking ahead: beside the
judgement of a stronger engine.

    python benchmarks/judged.py GAMES --every 1 --most 10 --visits 32 --out judged.jsonl \
        --engine "katago analysis -model MODEL -config CONFIG"
    python benchmarks/reviewing.py judged.jsonl [--model MODEL] [--visits 0 --visits 8 ...]

judged.jsonl: all positions of some games, judged by the engine. By its judgement a move lost as
many points as its side's lead fell by. Of reviews with so many visits (0: at a glance), and of the
mean of eight glances at the turned and mirrored boards: the rank correlation of what all moves
lost, the mean difference in points, what the five moves lost on average that a review names
(`Review.costliest`), and how many of the engine's own five are among them; and the time for a move.
In brackets 95 % intervals, by drawing the games anew.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gocnn.board import BLACK
from gocnn.board.coords import to_sgf
from gocnn.games import sgf_tree
from gocnn.policy.runtime import open_evaluator
from gocnn.policy.suggestion import Evaluator
from gocnn.review.review import Review, review
from judged import Judged, read
from judges import Network
from scripts import run_script

Floats = npt.NDArray[np.float64]

NAMED = 5
"""So many moves of a game a review names."""

DRAWN = 2000
"""So often the games are drawn for an interval."""


@dataclass(frozen=True)
class Game:
    """All positions of a game from some move on, in order; lost: what each of the moves between
    them lost by the engine's judgement, float64 `(positions - 1,)`, in points."""

    rows: Sequence[Judged]
    lost: Floats

    @property
    def first(self) -> int:
        """How many moves there are before the first position."""
        return len(self.rows[0].position.moves)


@dataclass(frozen=True)
class Told:
    """What a review says of the same moves. lost: points, as in `Game`; named: their numbers (from
    0), the costliest first."""

    lost: Floats
    named: Sequence[int]


Way = Callable[[Game], Told]


def fallen(lead: Floats, colours: Sequence[int]) -> Floats:
    """float64 `(moves,)`: what each move lost, of black's lead before each and at the end, `(moves
    + 1,)`."""
    return -np.diff(lead) * np.where(np.array(colours) == BLACK, 1, -1)


def games_of(rows: Sequence[Judged]) -> list[Game]:
    """Those games of which every position is there from some move on."""
    found = []
    for _, same in groupby(
        sorted(rows, key=lambda row: (row.source, row.game, len(row.position.moves))),
        key=lambda row: (row.source, row.game),
    ):
        listed = list(same)
        first, moves = len(listed[0].position.moves), listed[-1].position.moves
        if len(listed) == len(moves) - first + 1 > NAMED:
            colours = [colour for _, colour in moves[first:]]
            lead = np.array([row.margin for row in listed])
            found.append(Game(listed, fallen(lead, colours)))
    return found


def record_of(game: Game) -> sgf_tree.Record:
    """The game as a record."""
    row = game.rows[-1]
    stones = "".join(
        f"{name}{''.join(f'[{to_sgf(i)}]' for i, c in row.position.setup if c == colour)}"
        for name, colour in (("AB", 1), ("AW", 2))
        if any(c == colour for _, c in row.position.setup)
    )
    moves = "".join(f";{'BW'[c - 1]}[{to_sgf(i)}]" for i, c in row.position.moves)
    text = f"(;GM[1]FF[4]SZ[19]KM[{row.komi:g}]RU[{row.rules}]{stones}{moves})"
    (record,) = sgf_tree.parse(text.encode(), row.source)
    return record


def reviewed(evaluator: Evaluator, visits: int, game: Game) -> Told:
    """By a review of it."""
    found = review(record_of(game), "", evaluator, visits=visits)
    return told(found, game.first)


def told(found: Review, first: int) -> Told:
    """What a review says of the moves after the first ones."""
    assert found.course is not None
    lost = [found.course.lost(move.number, move.colour) for move in found.moves]
    named = [move.number - 1 - first for move, _ in found.costliest(len(lost))]
    return Told(np.array(lost[first:]), [k for k in named if k >= 0][:NAMED])


def turned(evaluator: Evaluator, game: Game) -> Told:
    """By eight glances at each position."""
    found = review(record_of(game), "", evaluator)
    assert found.course is not None
    boards = [row.position.board() for row in game.rows]
    handicap = bool(game.rows[0].position.setup)
    lead = Network(evaluator, 8).judge(boards, [int(handicap)] * len(boards)).lead
    whole = np.concatenate([found.course.lead[: game.first], lead - game.rows[0].komi])
    return told(
        replace(found, course=replace(found.course, lead=whole, lead_after=whole[1:])), game.first
    )


def figures(games: Sequence[Game], said: Sequence[Told]) -> Floats:
    """float64 `(4,)`: rank correlation, mean difference, what the named moves lost, and the share
    of the engine's costliest that are named."""
    theirs = np.concatenate([game.lost for game in games])
    ours = np.concatenate([each.lost for each in said])
    named = np.concatenate(
        [game.lost[list(each.named)] for game, each in zip(games, said, strict=True)]
    )
    found = [
        np.isin(np.argsort(-game.lost)[:NAMED], each.named).mean()
        for game, each in zip(games, said, strict=True)
    ]
    ranks = [values.argsort().argsort() for values in (theirs, ours)]
    return np.array(
        [
            np.corrcoef(ranks[0], ranks[1])[0, 1],
            np.abs(theirs - ours).mean(),
            named.mean() if len(named) else 0.0,
            np.mean(found),
        ]
    )


def interval(games: Sequence[Game], said: Sequence[Told], seed: int) -> Floats:
    """float64 `(2, 4)`: of each figure the 2.5th and the 97.5th percentile."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(games), size=(DRAWN, len(games)))
    return np.quantile(
        [figures([games[i] for i in each], [said[i] for i in each]) for each in drawn],
        (0.025, 0.975),
        axis=0,
    )


def shown(value: float, low: float, high: float, *, share: bool) -> str:
    """A cell."""
    if share:
        return f"{value:.0%} [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("judged", nargs="+", type=Path)
    parser.add_argument("--model", help="a network that says the score [default: base]")
    parser.add_argument(
        "--visits", type=int, action="append", help="again and again [default: 0, 8, 16, 32]"
    )
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    games = games_of([row for path in options.judged for row in read(path)])
    if not games:
        raise SystemExit(
            "no whole game is in these files; make one with benchmarks/judged.py --every 1"
        )
    evaluator = open_evaluator(options.model)
    if not evaluator.scores:
        raise SystemExit(f"{evaluator.name} says no score; give --model one that does")
    ways: dict[str, Way] = {"eight glances": partial(turned, evaluator)}
    for visits in options.visits or (0, 8, 16, 32):
        name = f"{visits} visits" if visits else "at a glance"
        ways[name] = partial(reviewed, evaluator, visits)
    moves = sum(len(game.lost) for game in games)
    best = np.mean([np.sort(game.lost)[-NAMED:].mean() for game in games])
    print(
        f"{len(games)} games, {moves} moves, {evaluator.name}; the engine's own five of each lost"
        f" {best:.1f} points"
    )
    print("| | correlation | difference, points | named lost, points | found of five | a move |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, way in ways.items():
        begin = time.process_time()
        said = [way(game) for game in games]
        seconds = (time.process_time() - begin) / moves
        low, high = interval(games, said, options.seed)
        cells = [
            shown(value, a, b, share=k == 3)
            for k, (value, a, b) in enumerate(zip(figures(games, said), low, high, strict=True))
        ]
        print(f"| {name} | {' | '.join(cells)} | {1000 * seconds:.0f} core-ms |", flush=True)


if __name__ == "__main__":
    run_script(main)
