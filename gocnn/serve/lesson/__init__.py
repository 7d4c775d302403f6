"""The lecture, to touch: what its stations on the board ask the server for. torch is loaded when a
station is first asked that looks into a network."""

from starlette.routing import BaseRoute

from gocnn.serve.lesson import code, pooling, residual, stations
from gocnn.serve.lesson.networks import Networks
from gocnn.serve.state import ServeState


def routes(state: ServeState) -> list[BaseRoute]:
    """Below `/api/lesson`."""
    networks = Networks(state)
    return [
        *stations.routes(networks),
        *pooling.routes(state),
        *residual.routes(networks),
        *code.routes(),
    ]
