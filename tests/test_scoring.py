"""Counting: positions counted by hand, a brute-force twin, the law that ties territory to area, and
reading against a search of everything."""

import random

import numpy as np
import pytest

from gocnn.board import BLACK, PASS, WHITE, Board, IllegalMove
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.engine import seki
from gocnn.engine.game import Game
from gocnn.engine.ownership import Playouts, dead_stones
from gocnn.engine.rulesets import JAPANESE, RULES, TROMP_TAYLOR, Rules, parse
from gocnn.engine.scoring import groups, margin, owners, points, without_territory
from tests.slow_life import board_from
from tests.slow_rules import Slow

AREA_SEKI = Rules(scoring="AREA", tax="SEKI")

SEKI = """
    . X . X O . O . O
    X X X X O O O O O
    . X . X O . O . O
    X X X X O O O O O
    X X X X O O O O O
    X O O O X X X X O
    X O . O . X . X O
    X O O O X X X X O
    X X X X O O O O O"""
"""Eight white stones and ten black ones, an eye each, share the liberty E3: whoever plays there is
captured."""


def none(board: Board) -> np.ndarray:
    return np.zeros(board.size**2, np.bool_)


def test_a_seki_is_seen_and_its_eyes_are_no_territory():
    board = board_from(SEKI)
    for seed in range(5):
        assert not dead_stones(board, Playouts(board, 0.0, seed).run(200).owner).any()
    dead = none(board)
    inside = {to_gtp(int(i), 9) for i in np.flatnonzero(without_territory(board, dead))}
    assert inside == {
        "B2",
        "C2",
        "D2",
        "B3",
        "D3",
        "B4",
        "C4",
        "D4",
        "E2",
        "F2",
        "G2",
        "H2",
        "F3",
        "H3",
        "E4",
        "F4",
        "G4",
        "H4",
    }
    # By hand: four eyes each outside; in the seki an eye each. 33 black and 37 white stones.
    assert points(board, dead, JAPANESE) == (4, 4)
    assert points(board, dead, parse({"scoring": "TERRITORY", "tax": "NONE"})) == (5, 5)
    assert points(board, dead, RULES["chinese"]) == (38, 42)
    assert points(board, dead, AREA_SEKI) == (37, 41)
    assert points(board, dead, RULES["stone-scoring"]) == (35, 39)
    assert points(board, dead, RULES["ancient-territory"]) == (2, 2)
    assert owners(board, dead, JAPANESE)[from_gtp("C3", 9)] == 0


TERRITORY = """
    . . . . . X O . .
    . . . . . X O . .
    . . O . . X O . X
    . . . . . X O . .
    X X X X X X O O O
    O O O O O O O . .
    . . . . . . O . .
    . X . . . . O . .
    . . . . . . O . ."""


def test_prisoners_and_dead_stones_by_hand():
    """Black has 19 empty points and one dead white stone's, white 13 beside the upper right's 7
    with a dead black stone, 17 with one in the lower left."""
    board = board_from(TERRITORY)
    dead = none(board)
    for vertex in ("C7", "J7", "B2"):
        dead[from_gtp(vertex, 9)] = True
    # Black: A-E of rows 6 to 9, 20 points, one prisoner. White: H-J of rows 6 to 9, 8 points, H-J
    # of rows 1 to 4, 8, A-F of rows 1 to 3, 18; two prisoners.
    assert points(board, dead, JAPANESE) == (20 + 1, 8 + 8 + 18 + 2)
    # Stones: black's 4 + 6 of the wall, white's 4 + 3 + 7 + 3.
    assert points(board, dead, RULES["chinese"]) == (20 + 10, 34 + 17)
    assert margin(board, dead, JAPANESE, 6.5) == 21 - 36 - 6.5
    assert points(board, dead, RULES["ancient-area"]) == (28, 49)


def test_handicap():
    """What white gets for handicap stones under each rule set, whatever way they come."""
    expected = {"chinese": 2, "chinese-kgs": 2, "chinese-ogs": 2, "aga": 1, "bga": 1, "french": 1}
    for name, rules in RULES.items():
        game = Game(0.5, rules)
        game.give_handicap([from_gtp("A1"), from_gtp("A3")])
        board = game.board
        whole = 359 if rules.territory else 361
        assert game.margin(none(board)) == whole - (
            2 if rules.tax == "ALL" else 0
        ) - 0.5 - expected.get(name, 0)


@pytest.mark.parametrize(
    ("moves", "count"),
    [
        ("b D4", 0),
        ("b D4 b Q16", 2),
        ("b D4 w pass b Q16 w pass b Q4 w D16", 3),
        ("b D4 b Q16 w C3 w E3", 0),
        ("b D4 w Q16 b C3 b E3", 0),
        ("w D4 b C3 b E3", 0),
        ("b D4 b pass w C3", 0),
        ("b D4 b Q16 b K10 w C3 b F3", 3),
    ],
)
def test_handicap_stones_sent_as_moves(moves, count):
    game = Game()
    tokens = moves.split()
    for colour, vertex in zip(tokens[::2], tokens[1::2], strict=True):
        game.play(from_gtp(vertex), BLACK if colour == "b" else WHITE)
    assert game.handicap_stones == count


# --- twins
# ---------------------------------------------------------------------------------------------------------------------------------


def twin_points(
    stones: dict[tuple[int, int], int],
    dead: set[tuple[int, int]],
    size: int,
    captured: tuple[int, int],
    territory: bool,
) -> tuple[int, int]:
    """Area or territory, for obviousness: a point is a colour's if every path of empty points from
    it ends at that colour's living stones."""
    alive = {point: colour for point, colour in stones.items() if point not in dead}
    total = {BLACK: 0, WHITE: 0}
    for start in ((row, column) for row in range(size) for column in range(size)):
        if start in alive:
            total[alive[start]] += not territory
            continue
        reached, seen, left = set(), {start}, [start]
        while left:
            row, column = left.pop()
            for near in (
                (row - 1, column),
                (row + 1, column),
                (row, column - 1),
                (row, column + 1),
            ):
                if not (0 <= near[0] < size and 0 <= near[1] < size) or near in seen:
                    continue
                if near in alive:
                    reached.add(alive[near])
                else:
                    seen.add(near)
                    left.append(near)
        if len(reached) == 1:
            total[reached.pop()] += 1
    if territory:
        total[BLACK] += captured[0] + sum(stones[point] == WHITE for point in dead)
        total[WHITE] += captured[1] + sum(stones[point] == BLACK for point in dead)
    return total[BLACK], total[WHITE]


@pytest.mark.parametrize("size", [3, 5, 9, 19])
def test_points_equal_the_twin_and_territory_follows_from_area(size):
    """With suicides too. Area less territory is the difference in stones put down, whoever captured
    what (a stone captured is a stone less on the board)."""
    rng = random.Random(size)
    rules = Rules(tax="NONE", suicide=True, ko="SIMPLE")
    territory = Rules(scoring="TERRITORY", tax="NONE")
    for _ in range(12):
        board = Board(size, suicide=True)
        played = {BLACK: 0, WHITE: 0}
        for _ in range(rng.randrange(size * size)):
            colour = rng.choice((BLACK, WHITE))
            move = int(rng.choice(np.flatnonzero(board.legal(colour))))
            board.play(move, colour)
            played[colour] += move != size * size
        stones = {divmod(i, size): int(c) for i, c in enumerate(board.stones().ravel()) if c}
        chosen = {point for point in stones if rng.random() < 0.1}
        dead = none(board)
        dead[[row * size + column for row, column in chosen]] = True
        # A whole chain is dead or none of it; the law holds for any set of stones all the same.
        for which in (rules, territory):
            try:
                assert points(board, dead, which) == twin_points(
                    stones, chosen, size, board.captured(), which.territory
                )
            except IllegalMove:
                break
        else:
            area, land = points(board, dead, rules), points(board, dead, territory)
            assert (area[0] - area[1]) - (land[0] - land[1]) == played[BLACK] - played[WHITE]


def test_what_black_must_lead_by_in_area_says_who_wins_by_territory():
    """At the end of any game, without seki: `area_komi` gives the territory result within the half
    point of the last neutral point."""
    rng = random.Random(3)
    for _ in range(10):
        game = Game(6.5, parse({"scoring": "TERRITORY", "tax": "NONE", "ko": "SIMPLE"}))
        for _ in range(rng.randrange(60, 200)):
            game.play(int(rng.choice(np.flatnonzero(game.board.legal()))), game.board.to_play)
        dead = none(game.board)
        assert abs(game.board.score(game.area_komi) - game.margin(dead)) == 0.5
    game.set_rules(TROMP_TAYLOR)
    assert game.board.score(game.area_komi) == game.margin(dead)


def fallen(size: int, stones: dict, point: tuple[int, int], colour: int, most: int) -> bool | None:
    """Whether the chain at a point falls when the opponent moves first and anybody may play
    anywhere: all positions that can come about, and from those in which it has fallen backwards to
    the first. None if there are more than `most`."""
    slow, first = Slow(size), (frozenset(stones.items()), None, True)
    after: dict = {}
    left = [first]
    while left:
        state = left.pop()
        if state in after:
            continue
        if len(after) >= most:
            return None
        now, ko, attacking = dict(state[0]), state[1], state[2]
        after[state] = [] if attacking else [(state[0], None, True)]
        if now.get(point) != colour:
            continue
        for place in [(row, column) for row in range(size) for column in range(size)]:
            slow.stones, slow.ko = now, ko
            result = slow.after(place, 3 - colour if attacking else colour)
            if result:
                after[state].append((frozenset(result[0].items()), result[1], not attacking))
        left += after[state]
    lost = {state for state in after if dict(state[0]).get(point) != colour}
    while True:
        more = {
            state
            for state in after
            if state not in lost
            and (any if state[2] else all)(child in lost for child in after[state])
        }
        if not more:
            return first in lost
        lost |= more


def test_reading_equals_a_search_of_everything(monkeypatch):
    """On boards of nine points all of it can be tried. Nothing is sure and no chain safe there, so
    the fight is the whole board around the chain."""
    monkeypatch.setattr(seki, "ROOM", 99)  # nine points have no room
    rng = random.Random(11)
    compared, held = 0, 0
    while compared < 25:
        board = Board(3)
        for _ in range(rng.randrange(5, 12)):
            board.play(int(rng.choice(np.flatnonzero(board.legal()))))
        stones = {divmod(i, 3): int(c) for i, c in enumerate(board.stones().ravel()) if c}
        if len(stones) < 6:
            continue
        point = rng.choice(sorted(stones))
        heads, flat = board.chain_ids(), board.stones().ravel()
        colour = stones[point]
        chain = [
            i for i in range(9) if flat[i] == colour and heads[i] == heads[point[0] * 3 + point[1]]
        ]
        expected = fallen(3, stones, divmod(chain[0], 3), colour, 2000)
        if expected is None:
            continue
        found = seki.holds(board, chain, np.zeros(9, np.float32), np.zeros(9, np.bool_))
        assert found != expected, (board.stones()[::-1], chain)
        compared, held = compared + 1, held + found
    assert 2 < held < 23


INVADERS = """
    X . X O O . . . . O X . . . X O O . X
    . X X X O O . . O O X . . X X X O O .
    X X X O O X O O O O X O O X X O O O O
    X . X O X . X . O X X X X X X X X O X
    . X O O . X . . O O O X . . . . . X X
    . X X O O . . O X O O X X . . X X X X
    X . X O . O . O X X X . . . X X . X .
    X . X O . O . O O X . . . X X . . . X
    . X O O O O . O X X X . . X X X . X .
    X X X X O . O O X X . . X X X O X X X
    X O . . X O O O X . X X X O O O X O .
    O X X . X X X X X . X O X O . O . X X
    . X . X . . O X . X X O O X X X . X .
    . . . X . . . . X X X O O O X . X X .
    X X . X X . X X O O O O . O X . X . .
    X X X X X O O X X X O O O X X X . X .
    X X . X X X O X . X O X O X . . . . .
    X . . . X . X X X . X X X . X . X X X
    X . X . . . . X . . . . . X . X . X ."""
"""A finished game between two levels. In White's area on the left stand four black stones, E16, F15,
F17 and G16: E16 could be joined with the others, but what those would run to is White's as well."""

SEMEAI = """
    . O O O O O O O .
    O O O O O O O O O
    O O . O O O O O O
    O O O O O O O O O
    O O O . O O O O O
    O O O . O O X O X
    O . O . O X X X X
    O . O O X X . X .
    O O . X X . O O O"""
"""Black has no eye but in the corner, and may not take the three stones there: the last of the
moves that it takes leaves Black's own stones with one liberty, F1, which White fills first."""


def test_stones_do_not_live_by_friends_that_do_not():
    board = board_from(INVADERS)
    inside = [from_gtp(vertex) for vertex in ("E16", "F15", "F17", "G16")]
    owner = np.where(board.stones().ravel() == BLACK, 0.98, -0.98).astype(np.float32)
    owner[inside] = -0.98
    assert dead_stones(board, owner)[inside].all()


def test_a_semeai_that_neither_side_can_begin_is_a_seki():
    board = board_from(SEMEAI)
    corner = [from_gtp(vertex, 9) for vertex in ("G1", "H1", "J1")]
    owner = np.where(board.stones().ravel() == BLACK, 0.9, -0.98).astype(np.float32)
    owner[corner] = 0.4  # as playouts have it, which fill F1
    assert not dead_stones(board, owner).any()


# --- suicide and repetition, as the rule sets have them
# ------------------------------------------------------------------------------------


def test_suicide_of_several_stones():
    """Black fills its own last liberty: under New Zealand's and Tromp and Taylor's rules the stones
    go, under the others the move is illegal."""
    for rules in RULES.values():
        game = Game(0.0, rules)
        for vertex, colour in (
            ("A3", WHITE),
            ("A2", BLACK),
            ("B2", WHITE),
            ("B1", BLACK),
            ("C1", WHITE),
        ):
            game.play(from_gtp(vertex), colour)
        index = from_gtp("A1")
        assert bool(game.board.legal(BLACK)[index]) == rules.suicide
        assert not game.board.legal(BLACK, suicide=False)[index]
        if not rules.suicide:
            with pytest.raises(IllegalMove, match="suicide"):
                game.play(index, BLACK)
            continue
        game.play(index, BLACK)
        assert game.board.captured() == (0, 3)
        assert {to_gtp(int(i)) for i in np.flatnonzero(game.board.stones())} == {"A3", "B2", "C1"}
        assert game.undo()
        assert game.board.captured() == (0, 0)
        assert game.board.stones().ravel()[from_gtp("B1")] == BLACK
        game.set_up([], [from_gtp("A2"), from_gtp("B1")], BLACK)
        with pytest.raises(IllegalMove, match="suicide"):
            game.play(index, BLACK)  # alone


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("situational", "suicide"), [(True, False), (True, True), (False, True)])
def test_repetition_and_suicide_against_a_list_of_everything_that_was(size, situational, suicide):
    rng = random.Random(size)
    for _ in range(6):
        board = Board(size, True, situational, suicide=suicide)
        past = [(board.stones().tobytes(), WHITE)]
        for _ in range(80):
            colour = board.to_play if rng.random() < 0.8 else 3 - board.to_play
            legal = board.legal(colour)
            for index in range(size * size):
                trial = board.copy()
                trial.superko = False
                try:
                    trial.play(index, colour)
                except IllegalMove:
                    assert not legal[index]
                    continue
                before = [stones for stones, mover in past if mover == colour or not situational]
                assert legal[index] == (trial.stones().tobytes() not in before)
            move = int(rng.choice(np.flatnonzero(legal)))
            board.play(move, colour)
            past.append((board.stones().tobytes(), colour))


def test_groups_of_the_empty_board_are_none():
    assert groups(Board(19)) == []
    for rules in RULES.values():
        assert margin(Board(19), np.zeros(361, np.bool_), rules, 7.5) == -7.5
    assert Game().margin(np.zeros(361, np.bool_)) == -6.5
    assert not Game().undo()
    assert PASS == 361
