"""How well another engine's bare network predicts the moves of games, beside a network of this
project, on the same positions.

    python benchmarks/beside.py GAMES --analysis "katago analysis -model MODEL -config CONFIG" \
        [--model MODEL] [--positions 600]
      [--rules japanese] [--komi 6.5] [--seconds-a-move 60] [--answers FILE.npz]
    python benchmarks/beside.py GAMES --engine "katago gtp -model MODEL -config CONFIG" ...

With --analysis the engine is asked about many positions at once, for one visit and the policy, in
KataGo's analysis protocol (gocnn/selfplay/engine.py); with --engine by GTP: every position is
played move by move, then `kata-raw-nn 0` gives its network's policy without any search (KataGo's
command, https://github.com/lightvector/KataGo/blob/master/docs/GTP_Extensions.md). This project's
`go-analysis` and `go-gtp` know both, which is how the program is checked: the row must be that of
the network asked directly. GTP prints policies with six digits, so what is printed as 0, and
whatever is below, counts as 5e-7. With --answers what the engine said is kept there as it comes:
the same command goes on where it was stopped, and another network can be compared without asking
again. The difference of the two is judged position by position, so its interval is narrower than
theirs.
"""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from gocnn.board.coords import SIZE, to_gtp
from gocnn.files import replacing
from gocnn.games.selection import GameFilter
from gocnn.games.words import decode, index_of, is_white
from gocnn.match.gtp_client import EngineProcess
from gocnn.policy import data, evaluation
from gocnn.policy.runtime import open_evaluator
from gocnn.policy.samples import Games
from gocnn.selfplay.engine import AnalysisEngine, by_index, query
from gocnn.statistics import mean_interval, wilson
from judged import position_of
from scripts import run_script

LEAST = 5e-7
COLOURS = "bw"
KEPT_EVERY = 20


def commands(games: Games, game: int, ply: int) -> list[str]:
    """What puts the position on the engine's board."""
    first = int(games.start[game] + games.setup[game])
    setup, moves = games.words[games.start[game] : first], games.words[first : first + ply]
    result = ["clear_board"]
    if len(setup) and not is_white(setup).any():
        points = " ".join(to_gtp(index) for index, _ in decode(setup))
        result.append(f"set_free_handicap {points}")
    else:
        moves = np.concatenate([setup, moves])
    return result + [
        f"play {COLOURS[colour - 1]} {to_gtp(index)}" for index, colour in decode(moves)
    ]


def policy(answer: str) -> np.ndarray:
    """Probabilities by flat index, float64 `(362,)`, 0 for illegal moves, of what `kata-raw-nn`
    says."""
    rows = answer.splitlines()
    at = rows.index("policy")
    # float() reads NAN
    grid = np.array([[float(v) for v in row.split()] for row in rows[at + 1 : at + 1 + SIZE]])
    passing = next(float(row.split()[1]) for row in rows if row.startswith("policyPass"))
    known: npt.NDArray[np.float64] = np.nan_to_num(np.append(grid[::-1].ravel(), passing))
    return known


def ask(
    command: str, games: Games, wanted: list[tuple[int, int]], options: argparse.Namespace
) -> Iterator[tuple[int, np.ndarray]]:
    """The policy of an engine asked by GTP about each of `wanted` (game and ply), as `policy` gives
    it, with its number in that list."""
    engine = EngineProcess(command)
    try:
        for setting in [f"boardsize {SIZE}", f"komi {options.komi}"] + (
            [f"kata-set-rules {options.rules}"] if options.rules else []
        ):
            engine.ask(setting, 600.0)
        for i, (game, ply) in enumerate(wanted):
            for one in commands(games, game, ply):
                engine.ask(one, options.seconds_a_move)
            yield i, policy(engine.ask("kata-raw-nn 0", options.seconds_a_move))
    finally:
        engine.close()


def ask_at_once(
    command: str, games: Games, wanted: list[tuple[int, int]], options: argparse.Namespace
) -> Iterator[tuple[int, np.ndarray]]:
    """As `ask`, of an engine that takes many positions at once, in the order in which it
    answers."""
    queries = [
        query(
            position_of(games, game, ply),
            options.rules or "japanese",
            options.komi,
            includePolicy=True,
        )
        for game, ply in wanted
    ]
    with AnalysisEngine(command, 10 * options.seconds_a_move) as engine:
        for i, answer in engine.answers(queries):
            yield i, np.maximum(by_index(answer["policy"]), 0.0)  # illegal moves have -1


def version_of(options: argparse.Namespace) -> str:
    """What the engine calls itself."""
    if options.analysis:
        with AnalysisEngine(options.analysis) as many:
            return many.version()
    engine = EngineProcess(options.engine)
    try:
        return f"{engine.ask('name', 600.0)} {engine.ask('version')}"
    finally:
        engine.close()


def row(name: str, rank: np.ndarray, logs: np.ndarray) -> str:
    n = len(rank)
    cells = []
    for k in (1, 5):
        right = int((rank < k).sum())
        low, high = wilson(right, n)
        cells.append(f"{right / n:.2%} [{low:.1%}, {high:.1%}]")
    mean, low, high = mean_interval(logs)
    return f"{name:24}{cells[0]:>24}{cells[1]:>24}{f'{mean:.3f} [{low:.3f}, {high:.3f}]':>28}"


def difference(name: str, values: np.ndarray, unit: str) -> str:
    mean, low, high = mean_interval(values)
    return f"{name}: {mean:+.3f} [{low:+.3f}, {high:+.3f}] {unit}"


def answers(
    options: argparse.Namespace, games: Games, which: np.ndarray, plies: np.ndarray
) -> tuple[str, np.ndarray, np.ndarray]:
    """What the engine calls itself, its rank (0 is best) and its log-probability of each move
    played: what was kept, and the rest from the engine."""
    asked = (
        f"{options.games} {options.positions} {options.seed} {options.rules} {options.komi}"
        f" {options.engine or options.analysis}"
    )
    rank, logs, version = np.full(len(which), -1), np.zeros(len(which)), ""
    if options.answers and options.answers.exists():
        kept = np.load(options.answers)
        if str(kept["asked"]) != asked:
            raise SystemExit(
                f"{options.answers} holds answers to another call ({kept['asked']}); name another"
                " file or delete it"
            )
        version, rank, logs = str(kept["version"]), kept["rank"], kept["logs"]
    todo = np.flatnonzero(rank < 0)
    if not len(todo) or options.kept:
        return version, rank, logs
    version = version_of(options)
    wanted = list(zip(which[todo].tolist(), plies[todo].tolist(), strict=True))
    said = (
        ask_at_once(options.analysis, games, wanted, options)
        if options.analysis
        else ask(options.engine, games, wanted, options)
    )
    for count, (i, p) in enumerate(tqdm(said, total=len(todo), unit=" positions"), 1):
        at = todo[i]
        first = games.start[which[at]] + games.setup[which[at]]
        played = int(index_of(games.words[first + plies[at]]))
        rank[at], logs[at] = (p > p[played]).sum(), math.log(max(p[played], LEAST))
        if options.answers and (count % KEPT_EVERY == 0 or count == len(todo)):
            with replacing(options.answers) as stream:
                np.savez(stream, asked=asked, version=version, rank=rank, logs=logs)
    return version, rank, logs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games")
    engines = parser.add_mutually_exclusive_group(required=True)
    engines.add_argument(
        "--analysis", help="command line of an engine that speaks KataGo's analysis protocol"
    )
    engines.add_argument("--engine", help="command line of a GTP engine that knows kata-raw-nn")
    parser.add_argument(
        "--model",
        action="append",
        help="of this project, may be given several times; by default the network that ships",
    )
    parser.add_argument("--positions", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rules", help="told to the engine; by default its own, with --analysis japanese"
    )
    parser.add_argument("--komi", type=float, default=6.5)
    parser.add_argument("--seconds-a-move", type=float, default=60.0)
    parser.add_argument(
        "--answers",
        type=Path,
        help="keep the engine's answers here, or take them from here if they are",
    )
    parser.add_argument(
        "--kept",
        action="store_true",
        help="judge the answers that are kept, though they are not all, and ask for no more",
    )
    options = parser.parse_args()
    if options.kept and not options.answers:
        parser.error("--kept needs --answers")
    games = data.select_games(data.open_stores([options.games])[0], GameFilter()).games
    models = {model or "this project": open_evaluator(model) for model in options.model or [None]}
    ours = {
        name: evaluation.judge(evaluator, games, options.positions, seed=options.seed)
        for name, evaluator in models.items()
    }
    positions = next(iter(ours.values()))
    version, rank, logs = answers(options, games, positions.game, positions.ply)
    known = rank >= 0
    if not known.any():
        raise SystemExit("no answer is kept; leave --kept out to ask the engine")
    rank, logs = rank[known], logs[known]
    print(
        f"{len(rank)} positions of {options.games}, seed {options.seed}; the engine is {version},"
        " no search"
    )
    print(f"{'':24}{'top-1':>24}{'top-5':>24}{'log-likelihood':>28}")
    for name, mine in ours.items():
        print(row(name, mine.rank[known], mine.log_likelihood[known].astype(np.float64)))
    print(row("the engine", rank, logs))
    for name, mine in ours.items():
        print(f"{name} less the engine, with 95 % intervals:")
        for k in (1, 5):
            print(
                " ",
                difference(
                    f"top-{k}",
                    100.0 * ((mine.rank[known] < k).astype(float) - (rank < k)),
                    "points",
                ),
            )
        print(" ", difference("log-likelihood", mine.log_likelihood[known] - logs, "nats a move"))


if __name__ == "__main__":
    run_script(main)
