"""The application: which address leads where."""

from collections.abc import Awaitable, Callable
from mimetypes import guess_type

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from gocnn import __version__, page
from gocnn.errors import UserError
from gocnn.serve import analysis
from gocnn.serve.state import ServeConfig, ServeState

Endpoint = Callable[[Request], Awaitable[Response]]
PAGES = ("/", "/review", "/lesson", "/lesson/{station:int}", "/photos", "/runs")
"""What a browser may show in its address line; the script finds the page that is meant."""


def create_app(config: ServeConfig) -> Starlette:
    """The server as an ASGI application. Its state is `app.state.serve`."""
    state = ServeState(config)
    routes: list[BaseRoute] = [Route(path, _index) for path in PAGES]
    routes += [Route("/assets/{name}", _asset), Route("/api/about", _about)]
    for subject in (analysis,):
        routes += subject.routes(state)
    app = Starlette(
        routes=routes, exception_handlers={UserError: _bad_input, HTTPException: _refused}
    )
    app.state.serve = state
    return app


async def _index(request: Request) -> Response:
    return Response(page.asset("index.html"), media_type="text/html")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        data = page.asset(name)
    except FileNotFoundError:
        raise HTTPException(404, f"the page has no file {name[:60]!r}") from None
    return Response(data, media_type=guess_type(name)[0] or "application/octet-stream")


async def _about(request: Request) -> Response:
    """What this server has: its version and networks."""
    state: ServeState = request.app.state.serve
    return JSONResponse({"version": __version__, "models": state.model_names})


async def _bad_input(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, headers=error.headers)
