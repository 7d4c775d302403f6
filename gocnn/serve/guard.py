"""Who gets in, and what every answer carries: the middleware around everything else.

A page of somewhere else, open in the same browser, must neither read nor drive this server. It may
send requests here, so what the browser says of where they come from is looked at (`Origin`,
`Sec-Fetch-Site`); and it may have its own name point to this machine (DNS rebinding), so `Host`
must be a name that is ours. A machine elsewhere gets in with the token that the terminal shows, and
by no other way. Sources: https://fetch.spec.whatwg.org/#origin-header and
https://www.w3.org/TR/fetch-metadata/.
"""

import asyncio
import hmac
import ipaddress
import re
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gocnn.serve.bodies import failed
from gocnn.serve.config import ServeConfig
from gocnn.serve.failures import Refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " connect-src 'self'; font-src 'self'; media-src 'self' blob:; worker-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: its own files, pictures that it has made, and nothing else."""

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
}

LONGEST = 4096
"""Bytes that a path and its query may have."""

LONGEST_HEAD = 32 << 10
"""Bytes that the head of a request may have."""

PATIENCE = 30.0
"""Seconds between two pieces of a body after which the client is given up."""

METHODS = ("GET", "HEAD", "POST", "DELETE")

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ASK_FOR_LINK = (
    "this server needs the token of the link that was shown in the terminal where it was started;"
    " open that link"
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class _Asked:
    """What a request says of itself."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Headers
    socket: bool

    @property
    def navigates(self) -> bool:
        """Whether a browser goes to a page (rather than a script asking for something)."""
        mode = self.headers.get("sec-fetch-mode", "navigate")
        wants_page = "text/html" in self.headers.get("accept", "")
        return self.method in ("GET", "HEAD") and mode == "navigate" and wants_page


class Guard:
    """The application `app`, for those who may use it."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self._app, self._token = app, config.token
        self._names = {*_LOOPBACK, config.host.lower()}
        if config.token is not None:
            self._names |= {socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"}
        # cookies are kept by host, whatever the port
        self._cookie = f"gocnn-{config.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        asked = _Asked(
            scope.get("method", "GET"),
            scope["path"],
            parse_qs(scope["query_string"].decode("latin-1")),
            Headers(scope=scope),
            scope["type"] == "websocket",
        )
        sender = _Sender(send, asked)
        try:
            self._check(scope, asked)
            answer = self._greet(asked)
        except Refusal as refusal:
            await _refuse(refusal, asked, scope, receive, sender)
            return
        if answer is not None:
            await answer(scope, receive, sender)
            return
        try:
            await self._app(scope, receive if asked.socket else _Patient(receive), sender)
        except Exception as error:  # noqa: BLE001 - told, and answered if nothing was yet
            response = failed(error, f"{asked.method} {asked.path}")
            if not sender.began and not asked.socket:
                await response(scope, receive, sender)

    def _check(self, scope: Scope, asked: _Asked) -> None:
        """Raises Refusal for what is refused whoever asks."""
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST:
            raise Refusal(414, f"the address is longer than {LONGEST} characters")
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LONGEST_HEAD:
            raise Refusal(431, f"the head is longer than {LONGEST_HEAD >> 10} KB")
        if not asked.socket and asked.method not in METHODS:
            raise Refusal(405, f"{asked.method[:20]} is not done here; there are GET and POST")
        hosts = asked.headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise Refusal(
                403, "this server does not go by that name; open the link shown in the terminal"
            )
        self._check_origin(asked, hosts[0])

    def _is_ours(self, host: str) -> bool:
        """Whether the host of a request is a name of this server; with a token any address of
        numbers is, since no name can be made to point to it."""
        match = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?|([^:/@\[\]]+)(?::\d{1,5})?", host)
        if match is None:
            return False
        name = (match[1] or match[2]).lower().rstrip(".")
        if name in self._names:
            return True
        if self._token is None:
            return False
        try:
            ipaddress.ip_address(name)
            return True
        except ValueError:
            return False

    def _check_origin(self, asked: _Asked, host: str) -> None:
        """Raises Refusal where a page of another origin asks."""
        foreign = Refusal(403, "a page from elsewhere may not use this server")
        ours = {f"{scheme}://{host}".lower() for scheme in ("http", "https")}
        if any(origin.lower() not in ours for origin in asked.headers.getlist("origin")):
            raise foreign
        site = asked.headers.get("sec-fetch-site", "none")
        # a link from elsewhere may lead to a page, but to nothing that answers a script
        link = asked.navigates and not asked.path.startswith("/api/") and not asked.socket
        if site not in ("none", "same-origin") and not link:
            raise foreign

    def _greet(self, asked: _Asked) -> Response | None:
        """The answer for who comes with the token in the address; None for who may go on. Raises
        Refusal."""
        if self._token is None:
            return None
        shown = (asked.query.get("token") or [""])[-1]
        if shown and _same(shown, self._token) and not asked.socket and asked.method != "POST":
            return self._let_in(asked)
        bearer = asked.headers.get("authorization", "").partition(" ")
        known = (
            _cookie(asked.headers, self._cookie),
            bearer[2].strip() if bearer[0].lower() == "bearer" else "",
            shown,
        )
        if not any(_same(one, self._token) for one in known):
            raise Refusal(401, _ASK_FOR_LINK)
        return None

    def _let_in(self, asked: _Asked) -> Response:
        rest = [(key, one) for key, each in asked.query.items() if key != "token" for one in each]
        # one slash: two would lead to another host
        target = "/" + asked.path.lstrip("/\\") + (f"?{urlencode(rest)}" if rest else "")
        response: Response = RedirectResponse(target, 303)
        if asked.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            # what follows a redirect that began elsewhere does not bring the cookie; what a page
            # of ours leads to does
            response = HTMLResponse(
                f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(target)}">'
            )
        response.set_cookie(
            self._cookie, self._token or "", httponly=True, samesite="strict", path="/"
        )
        return response


class _Sender:
    """Sends what the application says, with the headers that every answer has."""

    def __init__(self, send: Send, asked: _Asked) -> None:
        self._send, self._asked = send, asked
        self.began = False

    async def __call__(self, message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            self.began = True
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", POLICY)
            headers.setdefault("cache-control", "no-store")
            message = {**message, "headers": headers.raw}
        await self._send(message)


class _Patient:
    """Receives a request's body, but not from a client that keeps it waiting for long."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._whole = receive, False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(PATIENCE):
                message = await self._receive()
        except TimeoutError:
            raise Refusal(408, "the rest of the request did not come in time") from None
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message


async def _refuse(
    refusal: Refusal, asked: _Asked, scope: Scope, receive: Receive, send: Send
) -> None:
    response = failed(refusal, "")
    if asked.navigates and not asked.path.startswith("/api"):
        response = HTMLResponse(
            f"<!doctype html><title>gocnn</title><p>{escape(str(refusal))}.</p>", refusal.status
        )
    if refusal.status == 405:
        response.headers["allow"] = ", ".join(METHODS)
    if refusal.status == 401:
        response.headers["www-authenticate"] = "Bearer"
    if asked.socket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    await response(scope, receive, send)


def _same(shown: str, token: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "replace"), token.encode())


def _cookie(headers: Headers, name: str) -> str:
    for line in headers.getlist("cookie"):
        try:
            found = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if found is not None:
            return found.value
    return ""
