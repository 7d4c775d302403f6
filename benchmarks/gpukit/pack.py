"""A store of games small enough to travel, in parts of at most 15 MB, with the games to validate
on.

    gpu.py pack train.games --valid tygem.games --valid fox.games --out trip --size 50

With --games so many are drawn, from all sources (archives, folders) in turn, strong players first;
with --size alone, as many as fit. `train` takes the folder as it is; `unpack` makes ordinary stores
of it. No validation game, turned or mirrored, is among those to train on.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

BEGAN = time.perf_counter()
SAMPLE = 8192
"""Games packed first, to tell what a game takes."""
ROOM = 0.995
"""Share of the room that is filled when it is the size that decides."""

Number = TypeVar("Number", int, float)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "stores",
        nargs="+",
        metavar="GAMES",
        help="stores from go-import, or SGF files, folders and archives",
    )
    parser.add_argument(
        "--valid",
        action="append",
        default=[],
        metavar="SET",
        help="games to validate on, whole (also several times)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="the folder for the parts"
    )
    parser.add_argument(
        "--games",
        type=positive(int),
        metavar="N",
        help="how many games to train on (default: all, or as many as fit in --size)",
    )
    parser.add_argument(
        "--size",
        type=positive(float),
        metavar="MB",
        help="megabytes (10^6 bytes) that all of it may have",
    )
    parser.add_argument(
        "--part",
        type=positive(float),
        default=15.0,
        metavar="MB",
        help="megabytes that a part may have (default: 15)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: 1)")
    parser.add_argument(
        "--labelled-first",
        action="store_true",
        help="take games whose points' owners are known before others, for the score",
    )
    parser.add_argument(
        "--min-rank",
        metavar="RANK",
        help="both players at least this strong: 1d, 9d, 1p (above 9d)",
    )
    parser.add_argument(
        "--min-moves",
        type=positive(int),
        default=1,
        metavar="N",
        help="games of at least so many moves (default: 1)",
    )
    parser.add_argument(
        "--result",
        choices=["any", "known"],
        default="any",
        help="known: only games whose winner is known (default: any)",
    )
    parser.add_argument(
        "--source",
        default="",
        metavar="PATTERN",
        help="regular expression searched in archive or folder name and place (PC)",
    )


def positive(kind: type[Number]) -> Callable[[str], Number]:
    """A type for argparse: a number above zero."""

    def parse(text: str) -> Number:
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    parse.__name__ = "number above zero"
    return parse


def run(options: argparse.Namespace) -> int:
    import numpy as np

    from gocnn.errors import UserError
    from gocnn.files import check_folder
    from gocnn.games import text
    from gocnn.games.selection import GameFilter
    from gocnn.policy import data
    from gpukit import travel
    from gpukit.choosing import candidates
    from gpukit.gamepack import KIND, TRAIN, Packed, Selected, pack

    check_folder(options.out)
    if travel.has_parts(options.out):
        travel.read_manifest(options.out, KIND)
        raise UserError(
            f"{options.out} holds a pack already, and a run may rest on it; choose another --out,"
            " or delete the folder"
        )
    rank = text.rank(options.min_rank) if options.min_rank else None
    if rank == 0:
        raise UserError(
            f"--min-rank {options.min_rank} is not a rank; write for example 5k, 1d, 9d or 1p"
        )
    chooses = GameFilter(
        min_rank=rank, min_moves=options.min_moves, result=options.result, source=options.source
    )
    stores, _ = data.open_stores(options.stores)
    validation = [data.open_stores([name])[0][0] for name in options.valid]
    held = np.concatenate(
        [np.zeros(0, np.int64), *(s.records()["key"].astype(np.int64) for s in validation)]
    )
    ready = candidates(stores, chooses, held, options.seed, options.labelled_first)
    tell(
        f"{len(ready)} games to choose from"
        + (f" ({ready.held} validation games left out)" if ready.held else "")
    )

    room = int(options.size * travel.MB) if options.size else None
    sets = [
        pack(f"valid-{i + 1}-{Path(name).stem}.games", Selected(((s, np.arange(len(s))),)))
        for i, (name, s) in enumerate(zip(options.valid, validation, strict=True))
    ]
    beside = sum(s.size for s in sets) + 20_000  # the manifest
    count = min(options.games or len(ready), len(ready))
    if options.games and options.games > len(ready):
        tell(f"--games {options.games}: there are {len(ready)}; all of them are taken")
    if room is not None:
        sample = pack(TRAIN, ready.first(min(SAMPLE, count)))
        each = sample.size / sample.games
        fitting = max(0, int((room - beside) * ROOM / each))
        if fitting < 1 or (options.games and count > fitting * 1.02):
            raise too_small(options, count, each, beside, fitting)
        count = count if options.games else min(count, fitting)

    packed_games = 0

    def done(games: int) -> None:
        nonlocal packed_games
        packed_games += games
        tell(f"packed {packed_games} of {count} games, {time.perf_counter() - BEGAN:.0f} s")

    while True:
        packed_games = 0
        train: Packed = pack(TRAIN, ready.first(count), done)
        if room is None or train.size + beside <= room:
            break
        fitting = int((room - beside) * ROOM / train.size * train.games)
        if options.games:
            raise too_small(options, count, train.size / train.games, beside, fitting)
        count = fitting

    files = {p.name: b"".join(p.blocks) for p in (train, *sets)}
    facts = {"stores": [p.facts() for p in (train, *sets)], "seed": options.seed}
    written = travel.send(options.out, KIND, files, facts, int(options.part * travel.MB))
    total = sum(path.stat().st_size for path in written)
    each = train.size / train.games
    parts = len(written) - 1
    print(
        f"{options.out}: {train.games} games to train on, {train.positions} positions, {each:.0f}"
        f" bytes a game; {sum(s.games for s in sets)} to validate on; {total / travel.MB:.1f} MB in"
        f" {parts} part{'s' if parts > 1 else ''}; fingerprint {train.fingerprint}"
    )
    return 0


def too_small(
    options: argparse.Namespace, count: int, each: float, beside: int, fitting: int
) -> Exception:
    from gocnn.errors import UserError
    from gpukit import travel

    sets = f", and the games to validate on {beside / travel.MB:.1f} MB" if options.valid else ""
    needed = (count * each + beside) / travel.MB
    if fitting < 1:
        return UserError(
            f"--size {options.size:g} holds no game{sets.replace(', and', ': already', 1)}; give"
            " more"
        )
    return UserError(
        f"--size {options.size:g} does not hold {count} games: together {needed:.1f} MB, {each:.0f}"
        f" bytes a game{sets}; about {fitting} would fit (give --games {fitting}, or leave --games"
        " out for as many as fit)"
    )


def tell(line: str) -> None:
    """A line of progress."""
    print(line, file=sys.stderr, flush=True)
