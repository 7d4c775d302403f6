"""The queries of KataGo's analysis engine, declared: each field with its type and range, and what
is said of one that does not fit.

Source: https://github.com/lightvector/KataGo/blob/master/docs/Analysis_Engine.md
"""

import json
import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from gocnn.messages import BadMessage, read

MOST_MOVES_OF_A_GAME = 5000
"""Longer lists of moves are refused: no game has them, and each would be played for every turn that
is asked for."""

Priority = Annotated[int, Meta(ge=-(2**62), le=2**62)]
Seconds = Annotated[float, Meta(ge=0.001, le=1e6)]
Visits = Annotated[int, Meta(ge=1, le=2**50)]
Pairs = Annotated[list[tuple[str, str]], Meta(max_length=MOST_MOVES_OF_A_GAME)]
Turns = Annotated[list[Annotated[int, Meta(ge=0)]], Meta(max_length=MOST_MOVES_OF_A_GAME)]


class BadQuery(BadMessage):
    """A query that cannot be answered: the field, and why."""


class Restriction(Struct, rename="camel"):
    """Moves that a player may not choose (or the only ones it may) before a ply of the search."""

    player: str
    moves: list[str]
    until_depth: Annotated[int, Meta(ge=1, le=10**9)]


class Settings(Struct, rename="camel"):
    """`overrideSettings`: of KataGo's parameters, those that mean something here."""

    report_analysis_winrates_as: str = "BLACK"
    max_time: Annotated[float, Meta(ge=0.0, le=1e20)] = 1e20
    max_visits: Visits | None = None
    max_playouts: Visits | None = None
    wide_root_noise: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.0
    root_policy_temperature: Annotated[float, Meta(ge=0.01, le=100.0)] | None = None
    root_fpu_reduction_max: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None
    root_num_symmetries_to_sample: Annotated[int, Meta(ge=1, le=8)] | None = None
    analysis_pv_len: Annotated[int, Meta(ge=1, le=1000)] | None = msgspec.field(
        default=None, name="analysisPVLen"
    )


WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "ignorePreRootHistory": (False,),
    "antiMirror": (False,),
    "playoutDoublingAdvantage": (0,),
    "conservativePass": (True, False),
    "humanSLProfile": ("",),
    "rootSymmetryPruning": (False,),
    "useGraphSearch": (False,),
}
"""Settings whose given values ask for what happens anyway."""


class Query(Struct, rename="camel"):
    """A game, and which of its positions are to be analysed how."""

    id: str
    moves: Pairs
    initial_stones: Pairs = []
    initial_player: str | None = None
    rules: str | dict[str, Any] | None = None
    komi: Annotated[float, Meta(ge=-150.0, le=150.0)] | None = None
    white_handicap_bonus: Literal["0", "N-1", "N", 0] | None = None
    board_x_size: int = msgspec.field(default=19, name="boardXSize")
    board_y_size: int = msgspec.field(default=19, name="boardYSize")
    analyze_turns: Turns | None = None
    max_visits: Visits | None = None
    analysis_pv_len: Annotated[int, Meta(ge=1, le=1000)] | None = msgspec.field(
        default=None, name="analysisPVLen"
    )
    root_policy_temperature: Annotated[float, Meta(ge=0.01, le=100.0)] | None = None
    root_fpu_reduction_max: Annotated[float, Meta(ge=0.0, le=2.0)] | None = None
    include_policy: bool = False
    include_ownership: bool = False
    include_ownership_stdev: bool = False
    include_moves_ownership: bool = False
    include_moves_ownership_stdev: bool = False
    include_pv_visits: bool = msgspec.field(default=False, name="includePVVisits")
    include_no_result_value: bool = False
    avoid_moves: list[Restriction] = []
    allow_moves: list[Restriction] = []
    override_settings: dict[str, Any] = {}
    report_during_search_every: Seconds | None = None
    first_report_during_search_after: Seconds | None = None
    priority: Priority | None = None
    priorities: Annotated[list[Priority], Meta(max_length=MOST_MOVES_OF_A_GAME)] | None = None


class Action(Struct, rename="camel"):
    """A query that asks for something else than an analysis."""

    id: str
    action: Literal["query_version", "query_models", "clear_cache", "terminate", "terminate_all"]
    terminate_id: str | None = None
    turn_numbers: list[int] | None = None


def parse(line: bytes) -> dict[str, Any]:
    """The object that a line of input is, with an `id`. Raises BadQuery (with no field) if it is
    none."""
    try:
        found = json.loads(line.removeprefix(b"\xef\xbb\xbf").decode("utf-8"), parse_int=_whole)
    except UnicodeDecodeError:
        raise BadQuery("", "could not parse the query: it is not UTF-8") from None
    except (ValueError, RecursionError):
        raise BadQuery(
            "", "could not parse the query: every line must be one JSON object"
        ) from None
    if not isinstance(found, dict):
        raise BadQuery("", "a query must be a JSON object")
    if not isinstance(found.get("id"), str):
        raise BadQuery("", "a query must have an id that is a string")
    return found


def _whole(digits: str) -> int | float:
    """A whole number; one too long for Python is as good as infinite."""
    return int(digits) if len(digits) < 400 else math.inf


def settings(values: dict[str, Any]) -> tuple[Settings, list[str]]:
    """`overrideSettings`, and those of them that have no effect here. Raises BadQuery. As in
    KataGo's own settings, numbers may be texts."""
    found = read(values, Settings, "overrideSettings", strict=False)
    found.report_analysis_winrates_as = found.report_analysis_winrates_as.upper()
    if found.report_analysis_winrates_as not in ("BLACK", "WHITE", "SIDETOMOVE"):
        raise BadQuery(
            "overrideSettings", "reportAnalysisWinratesAs: it is BLACK, WHITE or SIDETOMOVE"
        )
    known = {one.encode_name for one in msgspec.structs.fields(Settings)}
    idle = [
        key
        for key, value in values.items()
        if key not in known and _text(value) not in map(_text, WITHOUT_EFFECT.get(key, ()))
    ]
    return found, [key[:60] for key in idle]


def _text(value: Any) -> str:
    """A setting as KataGo compares it."""
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        value = int(value)
    return str(value).lower()
