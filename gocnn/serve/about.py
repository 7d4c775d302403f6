"""What the server has: networks, levels, rules, limits."""

from functools import partial

from msgspec import Struct
from starlette.routing import BaseRoute

from gocnn import __version__
from gocnn.console import heads
from gocnn.engine import levels, rulesets
from gocnn.features.conditioning import STYLES
from gocnn.policy import shipped
from gocnn.serve import config
from gocnn.serve.endpoints import get
from gocnn.serve.failures import sentence
from gocnn.serve.state import ServeState


class Model(Struct):
    """A policy network. has_value: whether it says who wins; has_score: whether it says the score
    and whose each point is; shipped: whether it came with the program; error: why it cannot be
    used, or empty."""

    name: str
    title: str
    has_value: bool
    has_score: bool
    shipped: bool
    error: str = ""


class Limits(Struct):
    """What is taken at most: bytes of a message, of a file of records, of pictures; nodes of
    records."""

    message_bytes: int = config.MESSAGE_BYTES
    record_bytes: int = config.RECORD_BYTES
    picture_bytes: int = config.PICTURE_BYTES
    record_nodes: int = config.RECORD_NODES


class About(Struct):
    """What this server has. models: the policy networks, the one to begin with first; levels: of
    play, the weakest first; styles: whom a network can be asked to play like; rules: names of rule
    sets; runs: whether training runs are shown; heads: the parts of the program that are there,
    each with endpoints of its own (`/api/images/models` has the classifiers)."""

    version: str
    models: list[Model]
    levels: list[str]
    styles: list[str]
    rules: list[str]
    runs: bool
    limits: Limits
    heads: list[str]


def about(state: ServeState) -> About:
    """What this server has: its version, networks, levels, styles, rules, limits and heads."""
    return About(
        __version__,
        [_model(state, name) for name in state.model_names],
        levels.names(),
        list(STYLES),
        list(rulesets.RULES),
        state.config.runs is not None,
        Limits(),
        list(dict.fromkeys(["go", *(head.name for head in heads.heads())])),
    )


def _model(state: ServeState, name: str) -> Model:
    ships = shipped.is_shipped(state.path_of(name))
    title = f"{name} (ships)" if ships else name
    try:
        evaluator = state.evaluator(name)
    except Exception as error:  # noqa: BLE001 - the others can be used
        return Model(name, title, False, False, ships, sentence(error, f"opening {name}"))
    return Model(name, title, evaluator.has_value_head, evaluator.scores, ships)


def routes(state: ServeState) -> list[BaseRoute]:
    """What the server has."""
    return [get("/api/about", partial(about, state))]
