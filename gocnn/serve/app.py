"""The application: which address leads where."""

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from importlib import import_module

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount

from gocnn.console import heads
from gocnn.console.heads import Head
from gocnn.serve import describing, failures, files
from gocnn.serve.bodies import failed
from gocnn.serve.config import ServeConfig
from gocnn.serve.guard import Guard
from gocnn.serve.lazily import Lazily, LazyRoutes
from gocnn.serve.state import ServeState

SUBJECTS = (
    "gocnn.serve.about",
    "gocnn.serve.records",
    "gocnn.serve.analysis",
    "gocnn.serve.reviewing",
    "gocnn.serve.playing",
    "gocnn.serve.running",
    "gocnn.serve.lesson",  # a line each, so that parts can be added side by side
)
"""The modules of Go's routes: each has `routes(state) -> list[BaseRoute]`, whose paths begin with
`/api/`. They are imported right after the start, or when first asked for."""


def create_app(config: ServeConfig) -> Starlette:
    """The server as an ASGI application. Its state is `app.state.serve`."""
    failures.hide(*config.models, *config.image_models, *([config.runs] if config.runs else []))
    state = ServeState(config)
    go = Lazily(partial(_of_subjects, state))

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # what the first click needs is there by then, and the page is answered meanwhile
        threading.Thread(target=_get_ready, args=(go, state), daemon=True, name="loading").start()
        yield
        state.jobs.cancel_all()

    others = {
        f"/api/{head.name}": Lazily(partial(_of_head, head, config))
        for head in heads.heads()
        if head.pages is not None
    }
    app = Starlette(
        routes=[
            *files.routes(),
            describing.route("/api", partial(_sources, go, others)),
            *(Mount(prefix, lazy) for prefix, lazy in others.items()),
            LazyRoutes("/api", go),
        ],
        middleware=[Middleware(Guard, config=config)],
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.serve = state
    return app


def _sources(
    go: Lazily, others: dict[str, Lazily]
) -> Iterator[tuple[str, Sequence[BaseRoute] | str]]:
    """The routes by their prefix, or why they are not there."""
    for prefix, lazy in {"": go, **others}.items():
        try:
            yield prefix, lazy.router().routes
        except Exception as error:  # noqa: BLE001 - told
            yield prefix, failures.sentence(error, f"loading {prefix}")


def _of_head(head: Head, config: ServeConfig) -> Sequence[BaseRoute]:
    """A head's routes. Raises ImportError, with the extra that the head needs, if a package is
    missing."""
    assert head.pages is not None
    try:
        found: Sequence[BaseRoute] = import_module(head.pages).routes(config)
    except (ImportError, OSError) as error:
        raise failures.lacking(error, head.extra) from error
    return found


def _of_subjects(state: ServeState) -> Sequence[BaseRoute]:
    found = state.jobs.routes("/api/jobs")
    for name in SUBJECTS:
        found += import_module(name).routes(state)
    return found


def _get_ready(go: Lazily, state: ServeState) -> None:
    with contextlib.suppress(Exception):  # whoever asks for it is told
        go.router()
        state.get_ready()


async def _refused(request: Request, error: Exception) -> Response:
    """The answer where no route fits."""
    assert isinstance(error, HTTPException)
    sentence = {
        404: "there is nothing at this address; GET /api tells what there is",
        405: f"this address does not answer {request.method}; GET /api tells what it does",
    }.get(error.status_code, error.detail)
    return failed(HTTPException(error.status_code, sentence, error.headers), request.url.path)
