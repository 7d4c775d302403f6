"""How well a network knows the score: beside KataGo's judgement of lopsided positions, and on
counted games; random playouts beside it.

    python benchmarks/score.py [--model MODEL] [--judged FILE.jsonl ...] [--games GAMES ...] \
        [--positions 5000] [--symmetries 8]
      [--engine "katago analysis -model MODEL -config CONFIG"] [--playouts 16]

--judged: positions that another engine has judged (benchmarks/judged.py makes them): how often the
lead has the right sign where that engine is over 10 points ahead (komi counted), the mean absolute
difference, the correlation; of ownership, the mean absolute difference and how often a point goes
to whom the engine gives it. --games: counted games; the mean absolute error of the score by ply,
beside always saying these games' average; the ownership's log-likelihood (nats a point) and
calibration, where the games have labels. With --engine, that engine is asked about these very
positions and has rows of its own. The truth of a counted game is its label where it has one, else
the record's margin and komi (counted by territory, which is within a point or so of area). The
winner is judged apart: a network may know who wins and not by how much. Leads are by area, without
komi.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from gocnn.board import Board
from gocnn.board.coords import SIZE
from gocnn.features.conditioning import HANDICAP
from gocnn.games.labels import COUNTED, LABEL_WORDS, UNKNOWN, unpack
from gocnn.games.record import komi_of
from gocnn.games.selection import GameFilter
from gocnn.policy import data
from gocnn.policy.samples import choose_positions, games_of
from gocnn.selfplay.engine import AnalysisEngine, EnginePosition, by_index, query
from gocnn.statistics import calibration
from judged import Judged, position_of, read
from judges import KOMI, Judge, RandomPlayouts, Said, network
from score_cells import (
    by_ply,
    likelihood,
    mean_shown,
    names_of_plies,
    share,
    share_of,
    shown,
    table,
)
from scripts import run_script

Floats = npt.NDArray[np.float64]

CLEAR = 10.0
"""A lead over so many points is clear."""

LEADS = (0, 10, 20, 40, 80, 1e9)
SURE = 0.5
"""From this ownership on the other engine counts as giving a point to somebody."""

LEAST = 1e-3
"""No probability counts as less."""


@dataclass(frozen=True)
class Counted:
    """Positions of counted games: score, float64 `(N,)`, the final one by area, black's, without
    komi; owner, int8 `(N, 361)`: 1 black, -1 white, 0 neither, `UNLABELLED` where there is no
    label; labelled: how many positions have one."""

    positions: list[EnginePosition]
    score: Floats
    owner: npt.NDArray[np.int8]
    labelled: int


UNLABELLED = 2


def counted(sources: Sequence[str], count: int, seed: int) -> Counted:
    """`count` positions drawn uniformly from the counted games of `sources`; of stores that have
    labels, from labelled games only."""
    parts = []
    for store in data.open_stores(sources)[0]:
        records = store.records()
        label, kinds = store.labels(), store.label_kinds()
        numbers = GameFilter(result="scored").choose(store, records)
        komi = komi_of(records[numbers]).astype(np.float64)
        sound = kinds[numbers] == COUNTED if (kinds == COUNTED).any() else ~np.isnan(komi)
        parts.append((store, records, numbers[sound], komi[sound], label))
    sizes = np.array([int(records["moves"][numbers].sum()) for _, records, numbers, *_ in parts])
    if not sizes.sum():
        raise SystemExit(f"no counted game in {', '.join(sources)}")
    shares = (
        np.random.default_rng(seed).multinomial(count, sizes / sizes.sum())
        if len(parts) > 1
        else [count]
    )
    positions: list[EnginePosition] = []
    scores, owners, labelled = [], [], 0
    for (store, records, numbers, komi, label), drawn in zip(parts, shares, strict=True):
        if not len(numbers):
            continue
        games = games_of(store, numbers, records)
        which, plies = choose_positions(games, int(drawn), seed)
        for game, ply in zip(which.tolist(), plies.tolist(), strict=True):
            positions.append(position_of(games, game, ply))
            at = int(label[numbers[game]])
            if at >= 0:
                said = unpack(store.words[at : at + LABEL_WORDS])
                owner = np.array([0, 1, -1, UNLABELLED], np.int8)[said]
                scores.append(float((said == 1).sum()) - float((said == 2).sum()))
                assert not (said == UNKNOWN).any()  # or it would not give the recorded result
                labelled += 1
            else:
                owner = np.full(SIZE * SIZE, UNLABELLED, np.int8)
                record = records[numbers[game]]
                scores.append(
                    float(record["margin"]) * (1 if record["winner"] == 1 else -1)
                    + float(komi[game])
                )
            owners.append(owner)
    return Counted(positions, np.array(scores), np.stack(owners), labelled)


def boards_of(positions: Sequence[EnginePosition]) -> tuple[list[Board], list[int]]:
    """Boards, and what a network is told of the games."""
    return [p.board() for p in tqdm(positions, unit=" boards", leave=False)], [
        HANDICAP if p.setup else 0 for p in positions
    ]


def beside(judged: Sequence[Judged], said: dict[str, Said]) -> None:
    """The other engine's judgement of some positions, beside what each judge says of them."""
    truth, komi = np.array([j.lead for j in judged]), np.array([j.komi for j in judged])
    theirs, wins = truth - komi, np.array([j.winrate for j in judged])
    owner = np.stack([j.owner for j in judged])
    clear = np.abs(theirs) > CLEAR
    rules = ", ".join(sorted({j.rules for j in judged}))
    print(
        f"\n{len(judged)} positions (rules: {rules}); the engine's lead is over {CLEAR:g} points in"
        f" {clear.sum()}, on average {np.abs(theirs).mean():.1f} points"
    )
    rows = []
    for name, mine in said.items():
        scored, foreseen = ~np.isnan(mine.lead).any(), ~np.isnan(mine.win).any()
        cells = ["-"] * 4
        if scored:
            difference = np.abs(mine.lead - truth)
            right = (mine.lead - komi > 0) == (theirs > 0)
            apart, correlation = (
                [shown(d) for d in (difference[clear], difference)],
                np.corrcoef(mine.lead, truth)[0, 1],
            )
            cells = [share(right[clear]), *apart, f"{correlation:.3f}"]
        winner = share(((mine.win > 0.5) == (theirs > 0))[clear]) if foreseen else "-"
        rate = f"{np.abs(mine.win - wins).mean():.3f}" if foreseen else "-"
        points = ["-"] * 2
        if ~np.isnan(mine.owner).any():
            sure = np.abs(owner) > SURE
            points = [
                f"{np.abs(mine.owner - owner).mean():.3f}",
                f"{((mine.owner > 0) == (owner > 0))[sure].mean():.1%}" if sure.any() else "-",
            ]
        rows.append([name, *cells, winner, rate, *points])
    table(
        [
            "",
            f"sign right, over {CLEAR:g}",
            f"|difference|, over {CLEAR:g}",
            "|difference|",
            "correlation",
            f"winner right, over {CLEAR:g}",
            "|winrate difference|",
            "|owner difference|",
            "owner right",
        ],
        rows,
    )


def by_lead_and_source(judged: Sequence[Judged], said: dict[str, Said]) -> None:
    """Where the sign of the lead (or, of a judge that gives none, the winner) is right: by how
    large the engine's lead is, and by source."""
    komi, theirs = np.array([j.komi for j in judged]), np.array([j.margin for j in judged])
    sources = np.array([j.source for j in judged])
    clear = np.abs(theirs) > CLEAR
    parts = {
        f"{low:g} to {high:g} points" if high < 1e9 else f"over {low:g}": (
            (np.abs(theirs) > low) & (np.abs(theirs) <= high)
        )
        for low, high in pairwise(LEADS)
    }
    if len(set(sources)) > 1:
        parts |= {
            f"{source}, over {CLEAR:g}": clear & (sources == source)
            for source in sorted(set(sources))
        }
    rows = []
    for name, part in parts.items():
        if part.any():
            right = [
                mine.win > 0.5 if np.isnan(mine.lead).any() else mine.lead > komi
                for mine in said.values()
            ]
            apart = [np.abs(mine.lead - komi - theirs) for mine in said.values()]
            rows.append(
                [
                    name,
                    str(part.sum()),
                    *(share((r == (theirs > 0))[part]) for r in right),
                    *(f"{a[part].mean():.1f}" for a in apart if not np.isnan(a).any()),
                ]
            )
    print()
    table(
        [
            "the engine's lead, source",
            "positions",
            *(f"side right: {name}" for name in said),
            *(
                f"|difference|: {name}"
                for name, mine in said.items()
                if not np.isnan(mine.lead).any()
            ),
        ],
        rows,
    )


def against_counts(games: Counted, said: dict[str, Said]) -> None:
    """The score and the owners of counted games, beside what each judge says of positions of
    them."""
    plies = np.array([len(p.moves) for p in games.positions])
    print(
        f"\n{len(plies)} positions of counted games, {games.labelled} of them of games with labels;"
        " mean absolute error of the score, points"
    )
    average = np.full(len(plies), games.score.mean())
    guesses = {
        f"always {average[0]:+.1f}": average,
        **{name: mine.lead for name, mine in said.items()},
    }
    rows = [
        [name, *by_ply(plies, partial(mean_shown, np.abs(lead - games.score)))]
        for name, lead in guesses.items()
        if not np.isnan(lead).any()
    ]
    table(["", *names_of_plies()], rows)
    print("\nthe winner at komi 6.5 right")
    rows = [
        [name, *by_ply(plies, partial(share_of, (mine.win > 0.5) == (games.score > KOMI)))]
        for name, mine in said.items()
        if not np.isnan(mine.win).any()
    ]
    table(["", *names_of_plies()], rows)
    owned = (games.owner == 1) | (games.owner == -1)
    if not owned.any():
        print("\nno game has labels: ownership is not judged")
        return
    print("\nownership: log-likelihood, nats a point")
    rows, fits = [], []
    for name, mine in said.items():
        if np.isnan(mine.owner).any():
            continue
        # of who owns it
        p = np.clip((1 + mine.owner * np.where(owned, games.owner, 1)) / 2, LEAST, 1 - LEAST)
        logs = np.log(p)
        rows.append([name, *by_ply(plies, partial(likelihood, logs, owned))])
        bins, error = calibration(
            np.maximum(p, 1 - p)[owned], ((mine.owner >= 0) == (games.owner == 1))[owned]
        )
        fits.append(
            f"{name}: calibration error {error:.3f}; "
            + ", ".join(f"{b['confidence']:.0%} sure {b['accuracy']:.0%} right" for b in bins)
        )
    table(["", *names_of_plies()], rows)
    print("\n".join(fits))


def asked(engine: AnalysisEngine, positions: Sequence[EnginePosition]) -> Said:
    """What an engine's network says of positions, by area."""
    queries = [query(p, "chinese", KOMI, includeOwnership=True) for p in positions]
    lead, win = np.empty(len(queries)), np.empty(len(queries))
    owner = np.empty((len(queries), SIZE * SIZE), np.float32)
    for i, answer in tqdm(engine.answers(queries), total=len(queries), unit=" positions"):
        root = answer["rootInfo"]
        lead[i], win[i] = (
            root.get("rawLead", root["scoreLead"]) + KOMI,
            root.get("rawWinrate", root["winrate"]),
        )
        owner[i] = by_index(answer["ownership"])
    return Said(lead, win, owner)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model",
        action="append",
        help="of this project; by default the network that ships; may be given several times",
    )
    parser.add_argument("--judged", action="append", type=Path, default=[], metavar="FILE")
    parser.add_argument(
        "--games", action="append", default=[], help="counted games: records, archives or stores"
    )
    parser.add_argument(
        "--engine",
        help=(
            "command line of an engine that speaks KataGo's analysis protocol, asked about the"
            " counted games too"
        ),
    )
    parser.add_argument("--positions", type=int, default=5000, help="of counted games")
    parser.add_argument("--playouts", type=int, default=16, help="0: none beside")
    parser.add_argument("--symmetries", type=int, choices=(1, 8), default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not options.judged and not options.games:
        parser.error("give positions that were judged (--judged), counted games (--games), or both")
    judges: list[Judge] = [
        network(model, options.symmetries, options.device) for model in options.model or [None]
    ]
    if options.playouts:
        judges.append(RandomPlayouts(options.playouts))
    empty = {judge.name: judge.judge([Board(SIZE)], [0]) for judge in judges}
    print(
        "empty board, points that black is ahead without komi: "
        + ", ".join(
            f"{name} {said.lead[0]:+.1f} ({said.win[0]:.0%} to win)" for name, said in empty.items()
        )
    )
    for path in options.judged:
        rows = read(path)
        boards, conditioning = boards_of([row.position for row in rows])
        said = {judge.name: judge.judge(boards, conditioning) for judge in judges}
        for rules in sorted({row.rules for row in rows}):
            which = [i for i, row in enumerate(rows) if row.rules == rules]
            these = (
                [rows[i] for i in which],
                {
                    name: Said(s.lead[which], s.win[which], s.owner[which])
                    for name, s in said.items()
                },
            )
            beside(*these)
            by_lead_and_source(*these)
    if options.games:
        games = counted(options.games, options.positions, options.seed)
        boards, conditioning = boards_of(games.positions)
        said = {judge.name: judge.judge(boards, conditioning) for judge in judges}
        if options.engine:
            with AnalysisEngine(options.engine) as engine:
                said[f"the network of {engine.version() or 'an engine'}"] = asked(
                    engine, games.positions
                )
        against_counts(games, said)


if __name__ == "__main__":
    run_script(main)
