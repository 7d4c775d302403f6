"""Who gets in: names and origins, the token, headers; and what of the page may be read."""

import gzip
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from gocnn.serve import guard
from gocnn.serve.config import ServeConfig
from gocnn.serve.server import link, listen
from tests.serving import Answer, Client, serving
from tests.serving_page import built, client, raw

__all__ = ["built", "client"]

TOKEN = "a-token-for-tests"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Client]:
    """A server for other machines."""
    with serving(ServeConfig(host="0.0.0.0", token=TOKEN)) as found:
        yield found


def refused(answer: Answer, status: int) -> str:
    assert answer.status == status, answer
    assert list(answer.json()) == ["error"]
    sentence = answer.json()["error"]
    assert sentence
    assert "Traceback" not in sentence
    return str(sentence)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "[::1]",
        "127.0.0.1:{port}",
        "localhost:1",
        "localhost.",
    ],
)
def test_the_names_of_this_machine_get_in(client: Client, host: str) -> None:
    assert client.get("/", Host=host.format(port=client.port)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#127.0.0.1",
        "user@127.0.0.1",
        "127.0.0.1@evil.example",
        "127.0.0.1:{port}:1",
        "192.168.1.2",
        "0.0.0.0",
        "[::2]",
        "",
        " ",
    ],
)
def test_a_name_that_is_not_ours_is_refused(client: Client, host: str) -> None:
    """DNS rebinding: the browser takes a foreign name for this machine, and says so in `Host`."""
    for path in ("/", "/api/about", "/assets/main-ABCD2345.js"):
        refused(client.get(path, Host=host.format(port=client.port)), 403)


def test_two_hosts_are_none(client: Client) -> None:
    said = raw(
        client.port,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    )
    assert re.match(rb"HTTP/1.1 40[03] ", said)
    assert b'{"error":' in said


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://localhost:1",
        "null",
        "file://",
        "http://127.0.0.1",
        "chrome-extension://x",
        "http://[",
        "x",
    ],
)
def test_a_page_of_another_origin_is_refused(client: Client, origin: str) -> None:
    refused(client.get("/api/about", Origin=origin), 403)
    refused(client.ask("POST", "/api/sgf", b"(;)", {"Origin": origin}), 403)
    with pytest.raises(InvalidStatus) as error:
        client.socket("/api/analysis", origin=origin)
    assert error.value.response.status_code == 403
    assert list(json.loads(error.value.response.body)) == ["error"]


def test_a_page_of_ours_gets_in(client: Client) -> None:
    own = f"http://127.0.0.1:{client.port}"
    headers = {"Origin": own, "Sec-Fetch-Site": "same-origin"}
    assert client.ask("GET", "/api/about", None, headers).status == 200
    # a name that is ours, but of another origin than the page that is open
    assert client.get("/api/about", Origin=f"http://localhost:{client.port}").status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_says_of_a_foreign_page_is_believed(client: Client, site: str) -> None:
    fetch = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Accept": "*/*"}
    link_ = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    for path in ("/", "/assets/main-ABCD2345.js", "/api/about"):
        refused(client.ask("GET", path, None, fetch), 403)
    assert client.ask("GET", "/", None, link_).status == 200  # a link from elsewhere
    refused(client.ask("GET", "/api/about", None, link_), 403)
    refused(client.ask("POST", "/api/sgf", b"(;)", link_), 403)


def test_without_the_token_nobody_gets_in(guarded: Client) -> None:
    for path in ("/", "/api/about", "/assets/main-ABCD2345.js", "/nowhere"):
        assert "terminal" in refused(guarded.get(path), 401)
        assert refused(guarded.get(f"{path}?token=wrong"), 401)
        assert refused(guarded.get(path, Authorization="Bearer wrong"), 401)
        assert refused(guarded.get(path, Authorization=f"Basic {TOKEN}"), 401)
        assert refused(guarded.get(path, Cookie=f"gocnn-{guarded.port}=wrong"), 401)
        assert refused(guarded.get(path, Cookie=f"gocnn-1={TOKEN}"), 401)
    page_ = guarded.get("/", Accept="text/html")
    assert (page_.status, b"<p>" in page_.body) == (401, True)
    with pytest.raises(InvalidStatus) as error:
        guarded.socket("/api/analysis")
    assert error.value.response.status_code == 401


def test_the_link_gives_a_cookie_and_leads_to_the_page_without_the_token(guarded: Client) -> None:
    answer = guarded.get(f"/review?token={TOKEN}&at=3")
    assert (answer.status, answer.headers["location"]) == (303, "/review?at=3")
    cookie, *flags = answer.headers["set-cookie"].split("; ")
    assert cookie == f"gocnn-{guarded.port}={TOKEN}"
    assert {flag.lower() for flag in flags} == {"httponly", "samesite=strict", "path=/"}
    assert guarded.get("/review", Cookie=f"other=1; {cookie}").status == 200
    assert guarded.get("/api/about", Authorization=f"Bearer {TOKEN}").status == 200
    # no address of somewhere else can be made of it
    assert guarded.get(f"//evil.example/?token={TOKEN}").headers["location"] == "/evil.example/"
    assert guarded.get(f"/\\evil.example/?token={TOKEN}").headers["location"].startswith("/evil")
    # from a link in another page, the cookie comes only with what a page of ours leads to
    link_ = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    answer = guarded.ask("GET", f"/?token={TOKEN}", None, link_)
    assert (answer.status, b'content="0;url=/"' in answer.body) == (200, True)


@pytest.mark.parametrize("host", ["192.168.1.2:{port}", "[fe80::1]", "{name}"])
def test_with_a_token_addresses_and_the_machines_name_are_ours(guarded: Client, host: str) -> None:
    name = host.format(port=guarded.port, name=socket.gethostname())
    assert guarded.get("/", Host=name, Authorization=f"Bearer {TOKEN}").status == 200
    refused(guarded.get("/", Host="evil.example", Authorization=f"Bearer {TOKEN}"), 403)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_which_hosts_only_this_machine_reaches(host: str, alone: bool) -> None:
    assert guard.is_loopback(host) == alone


def test_the_link_is_one_that_opens(built: Path) -> None:
    with listen("0.0.0.0", 0) as listener:
        shown = link(listener, "x")
        assert re.fullmatch(r"http://[^/]+:\d+/\?token=x", shown)
        assert "0.0.0.0" not in shown
    with listen("127.0.0.1", 0) as listener:
        assert link(listener, None) == f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_every_answer_has_the_headers(client: Client) -> None:
    for answer in (
        client.get("/"),
        client.get("/nowhere"),
        client.get("/api/about"),
        client.get("/api/nowhere"),
        client.get("/", Host="evil.example"),
        client.post("/api/about", b""),
        client.get("/assets/main-ABCD2345.js"),
    ):
        policy = dict(
            part.split(maxsplit=1) for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        for name, value in (
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ):
            assert answer.headers[name] == value
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


def test_files_of_the_page(client: Client, built: Path) -> None:
    index = client.get("/")
    assert index.headers["cache-control"] == "no-cache"
    assert index.headers["content-type"] == "text/html; charset=utf-8"
    again = client.get("/lesson/3", **{"If-None-Match": index.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert client.get("/", **{"If-None-Match": '"other"'}).status == 200
    script = client.get("/assets/main-ABCD2345.js")
    assert "immutable" in script.headers["cache-control"]
    assert re.match("text/javascript", script.headers["content-type"])
    assert "content-encoding" not in script.headers
    packed = client.get("/assets/main-ABCD2345.js", **{"Accept-Encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == script.body
    plain = client.get("/assets/main-ABCD2345.js", **{"Accept-Encoding": "gzip;q=0"})
    assert plain.body == script.body
    assert client.get("/assets/plain.svg").headers["content-type"] == "image/svg+xml"
    head = client.ask("HEAD", "/assets/main-ABCD2345.js")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "11000")


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "..%2fsecret.txt",
        "%2e%2e/secret.txt",
        "..%5csecret.txt",
        "....//secret.txt",
        "%2e%2e%2fsecret.txt",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "C:%5cWindows%5cwin.ini",
        ".",
        "..",
        "%00",
        "main-ABCD2345.js%00.svg",
        "main-ABCD2345.js/",
        "x" * 2000,
    ],
)
def test_nothing_but_the_pages_files_can_be_read(client: Client, name: str) -> None:
    for path in (f"/assets/{name}", f"/{name}", f"/api/{name}"):
        said = raw(
            client.port,
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
        )
        assert re.match(rb"HTTP/1.1 4\d\d ", said), said
        assert b'{"error":' in said
        assert b"secret" not in said.partition(b"\r\n\r\n")[2].replace(b"secret.txt", b"")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/nowhere", 404),
        ("GET", "/api/about/", 404),
        ("GET", "/lesson/x", 404),
        ("POST", "/", 405),
        ("POST", "/api/about", 405),
        ("DELETE", "/api/about", 405),
        ("GET", "/api/jobs/none/events", 200),
        ("DELETE", "/api/jobs/none", 404),
        ("PUT", "/", 405),
        ("OPTIONS", "/api/about", 405),
        ("TRACE", "/", 405),
        ("PROPFIND", "/", 405),
        ("GET", "/?" + "x" * 5000, 414),
        ("GET", "/" + "x" * 5000, 414),
    ],
)
def test_what_there_is_not_is_an_error_object(
    client: Client, method: str, path: str, status: int
) -> None:
    answer = client.ask(method, path)
    if status == 200:
        assert b"event: error" in answer.body
        return
    refused(answer, status)
    assert (status == 405) == ("allow" in answer.headers)


def test_what_is_no_http_is_an_error_object(client: Client) -> None:
    for request in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: "
        + b"x" * 100_000
        + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
    ):
        said = raw(client.port, request)
        head, _, body = said.partition(b"\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", head), said
        assert list(json.loads(body)) == ["error"]


def test_a_foreign_page_gets_no_socket_with_a_good_name(client: Client) -> None:
    with pytest.raises(InvalidStatus) as error:
        client.socket("/api/analysis", additional_headers={"Sec-Fetch-Site": "cross-site"})
    assert error.value.response.status_code == 403
