"""Photographs on the page: what `/api/images` answers. torch is loaded when a classifier is first
asked for."""

from starlette.routing import BaseRoute

from gocnn.serve.config import ServeConfig
from imagecls.serve import asking, comparing, lesson
from imagecls.serve.state import ImageState


def routes(config: ServeConfig) -> list[BaseRoute]:
    """Below `/api/images`."""
    state = ImageState(config)
    return [*asking.routes(state), *comparing.routes(state), *lesson.routes(state)]
