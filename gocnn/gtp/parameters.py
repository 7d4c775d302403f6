"""KataGo's parameters, as far as this engine has them, its time settings beyond KGS's, and other
odds and ends of its protocol
(https://github.com/lightvector/KataGo/blob/master/docs/GTP_Extensions.md)."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gocnn.engine.clock import KATA_SYSTEMS, Clock
from gocnn.engine.limits import MOST_VISITS
from gocnn.gtp.commands import Engine, one
from gocnn.gtp.gnugo import level_of
from gocnn.gtp.protocol import GtpError

LEVEL = "gocnnLevel"
"""The parameter of this engine's own: a level of `gocnn.engine.levels`, or `none`."""

FIXED: dict[str, Any] = {
    "analysisIgnorePreRootHistory": False,
    "analysisWideRootNoise": 0.0,
    "antiMirror": False,
    "genmoveAntiMirror": False,
    "humanSLProfile": "",
    "numSearchThreads": 1,
    "playoutDoublingAdvantage": 0.0,
    "ponderingEnabled": False,
    "rootPolicyTemperature": 1.0,
}
"""Parameters that programs set, and the one value that each has here."""


@dataclass(frozen=True)
class Parameter:
    """How one is read and set; `change` gets a number. least, most: the range; whole: whether only
    whole numbers will do."""

    value: Callable[[], Any]
    change: Callable[[float], None]
    least: float = 0.0
    most: float = math.inf
    whole: bool = False


def install(engine: Engine) -> None:
    """Add the commands."""
    player = engine.player

    def set_visits(number: float) -> None:
        player.visits = int(min(number, MOST_VISITS)) if player.evaluator.has_value_head else 0

    def set_seconds(number: float) -> None:
        engine.most_seconds = number

    def set_temperature(number: float) -> None:
        player.temperature = number

    def allow_resignation(number: float) -> None:
        player.never_resigns = not number
        player.resign = player.resign or 0.05

    changeable = {
        "maxVisits": Parameter(lambda: player.visits, set_visits, whole=True),
        "maxPlayouts": Parameter(lambda: player.visits, set_visits, whole=True),
        "maxTime": Parameter(
            lambda: 1e20 if engine.most_seconds is None else engine.most_seconds, set_seconds
        ),
        "chosenMoveTemperature": Parameter(lambda: player.temperature, set_temperature, most=10),
        "allowResignation": Parameter(
            lambda: player.resigns_below > 0, allow_resignation, most=1, whole=True
        ),
    }

    def set_level(text: str) -> Callable[[], None]:
        level = level_of(text)
        return lambda: setattr(player, "level", level)

    def value_of(name: str) -> Any:
        if name == LEVEL:
            return player.level.name if player.level else "none"
        if name in changeable:
            return changeable[name].value()
        if name in FIXED:
            return FIXED[name]
        raise GtpError(f"invalid parameter: {name[:60]}")

    def checked(name: str, value: Any) -> Callable[[], None]:
        """What sets the parameter, once all are known to be right. Raises GtpError."""
        number = _number(value)
        if name == LEVEL:
            return set_level(str(value))
        if name in changeable:
            parameter = changeable[name]
            if (
                number is None
                or not parameter.least <= number <= parameter.most
                or (parameter.whole and number != int(number))
            ):
                raise GtpError(f"could not set params: {name} cannot be {str(value)[:40]}")
            return lambda: parameter.change(number)
        fixed = value_of(name)
        same = (
            str(value) == fixed
            if isinstance(fixed, str)
            else number is not None and number == float(fixed)
        )
        if not same:
            raise GtpError(
                f"could not set params: {name} is always {json.dumps(fixed)} in this engine"
            )
        return lambda: None

    def get_parameter(arguments: list[str]) -> str:
        value = value_of(one(arguments))
        return value if isinstance(value, str) else json.dumps(value)

    def set_parameter(arguments: list[str]) -> str:
        if not 1 <= len(arguments) <= 2:
            raise GtpError("syntax error: kata-set-param NAME VALUE")
        checked(arguments[0], arguments[1] if len(arguments) == 2 else "")()
        return ""

    def set_parameters(arguments: list[str]) -> str:
        try:
            wished = json.loads(" ".join(arguments))
        except (ValueError, RecursionError):
            wished = None
        if not isinstance(wished, dict):
            raise GtpError("could not set params: a JSON object of names and values is expected")
        for change in [checked(name, value) for name, value in wished.items()]:
            change()
        return ""

    def models(arguments: list[str]) -> str:
        return json.dumps(
            [
                {
                    "name": player.evaluator.name,
                    "internalName": player.evaluator.name,
                    "maxBatchSize": 64,
                    "usesHumanSLProfile": False,
                    "version": 0,
                    "usingFP16": "false",
                }
            ]
        )

    def time_settings(arguments: list[str]) -> str:
        return engine.set_clock(
            Clock.kata, arguments, f"kata-time_settings {'|'.join(KATA_SYSTEMS)} [NUMBERS]"
        )

    def clear_cache(arguments: list[str]) -> str:
        player.new_game()
        return ""

    everything = sorted([*changeable, *FIXED, LEVEL])
    engine.commands.update(
        {
            "kata-get-param": get_parameter,
            "kata-set-param": set_parameter,
            "kata-set-params": set_parameters,
            "kata-list-params": lambda arguments: " ".join(everything),
            "kata-get-params": lambda arguments: json.dumps(
                {name: value_of(name) for name in everything}
            ),
            "kata-get-models": models,
            "kata-time_settings": time_settings,
            "kata-list_time_settings": lambda arguments: " ".join(KATA_SYSTEMS),
            "clear_cache": clear_cache,
            "stop": lambda arguments: "",
            "cputime": lambda arguments: f"{engine.thought:.3f}",
            "gomill-cpu_time": lambda arguments: f"{engine.thought:.3f}",
        }
    )


def _number(value: Any) -> float | None:
    """The number, or 0 or 1 for false and true, that a value stands for."""
    if isinstance(value, bool):
        return float(value)
    text = str(value).strip().lower()
    if text in ("true", "false"):
        return float(text == "true")
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
