"""Routes whose modules are imported when they are first needed, in a thread, so that the server
answers before numpy, the kernels or torch are there."""

from collections.abc import Callable, Sequence

from starlette.routing import BaseRoute, Match, Router
from starlette.types import Receive, Scope, Send

from gocnn.serve.bodies import failed
from gocnn.serve.threads import importing, in_thread

Maker = Callable[[], Sequence[BaseRoute]]


class Lazily:
    """An ASGI application of routes that `make` makes on the first request. What it raises is
    answered, and tried again with the next request."""

    def __init__(self, make: Maker) -> None:
        self._make = make
        self._router: Router | None = None

    def router(self) -> Router:
        """The routes, made now if they are not yet. May be called from any thread."""
        with importing:
            if self._router is None:
                self._router = Router(self._make(), redirect_slashes=False)
            return self._router

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            router = await in_thread(self.router) if self._router is None else self._router
        except Exception as error:  # noqa: BLE001 - answered
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
                return
            await failed(error, f"loading {scope['path']}")(scope, receive, send)
            return
        await router(scope, receive, send)


class LazyRoutes(BaseRoute):
    """All paths that begin with `prefix`, which the routes' own paths have as well."""

    def __init__(self, prefix: str, app: Lazily) -> None:
        self._prefix, self._app = prefix, app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the path begins so."""
        ours = scope["type"] in ("http", "websocket") and scope["path"].startswith(self._prefix)
        return (Match.FULL if ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the routes."""
        await self._app(scope, receive, send)
