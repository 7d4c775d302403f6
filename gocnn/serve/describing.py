"""The page of endpoints, made from what the routes say of themselves: as JSON for programs, as HTML
for people."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from gocnn import __version__
from gocnn.serve.bodies import Failure, answer
from gocnn.serve.endpoints import Declaration, Declared, get
from gocnn.serve.guard import POLICY

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "h2{font-size:1.1rem;margin:2rem 0 .3rem;border-top:1px solid #8886;padding-top:1rem}"
    "h3{font-size:1rem;margin:1.5rem 0 .3rem}p{margin:.3rem 0}code{overflow-wrap:anywhere}"
    "td{padding:.1rem 1rem .1rem 0;vertical-align:top}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = POLICY.replace("style-src 'self'", f"style-src 'sha256-{_HASH}'")
"""The usual one, with this style in place of the page's files."""

Sources = Callable[[], Iterable[tuple[str, Iterable[BaseRoute] | str]]]
"""Gives the routes: each time a prefix, and the routes below it or why they are not there."""


class Described(Struct):
    """An endpoint. method: GET, POST, DELETE, SOCKET or EVENTS (GET, answered by server-sent
    events); message: the schema of what it takes, or null; body: `json`, `bytes` or null; most:
    bytes that the body or a message may have; messages: schemas of what a socket takes; answers:
    schemas of what comes back."""

    method: str
    path: str
    about: str
    message: dict[str, Any] | None
    body: str | None
    most: int | None
    messages: list[dict[str, Any]]
    answers: list[dict[str, Any]]


class Endpoints(Struct):
    """All endpoints. error: the schema of the answer to a request that fails; schemas: those that
    the others refer to, by name; missing: why some are not there, by prefix."""

    version: str
    endpoints: list[Described]
    error: dict[str, Any]
    schemas: dict[str, Any]
    missing: dict[str, str]


def route(path: str, sources: Sources) -> BaseRoute:
    """The endpoint that describes the others."""

    def describe(request: Request) -> Response:
        """This page: HTML for a browser, JSON for everything else."""
        found = endpoints([("", [itself]), *sources()])
        if "text/html" not in request.headers.get("accept", ""):
            return answer(found)
        return HTMLResponse(html(found), headers={"content-security-policy": _POLICY})

    itself = get(path, describe)
    return itself


def endpoints(sources: Iterable[tuple[str, Iterable[BaseRoute] | str]]) -> Endpoints:
    """What the routes say of themselves."""
    declared: list[tuple[str, Declared]] = []
    missing: dict[str, str] = {}
    for prefix, routes in sources:
        if isinstance(routes, str):
            missing[prefix] = routes
            continue
        declared += [(prefix, one.declared) for one in routes if isinstance(one, Declaration)]
    kinds = [Failure, *(kind for _, one in declared for kind in _kinds(one))]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/schemas/{name}")
    by_kind = dict(zip(map(id, kinds), schemas, strict=True))
    described = [_describe(prefix, one, by_kind) for prefix, one in declared]
    described.sort(key=lambda one: (one.path, one.method))
    return Endpoints(__version__, described, by_kind[id(Failure)], components, missing)


def _kinds(one: Declared) -> list[Any]:
    return [*([one.takes] if one.takes else []), *one.receives, *_shown(one.gives)]


def _shown(kinds: Iterable[Any]) -> list[Any]:
    """Those that have a schema: bytes have none."""
    return [kind for kind in kinds if kind is not bytes and kind is not type(None)]


def _describe(prefix: str, one: Declared, schemas: dict[int, dict[str, Any]]) -> Described:
    posted = one.kind == "POST"
    body = ("bytes" if one.raw else "json" if one.takes else None) if posted else None
    return Described(
        one.kind,
        prefix + one.path,
        one.about,
        schemas[id(one.takes)] if one.takes else None,
        body,
        one.most if body or one.kind == "SOCKET" else None,
        [schemas[id(kind)] for kind in one.receives],
        [schemas[id(kind)] for kind in _shown(one.gives)],
    )


def html(found: Endpoints) -> str:
    """The page for people. It needs no script."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        '<meta name=color-scheme content="light dark">',
        f'<link rel=icon href="data:,"><style>{_STYLE}</style>',
        f"<title>gocnn {escape(found.version)}: endpoints</title>",
        f"<h1>Endpoints of gocnn {escape(found.version)}</h1>",
        "<p>The page is built on these, and other programs may be. Moves and stones are written as"
        " in GTP (<code>Q16</code>, <code>pass</code>); arrays by points begin at A1 and go on row"
        " by row; colours are <code>b</code> and <code>w</code>; winrates and leads are those of"
        " the side to play unless their name says otherwise. What fails is answered with"
        ' <code>{"error": "a sentence"}</code>. As JSON: this address with'
        " <code>Accept: application/json</code>.</p>",
    ]
    for one in found.endpoints:
        first, _, rest = one.about.partition("\n\n")
        parts.append(f"<h2><code>{escape(one.method)} {escape(one.path)}</code></h2>")
        parts.append(f"<p>{escape(first)}</p>" + (f"<p>{escape(rest)}</p>" if rest else ""))
        if one.body == "bytes":
            parts.append("<p>The body is the file's bytes.</p>")
        if one.most is not None:
            parts.append(f"<p>At most {one.most:,} bytes.</p>")
        for title, schemas in (
            ("Takes", [one.message] if one.message else []),
            ("Messages to the server", one.messages),
            ("Events" if one.method == "EVENTS" else "Answers", one.answers),
        ):
            names = ", ".join(_named(schema) for schema in schemas)
            parts.append(f"<p>{title}: {names}.</p>" if names else "")
    parts.append("<h2>Messages</h2>")
    for name, schema in sorted(found.schemas.items()):
        parts.append(f'<h3 id="{escape(name)}">{escape(name)}</h3>')
        parts.append(f"<p>{escape(schema.get('description', ''))}</p>")
        parts.append(_table(schema))
    for prefix, why in found.missing.items():
        parts.append(f"<p><code>{escape(prefix)}</code> is not there: {escape(why)}.</p>")
    return "\n".join(filter(None, parts))


def _table(schema: dict[str, Any]) -> str:
    rows = []
    for name, kind in schema.get("properties", {}).items():
        needed = "" if name in schema.get("required", ()) else f", if given{_default(kind)}"
        rows.append(f"<tr><td><code>{escape(name)}</code><td>{_named(kind)}{needed}</tr>")
    return f"<table>{''.join(rows)}</table>" if rows else ""


def _default(kind: dict[str, Any]) -> str:
    value = kind.get("default")
    return "" if value is None else f" (else {escape(msgspec.json.encode(value).decode())})"


_NAMES = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "object",
}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} of them",
}


def _named(kind: dict[str, Any]) -> str:
    """A type in words, as HTML."""
    if "$ref" in kind:
        name = escape(str(kind["$ref"]).rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in kind:
        return " or ".join(_named(one) for one in kind["anyOf"])
    if "enum" in kind:
        return " or ".join(f"<code>{escape(str(one))}</code>" for one in kind["enum"])
    if kind.get("type") == "array":
        inside = kind.get("items") or {}
        several = kind.get("prefixItems", [])
        words = ", ".join(_named(one) for one in several) if several else _named(inside)
        found = f"list of {words or 'anything'}"
    elif isinstance(kind.get("additionalProperties"), dict):
        found = f"object of {_named(kind['additionalProperties'])}"
    else:
        found = _NAMES.get(str(kind.get("type")), "anything")
    bounds = [text.format(kind[name]) for name, text in _BOUNDS.items() if name in kind]
    return ", ".join([found, *bounds])
