"""Positions with another engine's judgement of who is ahead: asks for it, and reads what was kept.

    python benchmarks/judged.py GAMES... --engine "katago analysis -model MODEL -config CONFIG" \
        --out FILE.jsonl
      [--every 20 | --last | --positions 5000] [--rules chinese] [--komi 6.5] [--result scored]
      [--visits 1] [--seed 0]

GAMES: records, archives or stores. From each game every 20th position and the last one (`--every`),
the last one alone (`--last`), or so many drawn uniformly from all games (`--positions`). Of GAMES
that are files made by this program (NAME.jsonl) all positions are taken, to be judged under other
rules. The engine is asked for one visit, what its network alone says, or for a search of more
(`--visits`); this project's `go-analysis` can be asked as well. FILE is added to as answers come;
the same command goes on with the positions that are missing.

A row of FILE is a JSON object: `source` and `game` (number in it), `setup` and `moves` (pairs of
colour and vertex), `rules`, `komi`, `lead` (points that black is ahead, komi not counted),
`spread`, `winrate` (black's, at that komi), `visits`, `owner` (361 whole numbers by flat index,
lower left first: 100 where black surely owns the point, -100 where white does) and `engine`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from gocnn.board.coords import from_gtp
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.policy import data
from gocnn.policy.samples import Games, choose_positions
from gocnn.selfplay.engine import (
    AnalysisEngine,
    EnginePosition,
    StoneSequence,
    by_index,
    pairs,
    query,
)
from scripts import run_script


@dataclass(frozen=True)
class Judged:
    """A position and what was said of it, as in a row of the file; `owner`: float32 `(361,)`, 1
    where black surely owns the point."""

    position: EnginePosition
    source: str
    game: int
    rules: str
    komi: float
    lead: float
    winrate: float
    owner: npt.NDArray[np.float32]

    @property
    def margin(self) -> float:
        """Points that black is ahead, komi counted."""
        return self.lead - self.komi


def read(path: Path) -> list[Judged]:
    """The rows of a file. Raises SystemExit if it is none."""
    rows = []
    for number, line in enumerate(_whole_lines(path), 1):
        try:
            row = json.loads(line)
            position = EnginePosition(_stones(row["setup"]), _stones(row["moves"]))
            owner = np.array(row["owner"], np.float32) / np.float32(100)
            place = (row["source"], int(row["game"]))
            if owner.shape != (361,):
                raise ValueError(f"{len(owner)} points have an owner")
            rows.append(
                Judged(
                    position,
                    *place,
                    row["rules"],
                    float(row["komi"]),
                    float(row["lead"]),
                    float(row["winrate"]),
                    owner,
                )
            )
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(
                f"{path}, line {number}: no judged position ({error!r}); make the file with"
                " benchmarks/judged.py"
            ) from error
    return rows


def _whole_lines(path: Path) -> list[str]:
    """Without the one that a kill cut short."""
    try:
        return path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"cannot read {path} ({error})") from error


def _stones(listed: Sequence[Sequence[str]]) -> StoneSequence:
    return tuple((from_gtp(vertex), 1 if colour == "B" else 2) for colour, vertex in listed)


def position_of(games: Games, game: int, ply: int) -> EnginePosition:
    """The position of a stored game before its move `ply`."""
    start, setup = int(games.start[game]), int(games.setup[game])
    return EnginePosition.of_words(games.words[start : start + setup + ply], setup)


def plies_of(games: Games, options: argparse.Namespace) -> Iterator[tuple[int, int]]:
    """The positions that were asked for: game and ply."""
    if options.positions:
        which, plies = choose_positions(games, options.positions, options.seed)
        yield from zip(which.tolist(), plies.tolist(), strict=True)
        return
    for game, moves in enumerate(games.moves.tolist()):
        if not options.last:
            yield from ((game, ply) for ply in range(options.every, moves, options.every))
        yield game, moves


def row(judged: dict[str, Any], position: EnginePosition, about: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an answer."""
    root = judged["rootInfo"]
    lead, winrate = root["scoreLead"], root["winrate"]
    if about["visits"] == 1:
        lead, winrate = root.get("rawLead", lead), root.get("rawWinrate", winrate)
    owner = np.rint(100 * by_index(judged["ownership"])).astype(int).tolist()
    return about | {
        "setup": pairs(position.setup),
        "moves": pairs(position.moves),
        "lead": round(float(lead) + about["komi"], 2),
        "spread": round(root["scoreStdev"], 2),
        "winrate": round(winrate, 4),
        "owner": owner,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("games", nargs="+")
    parser.add_argument(
        "--engine",
        required=True,
        help="command line of an engine that speaks KataGo's analysis protocol",
    )
    parser.add_argument("--out", required=True, type=Path)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--every", type=int, default=20, help="plies between the positions of a game"
    )
    which.add_argument("--last", action="store_true", help="each game's last position alone")
    which.add_argument("--positions", type=int, default=0, help="so many, drawn from all games")
    parser.add_argument(
        "--most", type=int, default=0, help="no more than so many games, drawn by --seed (0: all)"
    )
    parser.add_argument("--result", default="any", choices=("any", "known", "scored", "resigned"))
    parser.add_argument("--rules", default="chinese")
    parser.add_argument("--komi", type=float, default=6.5)
    parser.add_argument(
        "--visits", type=int, default=1, help="of the engine's search; 1: its network alone"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seconds", type=float, default=600.0, help="how long the engine may say nothing"
    )
    options = parser.parse_args()
    for name in ("every", "visits"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is at least 1")
    positions = wanted(options)
    done = (
        {(j.position, j.rules, j.komi) for j in read(options.out)}
        if options.out.exists()
        else set()
    )
    todo = [
        (p, source)
        for p, source in positions.items()
        if (p, options.rules, options.komi) not in done
    ]
    print(f"{len(positions)} positions, {len(positions) - len(todo)} of them judged already")
    if not todo:
        return
    if options.out.exists():  # the line that a kill cut short is asked for again
        options.out.write_text(
            "".join(line + "\n" for line in _whole_lines(options.out)),
            encoding="utf-8",
            newline="\n",
        )
    queries = [
        query(p, options.rules, options.komi, visits=options.visits, includeOwnership=True)
        for p, _ in todo
    ]
    with (
        AnalysisEngine(options.engine, options.seconds) as engine,
        options.out.open("a", encoding="utf-8", newline="\n") as stream,
    ):
        version = engine.version()
        for number, answer in tqdm(engine.answers(queries), total=len(queries), unit=" positions"):
            position, source = todo[number]
            about = {
                "source": source[0],
                "game": source[1],
                "rules": options.rules,
                "komi": options.komi,
                "visits": options.visits,
                "engine": version,
            }
            stream.write(json.dumps(row(answer, position, about)) + "\n")
            stream.flush()


def wanted(options: argparse.Namespace) -> dict[EnginePosition, tuple[str, int]]:
    """The positions that were asked for, each once, with the source and the number of its game."""
    result: dict[EnginePosition, tuple[str, int]] = {}
    for path in (Path(name) for name in options.games if name.endswith(".jsonl")):
        result |= {row.position: (row.source, row.game) for row in read(path)}
    stores = data.open_stores([name for name in options.games if not name.endswith(".jsonl")])[0]
    for store in stores:
        numbers, games = chosen(store, options)
        for game, ply in plies_of(games, options):
            result.setdefault(
                position_of(games, game, ply),
                (store.texts(int(numbers[game]))["source"], int(numbers[game])),
            )
    return result


def chosen(store: Store, options: argparse.Namespace) -> tuple[npt.NDArray[np.int64], Games]:
    from gocnn.policy.samples import games_of

    records = store.records()
    numbers = GameFilter(result="known" if options.result == "resigned" else options.result).choose(
        store, records
    )
    if options.result == "resigned":
        numbers = numbers[(records["margin"][numbers] == 0) & (records["winner"][numbers] != 3)]
    if options.most and len(numbers) > options.most:
        numbers = np.sort(
            np.random.default_rng(options.seed).choice(numbers, options.most, replace=False)
        )
    return numbers, games_of(store, numbers, records)


if __name__ == "__main__":
    run_script(main)
