"""Without numba the kernels are plain Python over numpy scalars, which can wrap at their own width:
they must give the same, byte for byte."""

import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import kernels
from tests.conftest import ROOT, main_line, play_randomly
from tests.reading import mutated


def interpreted(files: kernels.Files, lines: list[list[tuple[int, int]]]) -> dict[str, list[Any]]:
    """The same by a process without numba, in which a warning of numpy's is an error."""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.kernels"],
        input=pickle.dumps((files, lines)),
        capture_output=True,
        cwd=ROOT,
    )
    assert run.returncode == 0, run.stderr.decode()[-2000:]
    return pickle.loads(run.stdout)


def compare(files: kernels.Files, lines: list[list[tuple[int, int]]]) -> dict[str, list[Any]]:
    one, two = kernels.everything(files, lines), interpreted(files, lines)
    for kind in one:
        for number, (compiled, plain) in enumerate(zip(one[kind], two[kind], strict=True)):
            assert compiled == plain, (kind, number, str(compiled)[:300], str(plain)[:300])
    return one


def without_names(data: bytes) -> bytes:
    """The record without players' names: one with names and nothing odd takes the fast path as
    well, but its `B` could come from `PB`."""
    import re

    return re.sub(rb"P[BW]\[[^\]]*\]", b"", data)


HEADS = [
    b"SZ[9]",
    b"SZ[19]",
    b"SZ[]",
    b"GM[1]SZ[13]",
    b"GM[2]SZ[19]",
    b"PB[]",
    b"PW[]PB[a]",
    b"AB[dd]",
    b"AB[dd][pp]AW[dp]",
    b"AB[dd][pp]AE[dd]",
    b"AE[aa]",
    b"PL[W]AB[dd]",
    b"HA[2]AB[dd][pp]KM[0.5]",
    b"RE[B+R]XB[]YW[aa]",
    b"MULTIGOGM[1]",
    b"ABCDEFGHB[aa]",
    b"BB[aa]WB[bb]",
    b"SW[dd]",
]


@pytest.fixture(scope="module")
def files(sample_files: list[Path]) -> kernels.Files:
    rng = random.Random(1)
    some = [path.read_bytes() for path in sample_files]
    found = [
        (f"head {n}", b"(;" + head + b";B[pd];W[dp];B[dd];" + tail + b";W[qc])")
        for n, head in enumerate(HEADS)
        for tail in (b"B[aa]", b"AE[pd]")
    ]
    found += [("short", data[:400] + b")") for data in some] + [
        ("nameless", without_names(data)) for data in some[:6]
    ]
    found += [(f"mutated {n}", mutated(rng, some, 500)) for n in range(300)]
    return found + [
        (path.name, path.read_bytes())
        for path in sorted((ROOT / "tests" / "cases" / "go").glob("*.sgf"))
    ]


@pytest.mark.slow
def test_every_kernel_gives_the_same_without_numba(
    files: kernels.Files, sample_files: list[Path]
) -> None:
    lines = [
        play_randomly(3, 30),
        main_line(sample_files[0].read_bytes())[:90],
        main_line(sample_files[5].read_bytes()),
    ]
    answer = compare(files, lines)
    assert len(answer["games"]) > 300


def beginning(data: bytes, moves: int) -> bytes:
    """The record's head and its first moves."""
    nodes = data.split(b";")
    return data if len(nodes) <= moves + 2 else b";".join(nodes[: moves + 2]) + b")"


@pytest.mark.slow
def test_real_games_are_read_the_same_without_numba(real_games: list[bytes]) -> None:
    """The heads of all, which differ most, with some moves; every tenth to its end."""
    some = [
        data if n % 10 < 2 and n // 10 % 2 else beginning(data, 12)
        for n, data in enumerate(real_games)
    ]
    files = [(str(n), data if n % 2 else without_names(data)) for n, data in enumerate(some)]
    assert kernels.games(files) == interpreted(files, [])["games"]
