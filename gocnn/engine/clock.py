"""Clocks: how long a move may take. GTP version 2, section 4.2 (`time_settings`, `time_left`), and
KGS's `kgs-time_settings`."""

import math
from dataclasses import dataclass, field

from gocnn.board import BLACK, WHITE

LAG = 0.3
"""Seconds of each move that are not thought about: what lies between the engine and the clock, and
what a move takes besides the search."""

SHARE = 0.9
"""Of the time for a move, what is used."""

LENGTH, LEAST_LEFT = 260, 20
"""Plies of a game as they are planned for, and the fewest own moves that main time must still last
for."""

SYSTEMS = {"none": 0, "absolute": 1, "byoyomi": 3, "canadian": 3}
"""KGS's names of time systems, with how many numbers follow: main time; then a period and how many
of them, or for how many stones it lasts."""

KATA_SYSTEMS = SYSTEMS | {"fischer": 2, "fischer-capped": 4}
"""KataGo's: fischer's period is added to the clock after each move; capped: then the most that the
clock may show, and the most for one move (-1: no such limit)."""


class BadClock(ValueError):
    """No time settings, or a time that no clock shows."""


@dataclass
class Clock:
    """The clocks of both sides, in seconds. `system`: of `KATA_SYSTEMS`; `count`: periods of
    `byoyomi`, or stones that a period of `canadian` is for; `full`, `longest`: what a capped clock
    shows at most, and what a move may take at most."""

    system: str = "none"
    main: float = 0.0
    period: float = 0.0
    count: int = 0
    full: float = math.inf
    longest: float = math.inf
    _left: dict[int, tuple[float, int]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not (0 <= self.main < math.inf and 0 <= self.period < math.inf and self.count >= 0):
            raise BadClock("times are numbers of seconds")
        if self.system in ("byoyomi", "canadian") and not (self.period and self.count):
            self.system = "absolute"
        self.restart()

    @classmethod
    def gtp(cls, arguments: list[str]) -> "Clock":
        """A clock as GTP's `time_settings MAIN BYO_YOMI STONES` sets it, in seconds: main time,
        then Canadian overtime. Without a period only main time counts; a period for no stones means
        no limit. Raises BadClock."""
        if len(arguments) != 3:
            raise BadClock("three numbers are expected")
        main, period, count = _seconds(arguments[0]), _seconds(arguments[1]), _count(arguments[2])
        return cls("none" if period and not count else "canadian", main, period, count)

    @classmethod
    def kgs(cls, arguments: list[str]) -> "Clock":
        """A clock as the arguments of `kgs-time_settings SYSTEM ...` set it, in seconds; those of
        `time_settings` are understood too. Raises BadClock."""
        if not arguments or arguments[0].lower() not in SYSTEMS:
            return cls.gtp(arguments)
        system, *numbers = arguments[0].lower(), *arguments[1:]
        if len(numbers) != SYSTEMS[system]:
            raise BadClock(f"{system} takes {SYSTEMS[system]} numbers")
        return cls(
            system,
            *(_seconds(text) for text in numbers[:2]),  # type: ignore[arg-type]
            *(_count(text) for text in numbers[2:]),
        )

    @classmethod
    def kata(cls, arguments: list[str]) -> "Clock":
        """A clock as the arguments of `kata-time_settings SYSTEM ...` set it, in seconds. Raises
        BadClock."""
        system = arguments[0].lower().replace("byo-yomi", "byoyomi") if arguments else ""
        if system not in KATA_SYSTEMS:
            raise BadClock(f"choose {', '.join(KATA_SYSTEMS)}")
        if system in SYSTEMS:
            return cls.kgs([system, *arguments[1:]])
        if len(arguments) - 1 != KATA_SYSTEMS[system]:
            raise BadClock(f"{system} takes {KATA_SYSTEMS[system]} numbers")
        main, period = _seconds(arguments[1]), _seconds(arguments[2])
        full, longest = (
            (_limit(text) for text in arguments[3:]) if len(arguments) > 3 else (math.inf, math.inf)
        )
        if full < main:
            raise BadClock("the most that the clock may show is less than main time")
        return cls("fischer", main, period, 0, full, longest)

    def restart(self) -> None:
        """A new game with the same settings."""
        self._left = dict.fromkeys((BLACK, WHITE), (self.main, 0))

    def tell(self, colour: int, arguments: list[str]) -> None:
        """What `time_left` says of a side, TIME STONES: main time with 0 stones, else overtime,
        with the stones (or KGS's periods) that are left. Raises BadClock."""
        if len(arguments) != 2:
            raise BadClock("two numbers are expected")
        self._left[colour] = (_seconds(arguments[0], signed=True), _count(arguments[1]))

    def spend(self, colour: int, seconds: float) -> None:
        """A side has thought so long: counted here in case nobody tells."""
        left, stones = self._left[colour]
        left = max(left - seconds, 0.0) if not stones else left
        self._left[colour] = (
            min(left + self.period, self.full) if self.system == "fischer" else left,
            stones,
        )

    def allowance(self, colour: int, ply: int) -> float | None:
        """How long a side may think at its next move, the `ply`-th of the game; None: as long as it
        likes."""
        if self.system == "none":
            return None
        left, stones = self._left[colour]
        if stones and left > self.period:  # more than overtime has: some programs tell main time so
            left, stones = left - self.period, 0
        one = self.period / self.count if self.system == "canadian" else self.period
        if stones:
            share = left / stones if self.system == "canadian" else left
        else:  # main time spread over what is left of the game, and overtime after it
            share = left / max((LENGTH - ply) / 2, LEAST_LEFT) + (
                one if self.system != "absolute" else 0.0
            )
        if self.system == "fischer":  # what a move brings comes after it
            share = min(share, left, self.longest)
        return max(share * SHARE - LAG, 0.0)


def _seconds(text: str, signed: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        raise BadClock("times are numbers of seconds") from None
    if not math.isfinite(value) or (value < 0 and not signed):
        raise BadClock("times are numbers of seconds")
    return max(value, 0.0)


def _limit(text: str) -> float:
    """A time, or no limit if it is negative."""
    return math.inf if text.startswith("-") and _seconds(text, signed=True) == 0 else _seconds(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise BadClock("stones and periods are whole numbers")
    return int(text)
