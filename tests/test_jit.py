"""How kernels are compiled: seldom, since somebody waits for it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gocnn import _jit
from gocnn._jit import jit
from gocnn.board import repetition, rules, symmetry
from gocnn.board.board import Board
from tests.conftest import play_randomly


def _next(number: int) -> int:
    return number + 1


def _sum_of_next(numbers, count):
    return _next(numbers[0]) + _next(count) + _next(3) + _next(number=-4)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
def test_kernels_call_a_kernel_with_numbers_of_one_width(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the width of what they have, and whether it is a constant; a number that is not
    small enough for its width when it has grown is right all the same."""
    most = int(np.iinfo(kind).max) if kind is not np.int64 else 7
    # another test may have asked for plain Python
    monkeypatch.setattr("gocnn._jit._interpreted", False)
    # compiled here, not found where an earlier run has left it
    monkeypatch.setattr("numba.config.CACHE_DIR", str(tmp_path))
    kernel: Any = jit(_next)
    monkeypatch.setitem(globals(), "_next", kernel)
    assert jit(_sum_of_next)(np.array([most], kind), 1) == most + 1 + 2 + 4 - 3
    assert len(kernel.signatures) == 1


def test_numbers_without_a_sign_stay_as_they_are() -> None:
    """Hashes have 64 bits without a sign."""
    values = np.sort(np.random.default_rng(1).integers(0, 2**64, 100, np.uint64))
    wanted = [np.uint64(0), *values[[0, 50, 99]], values[50] + np.uint64(1), np.uint64(2**64 - 1)]
    for value in wanted:
        assert repetition.first_at_least(values, value) == np.searchsorted(values, value)
    assert repetition.first_at_least(values[:0], wanted[1]) == 0


def test_permutations_are_of_one_kind() -> None:
    """Kernels are compiled once for arrays that can be written and once for those that cannot."""
    assert not symmetry.permutation(3).flags.writeable
    assert not symmetry.table()[3].flags.writeable


def test_a_copy_is_the_same_position() -> None:
    board, other = Board(19), rules.new_state(9)
    for index, colour in play_randomly(3, 90):
        board.play(index, colour)
    rules.copy(board.state, other)
    assert np.array_equal(board.state, other)


@pytest.mark.slow
def test_copies_of_the_same_sources_share_what_was_compiled(tmp_path: Path) -> None:
    """A clone, a worktree, an installed wheel: only what the sources say counts, not where and when
    they were written. Changed sources are compiled anew."""
    program = (
        "from gocnn import _jit; from gocnn.board import coords, symmetry, repetition;"
        "import numpy as np; repetition.first_at_least(np.zeros(3, np.uint64), np.uint64(1));"
        "print(len(_jit.compiled))"
    )

    def compiled(where: Path) -> int:
        environment = os.environ | {
            "PYTHONPATH": str(where),
            "GOCNN_CACHE": str(tmp_path / "cache"),
            "GOCNN_COMPILING": "quiet",
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=where,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return int(done.stdout)

    for copy in ("one", "other"):
        shutil.copytree(
            Path(_jit.__file__).parent,
            tmp_path / copy / "gocnn",
            copy_function=shutil.copyfile,
            ignore=shutil.ignore_patterns("weights", "built", "__pycache__"),
        )
    assert compiled(tmp_path / "one") >= 1
    assert compiled(tmp_path / "other") == 0
    changed = tmp_path / "other" / "gocnn" / "board" / "repetition.py"
    changed.write_text(changed.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert compiled(tmp_path / "other") >= 1
