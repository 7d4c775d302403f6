"""The page's own files, as the build has made them."""

import hashlib
import re
from mimetypes import guess_type

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gocnn import page
from gocnn.serve.bodies import failed
from gocnn.serve.failures import Refusal

PAGES = ("/", "/review", "/lesson", "/lesson/{station:int}", "/photos", "/runs")
"""What a browser may show in its address line; the script finds the page that is meant."""

_HASHED = re.compile(r".+-[A-Z0-9]{8}\.\w+")
"""Names that esbuild gives: another content would have another name."""


def routes() -> list[BaseRoute]:
    """The pages, and the files that they load."""
    return [*(Route(path, _index) for path in PAGES), Route("/assets/{name}", _asset)]


async def _index(request: Request) -> Response:
    return _file(request, "index.html")


async def _asset(request: Request) -> Response:
    return _file(request, request.path_params["name"])


def _file(request: Request, name: str) -> Response:
    """A file, packed where the browser unpacks; or nothing, if it has it as it is."""
    try:
        data, packed = page.asset(name), None
        if _takes_gzip(request):
            packed = page.packed(name)
    except FileNotFoundError:
        return failed(Refusal(404, f"the page has no file {name[:60]!r}"), "")
    except Exception as error:  # noqa: BLE001 - answered
        return failed(error, f"GET {request.url.path}")
    kept = "public, max-age=31536000, immutable" if _HASHED.fullmatch(name) else "no-cache"
    tag = f'"{hashlib.blake2b(data, digest_size=12).hexdigest()}"'
    headers = {"cache-control": kept, "etag": tag, "vary": "accept-encoding"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if packed is not None:
        headers["content-encoding"] = "gzip"
    kind = guess_type(name)[0] or "application/octet-stream"
    return Response(data if packed is None else packed, media_type=kind, headers=headers)


def _takes_gzip(request: Request) -> bool:
    """Whether the browser takes gzip."""
    for one in request.headers.get("accept-encoding", "").split(","):
        name, _, weight = one.replace(" ", "").partition(";")
        if name.lower() in ("gzip", "*"):
            return weight not in ("q=0", "q=0.0")
    return False
