"""KataGo's commands about rules and the bare network
(https://github.com/lightvector/KataGo/blob/master/docs/GTP_Extensions.md)."""

import json
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gocnn.board import symmetry
from gocnn.board.coords import PASS, WHITE
from gocnn.engine.forecast import estimate_of
from gocnn.engine.game import with_side_to_play
from gocnn.engine.rulesets import RULES, BadRules, Rules, changed, parse
from gocnn.gtp.analyze import from_the_top
from gocnn.gtp.commands import COLOURS, Engine, one, parse_colour
from gocnn.gtp.protocol import GtpError
from gocnn.policy.predictions import mean_owner
from gocnn.policy.suggestion import Evaluation, log_softmax, mean_over_symmetries

KGS_RULES = {
    "chinese": "chinese-kgs",
    "aga": "aga",
    "japanese": "japanese",
    "new_zealand": "new-zealand",
}
"""What KGS calls its rule sets."""


def install(engine: Engine) -> None:
    """Add the commands."""

    game = engine.game

    def get_rules(arguments: list[str]) -> str:
        return json.dumps(game.rules.to_json())

    def list_rules(arguments: list[str]) -> str:
        return "\n".join(f"{name} {json.dumps(rules.to_json())}" for name, rules in RULES.items())

    def set_rules(arguments: list[str]) -> str:
        return follow(engine, lambda: parse(" ".join(arguments)))

    def set_rule(arguments: list[str]) -> str:
        if len(arguments) != 2:
            raise GtpError("syntax error: kata-set-rule NAME VALUE")
        return follow(engine, lambda: changed(game.rules, *arguments))

    def kgs_rules(arguments: list[str]) -> str:
        name = one(arguments).lower()
        if name not in KGS_RULES:
            raise GtpError(f"unknown rules: choose {', '.join(KGS_RULES)}")
        return follow(engine, lambda: parse(KGS_RULES[name]))

    def raw_nn(arguments: list[str]) -> str:
        """`kata-raw-nn [COLOR] [SYMMETRY [OPTIMISM]]`; this network knows no optimism."""
        rest = list(arguments)
        colour = (
            parse_colour(rest.pop(0)) if rest and rest[0].lower() in COLOURS else game.board.to_play
        )
        text = rest[0] if rest else "all"
        if len(rest) > 2 or text not in ("all", *map(str, range(symmetry.SYMMETRIES))):
            raise GtpError("syntax error: kata-raw-nn [COLOR] [0 to 7, or all]")
        turns = range(symmetry.SYMMETRIES) if text == "all" else (int(text),)
        return "\n".join(_raw(engine, turn, colour) for turn in turns)

    engine.commands.update(
        {
            "kata-get-rules": get_rules,
            "kata-list_rules": list_rules,
            "kata-set-rules": set_rules,
            "kata-set-rule": set_rule,
            "kgs-rules": kgs_rules,
            "kata-raw-nn": raw_nn,
        }
    )


def follow(engine: Engine, rules: Callable[[], Rules]) -> str:
    """Play by these rules from here on. Raises GtpError, nothing changed, if they are none that can
    be followed."""
    try:
        engine.game.set_rules(rules())
    except BadRules as error:
        raise GtpError(str(error)) from None
    engine.player.new_game()
    return ""


def _raw(engine: Engine, turn: int, colour: int) -> str:
    """What the network says of the position turned by one symmetry, in KataGo's layout. It knows
    moves, `whiteWin` if it foresees the winner, and the score and who owns what if it says those;
    the rest comes from random playouts; what they do not give is nan."""
    game, evaluator = engine.game, engine.player.evaluator
    board = with_side_to_play(game, colour)
    said = engine.player.outputs(game, board, (turn,))
    legal = board.legal()
    logged = mean_over_symmetries(said.logits[None], (turn,))[0]
    p = np.exp(log_softmax(np.where(legal, logged, -np.inf).astype(np.float32)))
    if evaluator.scores:
        found = Evaluation(
            p,
            float(said.win[0]),
            mean_owner(said.owner, (turn,)),
            float(said.lead[0]),
            float(said.spread[0]),
        )
        estimate = estimate_of(found, colour, game.area_komi_for(colour))
    else:
        estimate = engine.player.estimate(game)
    white = 1 - estimate.black_winrate
    if evaluator.has_value_head and not evaluator.scores:
        white = float(said.win[0]) if board.to_play == WHITE else 1 - float(said.win[0])
    rows = [
        f"symmetry {turn}",
        f"whiteWin {white:.6f}",
        f"whiteLoss {1 - white:.6f}",
        "noResult 0.000000",
        f"whiteLead {-estimate.score_mean:.3f}",
        f"whiteScoreSelfplay {-estimate.score_mean:.3f}",
        f"whiteScoreSelfplaySq {estimate.score_mean**2 + estimate.score_stdev**2:.3f}",
        "varTimeLeft nan",
        "shorttermWinlossError nan",
        "shorttermScoreError nan",
        "policy",
        *_grid(np.where(legal[:PASS], p[:PASS], np.nan)),
        f"policyPass {p[PASS]:.6f}",
        "whiteOwnership",
        *_grid(-estimate.owner),
    ]
    return "\n".join(rows)


def _grid(values: npt.NDArray[np.floating]) -> list[str]:
    """19 rows of 19 numbers, row 19 first."""
    return [
        " ".join("NAN" if np.isnan(v) else f"{v:.6f}" for v in row)
        for row in from_the_top(values).tolist()
    ]
