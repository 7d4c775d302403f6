"""How a network is asked to play: in whose style, and like the side that wins."""

from dataclasses import dataclass

from gocnn.board.facts import HANDICAP, STYLES, won_by
from gocnn.errors import UserError
from gocnn.policy.suggestion import Evaluator


@dataclass(frozen=True)
class Manner:
    """style: a key of `gocnn.board.facts.STYLES`; outcome: `win` or `loss` to move as the side does that wins or loses its game, or `unknown`.

    A network that is not shown such things (groups `style` and `outcome` of `gocnn.board.planes`) plays the same in any manner.
    """

    style: str = "any"
    outcome: str = "unknown"

    def facts(self, colour: int, handicap: bool = False) -> int:
        """What to tell the network (`gocnn.board.facts`) when `colour` (1 black, 2 white) is to play, in a game with handicap stones or without."""
        winner = {"win": won_by(colour), "loss": won_by(3 - colour), "unknown": 0}[self.outcome]
        return STYLES[self.style] | winner | (HANDICAP if handicap else 0)


def manner_for(evaluator: Evaluator, style: str | None, outcome: str | None, default: Manner = Manner()) -> Manner:
    """The manner a person asked for; what was not asked (None) is the default's. Raises UserError if the network cannot be asked for it."""
    for name, value in (("style", style), ("outcome", outcome)):
        if value is not None and name not in evaluator.groups:
            wanted = f"--planes default,{name}"
            raise UserError(f"{evaluator.name} was not shown the {name} of games; leave out --{name}, or train a network with {wanted}")
    return Manner(style or default.style, outcome or default.outcome)
