"""Hypothesis mutates real files: no crash, no hang, memory bounded."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gocnn.board import rules
from gocnn.errors import UserError
from gocnn.games.reader import Reader, ReadGame, Skipped
from gocnn.games.sources import Blob
from gocnn.games.store import Store
from gocnn.games.words import colour_of, index_of
from tests.conftest import SAMPLES
from tests.edits import edited

FILES = sorted(SAMPLES.rglob("*.sgf"))
READER = Reader()
EDITS = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 8), st.binary(max_size=12)), max_size=8
)
BITS = st.sampled_from(
    [
        b"",
        b"(",
        b")",
        b"[",
        b"]",
        b";",
        b"\\",
        b"(;",
        b"B[aa]",
        b"AB[aa:ss]",
        b"AB[dd]",
        b"SZ[19]",
        b"SZ[99999999999]",
        b"CA[utf-16]",
        b"B[tt]",
    ]
)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile everything first, so that no example waits for that."""
    check(list(READER.games(Blob("x", FILES[0].read_bytes()))))
    check(list(READER.games(Blob("x", b"(;SZ[19]AB[aa:bb];B[dd])"))))


def check(items: list[ReadGame | Skipped]) -> None:
    for item in items:
        if isinstance(item, Skipped):
            assert item.reason
            continue
        state = rules.new_state()
        setup, moves = int(item.record["setup"]), int(item.record["moves"])
        assert len(item.words) == setup + moves
        assert moves > 0
        for w in item.words[:setup].astype(int):
            rules.place(state, index_of(w), colour_of(w))
        assert not setup or rules.rebuild(state)
        for w in item.words[setup:].astype(int):
            assert rules.play_index(state, index_of(w), colour_of(w)) == rules.LEGAL


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(st.integers(0, len(FILES) - 1), EDITS, BITS, st.integers(0, 3000))
def test_mutated_games(
    number: int, edits: list[tuple[int, int, bytes]], bit: bytes, cut: int
) -> None:
    data = edited(FILES[number].read_bytes(), edits)
    check(list(READER.games(Blob("x", data))))
    check(list(READER.games(Blob("x", data[:cut] + bit + data[cut:]))))
    check(list(READER.games(Blob("x", data + bit + data[:cut] + data))))


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    check(list(READER.games(Blob("x", data))))
    check(list(READER.games(Blob("x", b"(;" + data + b")"))))


@settings(max_examples=150, deadline=None, suppress_health_check=SLOW)
@given(EDITS, st.integers(0, 10**6))
@example(edits=[(220, 6, b"\x00\x00\x00\x00\x00\x01")], cut=1)  # a name outside the table
def test_mutated_stores(
    tmp_path: Path, sample_store: Path, edits: list[tuple[int, int, bytes]], cut: int
) -> None:
    whole = sample_store.read_bytes()
    target = tmp_path / "x.games"
    data = edited(whole[:6000], edits) + whole[6000:]
    target.write_bytes(data if cut % 3 else data[: cut % len(data)])
    try:
        store = Store(target)
        assert len(store.records()) == len(store)
        for game in range(min(3, len(store))):
            store.texts(game)
        store.verify()
    except UserError as error:
        assert "\n" not in str(error)


def test_memory_stays_under_a_gigabyte_above_what_torch_takes() -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for data in (
        b"(" * 10_000_000,
        b"(;C[" + b"x" * 10_000_000,
        b"(;" + b"AB[aa]" * 1_500_000 + b")",
        b"(;" + b"B[aa]" * 2_000_000 + b")",
    ):
        check(list(READER.games(Blob("x", data))))
    check(list(READER.games(Blob("x", np.random.default_rng(0).bytes(10_000_000)))))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20
