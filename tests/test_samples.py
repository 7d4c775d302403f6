"""Samples: the right planes and the right move, reproducible, evenly drawn, shared out between
processes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gocnn.board import Board, symmetry
from gocnn.errors import UserError
from gocnn.features import conditioning, planes
from gocnn.features.planes import DEFAULT_GROUPS
from gocnn.games.store import Store
from gocnn.games.words import colour_of, index_of
from gocnn.policy import samples
from gocnn.policy.source import POSITIONS_A_GAME, PositionSource
from gocnn.policy.suggestion import planes_of


@pytest.fixture(scope="module")
def games(sample_store: Path) -> samples.Games:
    store = Store(sample_store)
    return samples.games_of(store, np.arange(len(store)))


def board_at(games: samples.Games, game: int, ply: int) -> tuple[Board, int]:
    words = games.words[
        games.start[game] : games.start[game] + games.setup[game] + games.moves[game]
    ].astype(int)
    board = Board()
    for w in words[games.setup[game] :][:ply]:
        board.play(index_of(w), colour_of(w))
    following = words[games.setup[game] + ply]
    board.to_play = colour_of(following)
    return board, index_of(following)


@pytest.mark.parametrize("turn", range(8))
def test_positions_equal_planes_of_the_board(games: samples.Games, turn: int) -> None:
    which, plies = samples.choose_positions(games, 40, seed=turn)
    shuffled = np.random.default_rng(0).permutation(len(which))
    which, plies = which[shuffled], plies[shuffled]
    out, target, _ = samples.positions(games, DEFAULT_GROUPS, which, plies, symmetry_number=turn)
    for row, move, game, ply in zip(out, target, which, plies, strict=True):
        board, played = board_at(games, int(game), int(ply))
        recent = [index for index, _ in reversed(board.moves[-8:])]
        assert (row == planes_of(board, recent, DEFAULT_GROUPS, symmetries=[turn])[0]).all()
        assert move == symmetry.permutation(turn)[played]


def test_batches_depend_on_seed_and_number_alone(games: samples.Games) -> None:
    first = PositionSource(games, DEFAULT_GROUPS, 32, seed=5)
    wanted = [first.batch(i) for i in range(20)]
    again = PositionSource(games, DEFAULT_GROUPS, 32, seed=5)
    for i in (19, 3, 11):
        assert all((a == b).all() for a, b in zip(again.batch(i), wanted[i], strict=True))
    other = PositionSource(games, DEFAULT_GROUPS, 32, seed=6)
    assert not (other.batch(3)[1] == wanted[3][1]).all()


def test_later_moves_are_those_of_the_record(games: samples.Games) -> None:
    source = PositionSource(games, ["board", "history"], 64, seed=7, augment=False, future=2)
    plain = PositionSource(games, ["board", "history"], 64, seed=7, augment=False)
    lines: set[tuple[int, ...]] = set()
    for game in range(len(games)):
        first = games.start[game] + games.setup[game]
        played = [*(index_of(games.words[first : first + games.moves[game]].astype(int))), -1, -1]
        lines.update(zip(played, played[1:], played[2:], strict=False))
    ends = 0
    for i in range(64):
        shown, moves = source.batch(i)
        assert moves.shape == (64, 3)
        assert all(
            (a == b).all() for a, b in zip((shown, moves[:, 0]), plain.batch(i), strict=True)
        )
        assert {tuple(line) for line in moves.tolist()} <= lines
        ends += int((moves == -1).any(1).sum())
    assert ends > 0


def test_processes_share_a_global_batch(games: samples.Games) -> None:
    whole = PositionSource(games, ["board", "history"], 32, seed=5)
    parts = [PositionSource(games, ["board", "history"], 32, seed=5, part=(r, 4)) for r in range(4)]
    for i in (0, 5, 40):
        planes_, moves = whole.batch(i)
        assert (np.concatenate([p.batch(i)[0] for p in parts]) == planes_).all()
        assert (np.concatenate([p.batch(i)[1] for p in parts]) == moves).all()
    with pytest.raises(UserError, match="multiple of 5"):
        PositionSource(games, ["board"], 32, seed=5, part=(0, 5))


def test_every_position_is_equally_likely(games: samples.Games) -> None:
    """The share of draws from the first eight plies, which can be told by their history, against
    the share there is of them."""
    source = PositionSource(games, ["history"], 64, seed=1)
    draws = 800 * 64
    drawn = (
        sum(int((source.batch(i)[0].reshape(64, -1).sum(1) < 8).sum()) for i in range(800)) / draws
    )
    words = samples.positions(games, ["history"], *samples.choose_positions(games, 10**9, 0))[0]
    there = float((words.reshape(len(words), -1).sum(1) < 8).mean())
    assert abs(drawn - there) < 4 * np.sqrt(there / (draws / POSITIONS_A_GAME))


def test_what_a_block_has_no_room_for_is_any_games(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of 81 batches of 50 has room for 18 of the 32 positions of one of its games: that is
    not always the last one of the store."""
    drawn: list[samples.Picks] = []
    monkeypatch.setattr("gocnn.policy.source.fill", lambda table, picks, *_: drawn.append(picks))
    count, zeros = 1000, np.zeros(1000, np.int64)
    games = samples.Games(
        np.zeros(0, np.uint16), zeros, zeros, zeros + 100, zeros, zeros - 1, zeros + 100
    )
    source = PositionSource(games, ["board"], 50, seed=1)
    for number in range(8):
        source.batch(number * source.block)
    cut = []
    for picks in drawn:
        times = np.bincount(picks.games, minlength=count)
        (short,) = np.flatnonzero(times % POSITIONS_A_GAME)
        cut.append(int(short) == picks.games.max())
    assert not all(cut)


def test_choosing_positions_never_repeats(games: samples.Games) -> None:
    which, plies = samples.choose_positions(games, 500, seed=3)
    assert len({(int(a), int(b)) for a, b in zip(which, plies, strict=True)}) == 500
    assert (plies < games.moves[which]).all()
    everything = samples.choose_positions(games, 10**9, seed=3)
    assert len(everything[0]) == games.positions


def test_style_is_shown_half_of_the_time_and_the_winner_is_a_target(games: samples.Games) -> None:
    assert np.isin(
        games.conditioning & 6, [0, conditioning.BLACK_WON, conditioning.WHITE_WON]
    ).all()
    bits = np.full(len(games), conditioning.BLACK_WON | conditioning.TYGEM)
    bits[::3] = conditioning.TYGEM
    marked = replace(games, conditioning=bits)
    source = PositionSource(marked, ["style"], 256, seed=1, outcome=True)
    batches = [source.batch(i) for i in range(32)]
    shown = np.concatenate([batch[0][:, :, 0, 0] for batch in batches]).astype(bool)
    assert abs(shown[:, 0].mean() - 0.5) < 0.03
    assert not shown[:, 1:].any()
    assert len(PositionSource(marked, ["style"], 256, seed=1).batch(0)) == 2
    assert set(np.concatenate([batch[2] for batch in batches]).tolist()) == {
        0,
        1,
        samples.UNDECIDED,
    }
    which, plies = samples.choose_positions(marked, 50, seed=3)
    shuffled = np.random.default_rng(0).permutation(len(which))
    which, plies = which[shuffled], plies[shuffled]
    hidden, _, won = samples.positions(marked, ["style"], which, plies)
    assert not hidden.any()
    colours = np.array(
        [board_at(marked, int(g), int(p))[0].to_play for g, p in zip(which, plies, strict=True)]
    )
    assert won.tolist() == np.where(which % 3 == 0, samples.UNDECIDED, colours == 1).tolist()
    assert samples.positions(marked, ["style"], which, plies, shown=conditioning.ORIGIN)[0][
        :, 0
    ].all()


def test_no_games_is_an_error(games: samples.Games) -> None:
    empty = games.subset(np.zeros(0, np.int64))
    with pytest.raises(UserError, match="no position"):
        PositionSource(empty, planes.DEFAULT_GROUPS, 8, 0)
