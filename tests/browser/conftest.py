"""The page in a real browser: one server and one Chromium for all tests of a process.

They skip, with a reason, where Chromium or the built page is missing; in CI that is a failure.
"""

import contextlib
import itertools
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gocnn import page as built_page
from tests.conftest import lacking

ROOT = Path(__file__).parents[2]
PATIENCE = 120_000
"""Milliseconds that a browser waits for what must come: on a cold start kernels are compiled."""

DESKTOP, PHONE = (1440, 900), (360, 740)
FEW_VISITS = {"board.settings": '{"visits":50}'}
"""What a tab has kept where a test does not say: hints of a quarter of the usual visits."""

_output: dict[str, Path] = {}
"""By the address of a server, the file of what it prints."""


def chromium() -> str | None:
    """Where Chromium is, None if nowhere."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


def warm(port: int) -> None:
    """Have the server do once what it compiles for, so that no test waits for that."""
    from websockets.sync.client import connect

    asked = {"type": "analyse", "id": 1, "position": {"moves": [["b", "Q16"]]}, "visits": 4}
    with connect(f"ws://127.0.0.1:{port}/api/analysis", ping_interval=None) as socket:
        socket.send(json.dumps(asked))
        while not json.loads(socket.recv(timeout=600)).get("done"):
            pass
    for path, body in (
        ("sgf?name=a.sgf", b"(;SZ[19];B[pd])"),
        ("play", b'{"position": {"moves": []}}'),
        ("score", b'{"position": {"moves": []}, "dead": []}'),
    ):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/{path}", body)
        request.add_header("content-type", "application/json")
        urllib.request.urlopen(request, timeout=600).read()


@contextlib.contextmanager
def started(*options: str) -> Iterator[str]:
    """A server with those options of `serve`, on a free port: its address. It has no runs, unless
    they are among the options: `make demo` leaves some in this folder."""
    if not built_page.built():
        lacking("the page is not built; run `make page`")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    folder = tempfile.TemporaryDirectory()
    _output[address] = Path(folder.name) / "output.txt"
    if "--runs" not in options:
        runs = Path(folder.name) / "runs"
        runs.mkdir()
        options += ("--runs", str(runs))
    with _output[address].open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "cli.py", "serve", "--port", str(port), *options],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{address}/api/about").read()
                break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None:
                    pytest.fail(f"the server ended: {printed(address)}", pytrace=False)
                time.sleep(0.1)
        else:
            pytest.fail("the server does not answer", pytrace=False)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        del _output[address]
        folder.cleanup()


def printed(address: str) -> str:
    """The end of what a server has printed."""
    file = _output.get(address)
    return file.read_text(encoding="utf-8", errors="replace")[-4000:] if file else ""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The real server, warmed up: its address."""
    with started() as address:
        warm(int(address.rpartition(":")[2]))
        yield address


@pytest.fixture(scope="session")
def inside(server: str) -> Any:
    """The network that ships (`gocnn.policy.inside.Inside`); the server has opened it, too."""
    from gocnn.policy.inside import Inside
    from gocnn.policy.model import default_model, load

    urllib.request.urlopen(f"{server}/api/lesson/network", timeout=600).read()
    return Inside(load(default_model()))


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("playwright is not installed; install the extra [dev]")
    path = chromium()
    if path is None:
        lacking("there is no chromium on the PATH; install it")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@dataclass
class Opened:
    """A tab, and what went wrong in it: messages of the console, errors of scripts, requests to
    elsewhere. expected: patterns of messages that are no fault in this test."""

    page: Any
    context: Any
    address: str
    faults: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note from now on what goes wrong."""

        def on_console(message: Any) -> None:
            if message.type in ("error", "warning"):
                self.faults.append(f"console: {message.text}")

        def on_request(request: Any) -> None:
            if not request.url.startswith((self.address, "data:", "blob:")):
                self.faults.append(f"request to elsewhere: {request.url}")

        self.page.on("console", on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("request", on_request)

    def check(self) -> None:
        """Fail if anything went wrong."""
        left = [
            fault
            for fault in self.faults
            if not any(re.search(pattern, fault) for pattern in self.expected)
        ]
        assert left == [], printed(self.address)


@contextlib.contextmanager
def tabs_of(browser: Any) -> Iterator[Callable[..., Opened]]:
    """Within: what opens a tab whose requests go to `address` only; other options are the
    browser context's. Afterwards what went wrong in any of the tabs fails the test."""
    tabs: list[Opened] = []

    def new(
        address: str,
        *,
        size: tuple[int, int],
        language: str,
        dark: bool,
        store: dict[str, str] | None = None,
        **options: Any,
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale="zh-TW" if language == "zh" else "en-GB",
            color_scheme="dark" if dark else "light",
            **options,
        )
        context.set_default_timeout(PATIENCE)
        if store:
            context.add_init_script(
                f"Object.entries({json.dumps(store)}).forEach(([k, v]) => localStorage[k] ??= v)"
            )
        tab = Opened(context.new_page(), context, address)
        tabs.append(tab)
        tab.watch()
        return tab

    yield new
    for tab in tabs:
        tab.context.close()
    for tab in tabs:
        tab.check()


Open = Callable[..., Opened]


@pytest.fixture
def open_page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Open]:
    """Opens a tab: `open_page("/", size=PHONE, language="zh", dark=True)`, of the server of all
    tests, or of the one at `address`. After the test, what went wrong in any of its tabs fails
    it."""
    with tabs_of(browser) as new:

        def opening(
            path: str = "/",
            *,
            size: tuple[int, int] = DESKTOP,
            language: str = "en",
            dark: bool = False,
            store: dict[str, str] | None = None,
            address: str | None = None,
        ) -> Opened:
            server = address or request.getfixturevalue("server")
            tab = new(
                server,
                size=size,
                language=language,
                dark=dark,
                store=FEW_VISITS if store is None else store,
                accept_downloads=True,
            )
            tab.page.goto(server + path)
            tab.page.wait_for_selector("main > *")
            return tab

        yield opening


OpenFile = Callable[..., Opened]


@pytest.fixture
def open_file(browser: Any, tmp_path: Path) -> Iterator[OpenFile]:
    """Opens a one-file page from the disk: `open_file(text, "#7", size=PHONE, language="zh")`."""
    numbers = itertools.count()
    with tabs_of(browser) as new:

        def opening(
            text: str,
            part: str = "",
            *,
            size: tuple[int, int] = DESKTOP,
            language: str = "en",
            dark: bool = False,
        ) -> Opened:
            target = tmp_path / f"{next(numbers)}.html"
            target.write_text(text, encoding="utf-8")
            tab = new(target.as_uri(), size=size, language=language, dark=dark, offline=True)
            tab.page.goto(target.as_uri() + part)
            tab.page.wait_for_selector(".shudan-goban")
            return tab

        yield opening
