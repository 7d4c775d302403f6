"""What levels of play are worth: a round robin of neighbours, anchored at GNU Go, and the table of
levels that follows from it.

    PYTHONPATH=. python benchmarks/levels.py play --out runs/levels.jsonl [--games 40] [--jobs 1]
    [--skills 0 0.1 ... 1.8] [--model FILE]
    PYTHONPATH=. python benchmarks/levels.py fit --out runs/levels.jsonl [--plot docs/levels.png]
    [--table docs/levels.md] [--write]

`play`: each player against the next one and the next but one, and GNU Go 3.8 at levels 10 and 1
against those near it, colours alternating, one game of every pair in turn, so that a run that was
stopped has measured all pairs alike; the same command goes on. Players are the skills of
`gocnn.engine.levels`, by default those of the present table. `fit`: strengths by maximum likelihood
with 95 % intervals, relative to GNU Go 10; with --write the levels' skills, 100 Elo apart, are put
into the package. Games of another network than the given one are left out.

Where a network has only gone on, `fit --earlier 6ae57606967c` counts the games of its earlier state
as well: the first digits of that file's SHA-256, as each game's line names it.

Recalibrating for a new network: `play --skills` with a coarse grid, `fit --write`, then `play` and
`fit --write` again with the levels themselves.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import multiprocessing
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np

from gocnn.board import BLACK, IllegalMove
from gocnn.board.coords import COLOUR_NAMES, from_gtp, to_gtp
from gocnn.engine import levels
from gocnn.engine.game import Game
from gocnn.engine.player import RESIGN, Player
from gocnn.engine.settle import settled_margin
from gocnn.match.elo import Ratings, rate, rising
from gocnn.match.gtp_client import EngineFault, EngineProcess, EngineRefusal
from gocnn.policy import shipped
from gocnn.policy.runtime import open_evaluator
from levels_shown import GNU_GO, STEP, Row, draw, markdown
from scripts import run_script

GNU_GO_COMMAND = "{program} --mode gtp --chinese-rules --level {level} --seed {seed}"
ANCHOR = "gnugo10"
NEAR_GNU_GO = 4
"""So many skills are played against each level of GNU Go, spread over those given by --anchors."""

LONGEST = 600
"""Moves after which a game is counted as it stands."""

KOMI = 6.5
TABLE_BEGINS, TABLE_ENDS = "<!-- benchmarks/levels.py: table -->", "<!-- end of the table -->"


def model_id(model: str | None) -> str:
    """Tells networks apart in a file of games."""
    path = shipped.find(model)
    return f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"


def seat(name: str, evaluator: Any, seed: int) -> "Player | GnuGo":
    """The player of that name: GNU Go's, or a skill."""
    if name in GNU_GO:
        return GnuGo(GNU_GO[name], seed)
    player = Player(evaluator, seed=seed)
    player.level = levels.of_skill(float(name))
    return player


class GnuGo:
    """GNU Go in a process of its own, told of every move."""

    def __init__(self, level: int, seed: int) -> None:
        program = shutil.which("gnugo") or shutil.which("gnugo", path="/usr/games")
        if program is None:
            raise SystemExit(
                "there is no gnugo here; install GNU Go 3.8, or leave it out with --anchors (and"
                " nothing behind it)"
            )
        self.engine = EngineProcess(GNU_GO_COMMAND.format(program=program, level=level, seed=seed))
        for command in ("boardsize 19", "clear_board", f"komi {KOMI:g}"):
            self.engine.ask(command)

    def tell(self, index: int, colour: int) -> None:
        self.engine.ask(f"play {COLOUR_NAMES[colour]} {to_gtp(index)}")

    def move(self, colour: int) -> int:
        answer = self.engine.ask(f"genmove {COLOUR_NAMES[colour]}", 600)
        return RESIGN if answer.lower() == "resign" else from_gtp(answer)


def play(names: tuple[str, str], black: int, number: int, evaluator: Any) -> Row:
    """One game; who won: 0 or 1, an index of `names`, or 0.5."""
    began, game = time.perf_counter(), Game(KOMI)
    seats = [seat(name, evaluator, 1 + 2 * number + place) for place, name in enumerate(names)]
    how, winner = "counted", 0.5
    try:
        while not game.over and len(game.board.moves) < LONGEST:
            colour = game.board.to_play
            place = black if colour == BLACK else 1 - black
            mine, other = seats[place], seats[1 - place]
            try:
                index = (
                    mine.move(colour)
                    if isinstance(mine, GnuGo)
                    else mine.decide(game, colour).index
                )
                if index == RESIGN:
                    how, winner = "resigned", 1 - place
                    break
                game.play(index, colour)
            except (EngineFault, EngineRefusal, IllegalMove) as error:
                how, winner = f"fault: {error}"[:80], 1 - place
                break
            if isinstance(other, GnuGo):
                other.tell(index, colour)
        else:
            margin = settled_margin(evaluator, game.board, KOMI)
            winner = 0.5 if margin == 0 else black if margin > 0 else 1 - black
    finally:
        for each in seats:
            if isinstance(each, GnuGo):
                each.engine.close()
    return {
        "players": names,
        "black": black,
        "number": number,
        "winner": winner,
        "how": how,
        "moves": len(game.board.moves),
        "seconds": round(time.perf_counter() - began, 1),
    }


def pairs(skills: list[str], anchors: list[str]) -> list[tuple[str, str]]:
    """Neighbours, those two apart, and GNU Go with the `anchors`."""
    near = [*itertools.pairwise(skills), *zip(skills, skills[2:], strict=False)]
    return [*near, *((gnu, skill) for gnu in GNU_GO for skill in anchors)]


def rows_of(path: Path, *models: str) -> list[Row]:
    """The games of these networks in a file; a line that was cut short is no game."""
    rows = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                row = json.loads(line)
                if row["model"] in models:
                    rows.append(row)
    return rows


_evaluator: Any = None


def _begin(model: str | None) -> None:
    global _evaluator
    _evaluator = open_evaluator(model, threads=1)


def _one(task: tuple[tuple[str, str], int, int]) -> Row:
    return play(*task, _evaluator)


def measure(arguments: argparse.Namespace) -> None:
    """Play what is still to be played."""
    model = model_id(arguments.model)
    default = sorted(
        {f"{float(skill):g}" for skill in levels.table()["skills"].values()}, key=float
    )
    skills = (
        sorted((f"{skill:g}" for skill in arguments.skills), key=float)
        if arguments.skills
        else default
    )
    known = rows_of(arguments.out, model)
    anchors = (
        [f"{skill:g}" for skill in arguments.anchors]
        if arguments.anchors is not None
        else _near_anchor(skills)
    )
    done: dict[tuple[str, ...], int] = {}
    for row in known:
        done[tuple(row["players"])] = done.get(tuple(row["players"]), 0) + 1
    tasks = [
        (names, number % 2, number)
        for number in range(arguments.games)
        for names in pairs(skills, anchors)
        if number >= done.get(names, 0)
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    text = arguments.out.read_text(encoding="utf-8") if arguments.out.exists() else ""
    print(f"{len(known)} games are there, {len(tasks)} to be played", flush=True)
    with (
        multiprocessing.Pool(arguments.jobs, _begin, (arguments.model,)) as pool,
        arguments.out.open("a", encoding="utf-8") as out,
    ):
        out.write("\n" if text and not text.endswith("\n") else "")
        for row in pool.imap_unordered(_one, tasks):
            out.write(json.dumps(row | {"model": model}) + "\n")
            out.flush()
            print(
                f"{row['players'][0]} {row['players'][1]}: {row['winner']} {row['how']},"
                f" {row['moves']} moves, {row['seconds']} s",
                flush=True,
            )


def _near_anchor(skills: list[str]) -> list[str]:
    """Skills around the level that GNU Go 10 is taken for."""
    middle = float(levels.table()["skills"].get(levels.table()["anchor"]["level"], 0.6))
    place = int(np.argmin([abs(float(skill) - middle) for skill in skills]))
    return skills[max(place - 1, 0) :][:NEAR_GNU_GO]


def fit(rows: list[Row]) -> tuple[list[str], Ratings]:
    """The players, GNU Go first and then by skill, and their ratings."""
    found = {name for row in rows for name in row["players"]}
    names = [gnu for gnu in GNU_GO if gnu in found] + sorted(found - set(GNU_GO), key=float)
    place = {name: i for i, name in enumerate(names)}
    results = [
        (place[row["players"][0]], place[row["players"][1]], 1 - float(row["winner"]))
        for row in rows
    ]
    return names, rate(len(names), results, place.get(ANCHOR, 0))


def curve(
    names: list[str], ratings: Ratings
) -> tuple[list[float], list[float], list[float], list[int]]:
    """Skills that were measured, their Elo made to rise, half the intervals, and games."""
    mine = [i for i, name in enumerate(names) if name not in GNU_GO]
    elo = rising(ratings.elo[mine], 1 / np.maximum(ratings.half[mine], 1.0) ** 2)
    return (
        [float(names[i]) for i in mine],
        elo.tolist(),
        ratings.half[mine].tolist(),
        ratings.games[mine].tolist(),
    )


def new_table(rows: list[Row], model: str) -> Row:
    """The table of levels that the games give: the skill of each rank that lies within what was
    measured, 100 Elo from the next."""
    names, ratings = fit(rows)
    skills, elo, half, _ = curve(names, ratings)
    anchor = levels.table()["anchor"]
    ranks = [*(f"{n}k" for n in range(20, 0, -1)), *(f"{n}d" for n in range(1, 10))]
    table: Row = {
        "model": model.split()[0],
        "games": len(rows),
        "anchor": anchor,
        "skills": {},
        "elo": {},
        "half": {},
    }
    # so that it can be turned round where it is level
    steep = np.array(elo) + np.arange(len(elo)) * 1e-6
    for rank in ranks:
        target = (ranks.index(rank) - ranks.index(anchor["level"])) * STEP
        if steep[0] - STEP / 2 <= target <= steep[-1] + STEP / 2:
            skill = float(np.interp(target, steep, skills))
            table["skills"][rank] = round(skill, 3)
            table["elo"][rank] = round(float(np.interp(skill, skills, elo)))
            table["half"][rank] = round(float(np.interp(skill, skills, half)))
    table["gnugo"] = {
        name: [round(float(ratings.elo[i])), round(float(ratings.half[i]))]
        for i, name in enumerate(names)
        if name in GNU_GO
    }
    table["measured"] = [
        [skill, round(e), round(h), n]
        for skill, e, h, n in zip(*curve(names, ratings), strict=True)
    ]
    return table


def conclude(arguments: argparse.Namespace) -> None:
    """Print what was measured; write what is asked for."""
    model = model_id(arguments.model)
    earlier = [f"{model.split()[0]} {each}" for each in arguments.earlier]
    rows = rows_of(arguments.out, model, *earlier)
    if not rows:
        raise SystemExit(f"{arguments.out} holds no game of {model}; play some first")
    names, ratings = fit(rows)
    for name, elo, half, games in zip(names, ratings.elo, ratings.half, ratings.games, strict=True):
        print(f"{name:>8}  {elo:+7.0f}  [{elo - half:+.0f}, {elo + half:+.0f}]  {games} games")
    table = new_table(rows, model)
    print(markdown(table))
    if arguments.table:
        before, _, rest = arguments.table.read_text(encoding="utf-8").partition(TABLE_BEGINS)
        after = rest.partition(TABLE_ENDS)[2]
        others = ", ".join(
            f"GNU Go level {GNU_GO[name]}: {elo:+d} ± {half}"
            for name, (elo, half) in table["gnugo"].items()
            if name != ANCHOR
        )
        said = f"{len(rows):,} games with `{table['model']}`"
        if earlier:
            before_it = sum(row["model"] != model for row in rows)
            said += f", {before_it:,} of them before it went on"
        said += f"; {others}." if others else "."
        text = f"{before}{TABLE_BEGINS}\n{said}\n\n{markdown(table)}\n{TABLE_ENDS}{after}"
        arguments.table.write_text(text, encoding="utf-8")
    if arguments.plot:
        draw(table, rows, arguments.plot)
    if arguments.write:
        text = json.dumps(
            {key: value for key, value in table.items() if key != "measured"}, indent=1
        )
        text = (
            text[:-2]
            + ',\n "measured": [\n  '
            + ",\n  ".join(json.dumps(row) for row in table["measured"])
            + "\n ]\n}\n"
        )
        levels.TABLE.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["play", "fit"])
    parser.add_argument(
        "--out", type=Path, default=Path("runs/levels.jsonl"), help="the games, one a line"
    )
    parser.add_argument("--model", help="an ONNX or model file (default: the one that ships)")
    parser.add_argument(
        "--earlier",
        nargs="+",
        default=[],
        metavar="DIGITS",
        help="fit: count the games of these earlier states of the network too",
    )
    parser.add_argument("--games", type=int, default=40, help="games of each pair")
    parser.add_argument(
        "--jobs", type=int, default=1, help="games at the same time, each on one core"
    )
    parser.add_argument(
        "--skills", type=float, nargs="+", help="players (default: those of the table)"
    )
    parser.add_argument(
        "--anchors",
        type=float,
        nargs="*",
        help="those that GNU Go plays (default: around the level it is taken for)",
    )
    parser.add_argument("--plot", type=Path, help="draw strength by skill")
    parser.add_argument("--table", type=Path, help="a page whose table is renewed (docs/levels.md)")
    parser.add_argument("--write", action="store_true", help="put the table into the package")
    arguments = parser.parse_args()
    (measure if arguments.what == "play" else conclude)(arguments)


if __name__ == "__main__":
    run_script(main)
