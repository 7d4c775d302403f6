"""GoGui's commands: what to show on its board (https://www.kayufu.com/gogui/analyze.html)."""

import numpy as np

from gocnn.board import BLACK
from gocnn.board.coords import PASS, to_gtp
from gocnn.gtp.analyze import from_the_top
from gocnn.gtp.commands import Engine
from gocnn.policy.predictions import Floats

COMMANDS = (
    "gfx/Policy/gocnn-policy_gfx",
    "dboard/Policy Heat Map/gocnn-policy",
    "dboard/{ownership}/gocnn-ownership",
    "plist/Dead Stones/final_status_list dead",
    "string/{score}/final_score",
    "string/Rules/kata-get-rules",
)
SHOWN = 10


def install(engine: Engine) -> None:
    """Add the commands."""

    scores = engine.player.evaluator.scores
    names = {
        "ownership": "Ownership" if scores else "Ownership by Playouts",
        "score": "Score" if scores else "Final Score",
    }

    def policy() -> Floats:
        return engine.player.probabilities(engine.game, engine.game.board.to_play)

    def heat_map(arguments: list[str]) -> str:
        p = policy()[:PASS]
        return "\n" + _board(p / max(float(p.max()), 1e-9))

    def ownership(arguments: list[str]) -> str:
        return "\n" + _board(engine.player.estimate(engine.game).owner)

    def graphics(arguments: list[str]) -> str:
        """Influence squares as dark as the moves are likely, percentages on the first ten."""
        p = policy()
        sign = 1 if engine.game.board.to_play == BLACK else -1
        best = max(float(p[:PASS].max()), 1e-9)
        order = [int(i) for i in np.argsort(-p[:PASS], kind="stable") if p[i] >= 0.001]
        influence = " ".join(f"{to_gtp(i)} {sign * float(p[i]) / best:.3f}" for i in order)
        labels = " ".join(f"{to_gtp(i)} {p[i]:.0%}" for i in order[:SHOWN])
        return f"\nINFLUENCE {influence}\nLABEL {labels}\nTEXT pass {p[PASS]:.1%}"

    engine.commands.update(
        {
            "gogui-analyze_commands": lambda arguments: "\n".join(COMMANDS).format(**names),
            "gogui-interrupt": lambda arguments: "",
            "gocnn-policy": heat_map,
            "gocnn-policy_gfx": graphics,
            "gocnn-ownership": ownership,
        }
    )


def _board(values: Floats) -> str:
    """19 rows of numbers from -1 to 1, row 19 first."""
    return "\n".join(
        " ".join(f"{value:.3f}" for value in row) for row in from_the_top(values).tolist()
    )
