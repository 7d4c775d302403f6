"""The application: which address leads where."""

import contextlib
import threading
from collections.abc import AsyncIterator, Sequence
from functools import partial
from importlib import import_module
from mimetypes import guess_type

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gocnn import page
from gocnn.serve.config import ServeConfig
from gocnn.serve.endpoints import failed
from gocnn.serve.failures import Refusal
from gocnn.serve.lazily import Lazily, LazyRoutes
from gocnn.serve.state import ServeState

SUBJECTS = ("gocnn.serve.about", "gocnn.serve.analysis")
"""The modules of Go's routes: each has `routes(state) -> list[BaseRoute]`, whose paths begin with
`/api/`."""

PAGES = ("/", "/review", "/lesson", "/lesson/{station:int}", "/photos", "/runs")
"""What a browser may show in its address line; the script finds the page that is meant."""


def create_app(config: ServeConfig) -> Starlette:
    """The server as an ASGI application. Its state is `app.state.serve`."""
    state = ServeState(config)
    go = Lazily(partial(_subjects, state))

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # what the first click needs is there by then, and the page is answered meanwhile
        threading.Thread(target=_get_ready, args=(go, state), daemon=True, name="loading").start()
        yield
        state.jobs.cancel_all()

    routes: list[BaseRoute] = [Route(path, _index) for path in PAGES]
    routes += [Route("/assets/{name}", _asset), LazyRoutes("/api", go)]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused}, lifespan=lifespan)
    app.state.serve = state
    return app


def _subjects(state: ServeState) -> Sequence[BaseRoute]:
    return [*state.jobs.routes("/api/jobs"), *_of_modules(state)]


def _of_modules(state: ServeState) -> Sequence[BaseRoute]:
    return [route for name in SUBJECTS for route in import_module(name).routes(state)]


def _get_ready(go: Lazily, state: ServeState) -> None:
    with contextlib.suppress(Exception):  # whoever asks for it is told
        go.router()
        import_module("gocnn.serve.analysis").warm_up(state.evaluator(None))


async def _index(request: Request) -> Response:
    return Response(page.asset("index.html"), media_type="text/html")


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    try:
        data = page.asset(name)
    except FileNotFoundError:
        return failed(Refusal(404, f"the page has no file {name[:60]!r}"), "")
    return Response(data, media_type=guess_type(name)[0] or "application/octet-stream")


async def _refused(request: Request, error: Exception) -> Response:
    return failed(error, f"{request.method} {request.url.path}")
