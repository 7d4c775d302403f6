"""How a network is asked: in whose style."""

from gocnn.errors import UserError
from gocnn.features.conditioning import HANDICAP, STYLES
from gocnn.policy.suggestion import Evaluator


def facts_of(style: str, handicap: bool) -> int:
    """What to tell the network (`gocnn.features.conditioning`): `style` is a key of `STYLES`; and
    whether the game began with handicap stones."""
    return STYLES[style] | (HANDICAP if handicap else 0)


def check_style(evaluator: Evaluator, style: str) -> None:
    """Raises UserError if the network cannot be asked for the style, since it was not shown any."""
    if style != "any" and "style" not in evaluator.groups:
        wanted = "--planes default,style"
        raise UserError(
            f"{evaluator.name} was not shown where games were played; leave out --style, or train a"
            f" network with {wanted}"
        )
