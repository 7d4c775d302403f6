"""Leela Zero's commands beside its analysis: options, heat map
(https://github.com/leela-zero/leela-zero, src/GTP.cpp), and KGS's end of a game."""

import math

import numpy as np

from gocnn.board import BLACK, symmetry
from gocnn.board.coords import PASS
from gocnn.engine.forecast import win_of
from gocnn.engine.limits import MOST_VISITS
from gocnn.gtp.analyze import from_the_top
from gocnn.gtp.commands import Engine, whole_number
from gocnn.gtp.protocol import GtpError
from gocnn.policy.predictions import mean_owner
from gocnn.policy.suggestion import Evaluation, log_softmax, mean_over_symmetries


def install(engine: Engine) -> None:
    """Add the commands."""
    player = engine.player

    def set_option(arguments: list[str]) -> str:
        """`lz-setoption name NAME value VALUE`; without arguments, what can be set."""
        if not arguments:
            resign = round(100 * player.resigns_below) if player.resigns_below else -1
            return (
                f"option name Visits type spin default {player.visits} min 0 max {MOST_VISITS}\n"
                f"option name Resign Percentage type spin default {resign} min -1 max 50\n"
                "option name Pondering type check default false"
            )
        text = " ".join(arguments)
        name, _, value = text.removeprefix("name ").partition(" value ")
        if not text.startswith("name ") or not value:
            raise GtpError("syntax error: lz-setoption name NAME value VALUE")
        name = name.strip().lower()
        if name in ("visits", "playouts"):
            number = whole_number(value)
            if number < 0:
                raise GtpError(f"{name} are a number from 0 on")
            player.visits = (
                min(number or MOST_VISITS, MOST_VISITS) if player.evaluator.has_value_head else 0
            )
        elif name == "resign percentage":
            percent = whole_number(value)
            if not -1 <= percent <= 50:
                raise GtpError(
                    "the resign percentage is a number from -1 (this engine's own: never) to 50"
                )
            player.resign, player.never_resigns = max(percent, 0) / 100, percent <= 0
        elif name == "pondering" and value.strip().lower() == "false":
            pass
        else:
            raise GtpError(f"option not supported: {name} {value[:40]}")
        return ""

    def heat_map(arguments: list[str]) -> str:
        """The network's policy in thousandths, 19 rows of 19, row 19 first; then the pass, and the
        probability that the side to move wins."""
        text = arguments[0].lower() if arguments else "0"
        if len(arguments) > 1 or text not in (
            "average",
            "all",
            *map(str, range(symmetry.SYMMETRIES)),
        ):
            raise GtpError("syntax error: heatmap [0 to 7, average or all]")
        everything = tuple(range(symmetry.SYMMETRIES))
        wished = (
            [everything]
            if text == "average"
            else [(turn,) for turn in everything]
            if text == "all"
            else [(int(text),)]
        )
        return "\n" + "\n".join(_map(engine, turns) for turns in wished)

    def game_over(arguments: list[str]) -> str:
        player.new_game()
        return ""

    engine.commands.update(
        {"lz-setoption": set_option, "heatmap": heat_map, "kgs-game_over": game_over}
    )


def _map(engine: Engine, turns: tuple[int, ...]) -> str:
    game, evaluator = engine.game, engine.player.evaluator
    board = game.board
    said = engine.player.outputs(game, board, turns)
    logged = mean_over_symmetries(said.logits[:, None], turns)[0]
    p = np.exp(log_softmax(np.where(board.legal(), logged, -np.inf).astype(np.float32)))
    win = float(np.mean(said.win)) if evaluator.has_value_head else math.nan
    if evaluator.scores:
        found = Evaluation(
            p,
            win,
            mean_owner(said.owner, turns),
            float(np.mean(said.lead)),
            float(np.mean(said.spread)),
        )
        win = win_of(found, board.to_play, game.area_komi)
    if not evaluator.has_value_head:
        black = engine.player.estimate(game).black_winrate
        win = black if board.to_play == BLACK else 1 - black
    rows = [" ".join(f"{round(1000 * float(v)):3d}" for v in row) for row in from_the_top(p[:PASS])]
    return "\n".join([*rows, f"pass: {round(1000 * float(p[PASS]))}", f"winrate: {win:.6f}"])
