"""The lecture, to touch: what its stations on the board ask the server for. torch is loaded when a
station is first asked that looks into a network."""

from starlette.routing import BaseRoute

from gocnn.serve.lesson import code, pooling, stations
from gocnn.serve.lesson.networks import Networks
from gocnn.serve.state import ServeState


def routes(state: ServeState) -> list[BaseRoute]:
    """Below `/api/lesson`."""
    return [*stations.routes(Networks(state)), *pooling.routes(state), *code.routes()]
