"""Clocks: what a move may take, and a search that keeps to it."""

from typing import Any

import numpy as np
import pytest

from gocnn.board import BLACK, PASS, WHITE, Board
from gocnn.engine import mcts, player
from gocnn.engine.clock import LAG, LEAST_LEFT, BadClock, Clock
from gocnn.engine.game import Game
from gocnn.engine.mcts import Search
from gocnn.engine.ownership import sensible_moves
from gocnn.engine.player import Decision, Player
from gocnn.engine.rulesets import RULES
from gocnn.gtp import commands
from gocnn.gtp.commands import Engine
from gocnn.policy.predictions import PolicyPredictions
from tests.conversation import talk
from tests.searches import Judge


def simulate(clock: Clock, moves: int) -> None:
    """A clock of a server beside the engine that uses its allowance whole: it must never run
    out."""
    main, left, count = clock.main, clock.period, clock.count
    for move in range(moves):
        clock.tell(BLACK, [str(main), "0"] if main > 0 else [str(left), str(count)])
        spent = clock.allowance(BLACK, 2 * move)
        assert spent is not None
        assert spent >= 0
        spent += LAG / 2  # what else a move takes
        main, over = max(main - spent, 0.0), max(spent - main, 0.0)
        if main > 0 or clock.system == "absolute":
            assert main > 0 or spent <= LAG
            continue
        if clock.system == "byoyomi":
            assert over <= clock.period, (move, over)
        else:
            left, count = left - over, count - 1
            assert left >= 0, (move, left, count)
            if not count:
                left, count = clock.period, clock.count


@pytest.mark.parametrize(
    "text",
    [
        "absolute 600",
        "absolute 3600",
        "byoyomi 60 5 3",
        "byoyomi 0 10 1",
        "byoyomi 1800 30 5",
        "canadian 60 60 10",
        "canadian 0 300 25",
        "canadian 1200 30 1",
    ],
)
def test_time_never_runs_out(text: str) -> None:
    simulate(Clock.kgs(text.split()), 200)


def test_time_is_used() -> None:
    """Half of main time at least in a game of ordinary length, and most of each period."""
    clock = Clock.kgs(["absolute", "600"])
    for move in range(120):
        clock.spend(WHITE, clock.allowance(WHITE, 2 * move) or 0.0)
    assert 10 < clock._left[WHITE][0] < 300
    clock = Clock.kgs(["byoyomi", "0", "30", "5"])
    assert 25 < (clock.allowance(BLACK, 100) or 0) < 30
    clock.tell(BLACK, ["30", "5"])
    assert 25 < (clock.allowance(BLACK, 100) or 0) < 30
    clock = Clock.gtp(["0", "300", "25"])
    clock.tell(BLACK, ["60", "3"])
    assert 15 < (clock.allowance(BLACK, 100) or 0) < 20
    assert 10 < (clock.allowance(WHITE, 100) or 0) < 12


@pytest.mark.parametrize("overtime", ["canadian 1780 20 1", "byoyomi 1780 20 3", "absolute 1780"])
def test_main_time_that_is_told_as_overtime_is_none(overtime: str) -> None:
    """gtp2ogs told Fischer's clock so: nobody has half an hour for the one stone of a period."""
    told, main = Clock.kgs(overtime.split()), Clock.kgs(overtime.split())
    told.tell(BLACK, ["1820", "1"])
    main.tell(BLACK, [str(1820 - told.period), "0"])
    assert told.allowance(BLACK, 40) == main.allowance(BLACK, 40)
    assert 10 < (told.allowance(BLACK, 40) or 0) < 40


def test_settings() -> None:
    assert Clock().allowance(BLACK, 0) is None
    # GTP: overtime without stones is no time limit
    assert Clock.gtp(["600", "30", "0"]).allowance(BLACK, 0) is None
    assert Clock.kgs(["none"]).allowance(BLACK, 0) is None
    assert (
        Clock.gtp(["600", "0", "0"]) == Clock.kgs(["absolute", "600"]) == Clock("absolute", 600.0)
    )
    assert (
        Clock.kgs(["canadian", "600", "30", "5"])
        == Clock.gtp(["600", "30", "5"])
        == Clock.kgs(["600", "30", "5"])
    )
    assert Clock.gtp(["0", "0", "0"]).allowance(BLACK, 0) == 0.0
    late = Clock.gtp(["600", "0", "0"]).allowance(BLACK, 1000)
    assert late == pytest.approx(600 / LEAST_LEFT * 0.9 - LAG)
    for wrong in (
        [],
        ["600"],
        ["byoyomi"],
        ["byoyomi", "600", "30"],
        ["absolute", "600", "3"],
        ["fischer", "600", "3"],
        ["nan", "0", "0"],
        ["inf", "0", "0"],
        ["-1", "0", "0"],
        ["canadian", "600", "30", "2.5"],
        ["1", "2", "9" * 40],
    ):
        with pytest.raises(BadClock):
            Clock.kgs(wrong)


class Stopwatch:
    """A time that goes on as it is told to."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Timed(Judge):
    """A network that takes so long for a batch."""

    def __init__(self, watch: Stopwatch, each: float, call: float) -> None:
        super().__init__(lambda own, other: 0.5)
        self.watch, self.each, self.call, self.calls, self.slower = watch, each, call, 0, 1.0

    def takes(self, count: int) -> float:
        return self.slower * (self.call + self.each * count)

    def outputs(self, batch: np.ndarray) -> PolicyPredictions:
        self.calls += 1
        self.watch.now += self.takes(len(batch))
        return super().outputs(batch)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Stopwatch:
    watch = Stopwatch()
    for module in (player, mcts):
        monkeypatch.setattr(module, "time", watch)
    return watch


SPEEDS = [(0.01, 0.0), (0.001, 0.01), (0.0, 0.02), (0.002, 0.001), (0.08, 0.02)]
"""Seconds a position, and a batch: one core, accelerators, the network that ships, a large one."""


@pytest.mark.parametrize(("each", "call"), SPEEDS)
def test_a_search_keeps_to_the_clock(watch: Stopwatch, each: float, call: float) -> None:
    """It is over a single evaluation after the deadline at most, even if that one takes twice as
    long, and uses the time it has."""
    judge, board = Timed(watch, each, call), Board()
    for allowed in (0.1, 0.5, 1.0):
        look = Search(judge, board, 6.5, sensible_moves(board, BLACK))
        begun, calls = watch.now, judge.calls
        look.run(100_000, begun + allowed)
        assert allowed <= watch.now - begun < allowed + judge.takes(1)
        assert look.count >= judge.calls - calls
        if allowed > 50 * each and look.count > 50:
            assert look.count > 1.5 * (judge.calls - calls), (
                "several at a time, as far as there is time"
            )
    deadline = watch.now + 0.5
    look.run(100_000, watch.now + 0.3)
    judge.slower = 2.0
    look.run(100_000, deadline)
    assert deadline <= watch.now < deadline + judge.takes(1)
    count = look.count
    look.run(10)
    assert look.count == count + 10
    look.run(10, watch.now)
    assert look.count == count + 10


@pytest.mark.parametrize(("each", "call"), SPEEDS)
def test_an_analysis_can_be_stopped_soon(watch: Stopwatch, each: float, call: float) -> None:
    judge, board = Timed(watch, each, call), Board()
    look = Search(judge, board, 6.5, sensible_moves(board, BLACK))
    look.run(400)
    for _ in range(5):
        before, count = watch.now, look.count
        look.look()
        assert watch.now - before <= mcts.PATIENCE + judge.takes(1)
        assert look.count > count
    assert look.count - count <= mcts.MOST_AT_ONCE


def test_an_analysis_does_not_depend_on_the_time(watch: Stopwatch) -> None:
    """Slices of it, short or long beside what an evaluation takes, end the same; so does one that
    the machine holds up now and then."""
    found = []
    for each, visits, pause in ((1e-4, 100, 1), (0.005, 100, 1), (0.012, 7, 1), (0.005, 100, 500)):
        judge, board = Timed(watch, each, 0.0), Board()
        look = Search(judge, board, 6.5, sensible_moves(board, BLACK))
        while look.count < 100:
            aim = min(look.count + visits, 100)
            while look.count < aim:
                judge.slower = pause if judge.calls % 4 == 3 else 1
                look.look(100 - look.count)
        found.append(look.visits.tolist())
    assert all(visits == found[0] for visits in found)


def test_a_player_keeps_to_the_clock(watch: Stopwatch) -> None:
    judge = Timed(watch, 0.01, 0.0)
    thinker, game = Player(judge, visits=10**9), Game()
    begun = watch.now
    assert 0 <= thinker.decide(game, BLACK, seconds=0.3).index < 361
    assert thinker._search is not None
    assert 25 <= thinker._search.count <= 30
    assert watch.now < begun + 0.3 + judge.takes(2)
    thinker.new_game()
    assert 0 <= thinker.decide(game, BLACK, seconds=0.0).index < 361
    assert thinker._search.count == 0


def test_looking_again_takes_no_time_of_its_own(
    watch: Stopwatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where dead stones must be taken, a pass is thought about once more: in what is left of the
    move's time."""
    monkeypatch.setattr(commands, "time", watch)
    asked: list[float | None] = []

    class Passing(Player):
        def decide(self, *args: Any, seconds: float | None = None, **options: Any) -> Decision:
            asked.append(seconds)
            watch.now += 3.0
            return Decision(PASS, np.zeros(362, np.float32))

    engine = Engine(Passing(Judge(lambda own, other: 0.5)))
    engine.game.set_rules(RULES["tromp-taylor"])
    for most, expected in ((10.0, [10.0, 7.0]), (2.0, [2.0, 0.0]), (None, [None, None])):
        engine.most_seconds = most
        assert engine.cmd_genmove(["b"]) == "pass"
        assert asked == expected
        asked.clear()
    assert engine.thought == 18.0


def test_the_engine_on_a_clock(evaluator) -> None:
    """With visits that would take a day, it answers; and what a server tells of the clock is
    heeded."""
    answers = talk(
        evaluator,
        "time_settings 0 1 1",
        "genmove b",
        "kgs-time_settings byoyomi 0 1 5",
        "time_left w 1 5",
        "genmove w",
        visits=10**8,
    )
    assert answers[0] == answers[2] == answers[3] == ""
    assert {answers[1][0], answers[4][0]} <= set("ABCDEFGHJKLMNOPQRST")
    assert talk(
        evaluator,
        "time_settings 600 30 5",
        "time_settings 600",
        "time_settings a b c",
        "time_left b 12 0",
        "time_left x 1 1",
        "time_left",
        "time_left b -1 0",
        "time_left b 1 x",
        "kgs-time_settings none",
        "kgs-time_settings absolute 60",
        "kgs-time_settings absolute",
        "kgs-time_settings canadian 1 2 3",
    ) == [
        "",
        "?syntax error: time_settings MAIN BYO_YOMI STONES: three numbers are expected",
        "?syntax error: time_settings MAIN BYO_YOMI STONES: times are numbers of seconds",
        "",
        "?invalid color",
        "?syntax error: time_left COLOR TIME STONES",
        "",
        "?syntax error: time_left COLOR TIME STONES: stones and periods are whole numbers",
        "",
        "",
        (
            "?syntax error: kgs-time_settings none|absolute|byoyomi|canadian [MAIN [PERIOD COUNT]]:"
            " absolute takes 1 numbers"
        ),
        "",
    ]
    engine = Engine(Player(evaluator))
    engine.cmd_time_settings(["100", "0", "0"])
    engine.cmd_time_left(["b", "1", "0"])
    assert (engine.clock.allowance(BLACK, 0) or 0) < (engine.clock.allowance(WHITE, 0) or 0)
    engine.cmd_clear_board([])
    assert engine.clock.allowance(BLACK, 0) == engine.clock.allowance(WHITE, 0)


def test_fischer_never_runs_out_and_keeps_its_caps() -> None:
    """Each move's time is taken from the clock before the increment comes."""
    for text in (
        "fischer 60 5",
        "fischer 0 10",
        "fischer-capped 600 10 900 20",
        "fischer-capped 600 10 -1 -1",
        "fischer 0.5 0.5",
    ):
        clock = Clock.kata(text.split())
        left = clock.main
        for move in range(200):
            allowed = clock.allowance(BLACK, 2 * move)
            assert allowed is not None
            assert 0 <= allowed <= left
            if text.endswith("20"):
                assert allowed <= 20
            left = min(left - allowed + clock.period, 900 if "900" in text else 10**9)
            clock.spend(BLACK, allowed)
            assert clock._left[BLACK][0] == pytest.approx(left)
    assert Clock.kata(["byo-yomi", "600", "30", "5"]) == Clock.kgs(["byoyomi", "600", "30", "5"])
    assert Clock.kata(["canadian", "600.5", "30.25", "5"]).period == 30.25
    assert Clock.kata(["none"]).allowance(BLACK, 0) is None
    assert Clock.kata(["absolute", "2147483647"]).main == 2147483647


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fischer",
        "fischer 60",
        "fischer 60 5 3",
        "fischer -1 5",
        "fischer 60 nan",
        "fischer 60 inf",
        "fischer-capped 600 10 300 -1",
        "fischer-capped 600 10 x 1",
        "hourglass 60",
        "600 30 5",
        "byoyomi 600 30",
    ],
)
def test_kata_settings_that_no_clock_has(text: str) -> None:
    with pytest.raises(BadClock):
        Clock.kata(text.split())
