"""What the server says is read in Chinese where the page is."""

# ruff: noqa: RUF001

import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from .bundled import bundle
from .conftest import ROOT, Open

JPEG = ROOT / "data/images/validation/pizza/003.jpg"
BLANK: dict[str, Any] = {"moves": []}
KO = [["b", "C3"], ["w", "C4"], ["b", "D2"], ["w", "D5"], ["b", "E3"], ["w", "E4"], ["b", "D4"]]


def zipped(name: str, data: bytes) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


RECORDS = (
    b"a letter, no game",
    b"",
    b"(;SZ[9];B[ee])",
    b"(;GM[3];B[ee])",
    b"(;SZ[19];B[pd];W[pd])",
    b"(;SZ[19];B[zz])",
    b"(;SZ[19]AB[zz:aa];B[pd])",
    b"(;SZ[19]HA[13];W[pd])",
    b"(;SZ[19]AB[aa]AW[ab][ba];B[pd])",
    b"(;SZ[19];B[pd](;W[dd]",
    b"(;SZ[19];B[pd] C)",
    b"(;[19])",
    zipped("a.sgf", b"no game"),
    zipped("a.txt", b"no game"),
)
PICTURES = (b"", b"GIF89a", b"hello", b"%PDF-1.4 x", b"\x89PNG\r\n\x1a\n", b"<html>x", bytes(100))
MESSAGES: tuple[tuple[str, Any], ...] = (
    ("play", {"position": BLANK, "model": "nobody's"}),
    ("play", {"position": BLANK, "level": "42k"}),
    ("play", {"position": {"moves": [["b", "Q16"], ["w", "Q16"]]}}),
    ("play", {"position": {"moves": [*KO, ["w", "D3"], ["b", "D4"]]}}),
    ("play", {"position": {"moves": [["w", "A2"], ["w", "B1"], ["b", "A1"]]}}),
    ("play", {"position": {"moves": [], "black": ["A1"], "white": ["A1"]}}),
    ("play", {"position": {"moves": [], "black": ["A1"], "white": ["A2", "B1"]}}),
    ("play", {"position": {"moves": [], "komi": 6.3}}),
    ("play", {"position": {"moves": [], "rules": "chines"}}),
    ("score", {"position": BLANK, "dead": ["Q16"]}),
    ("lesson/gradients", {"position": BLANK, "blocks": 2}),
    ("images/predict", {"picture": "gone"}),
    ("images/predict", {"picture": "sample:pizza-1", "model": "nobody's"}),
)


def answers(address: str) -> Iterator[str]:
    """All that the server says to what cannot be done."""
    asked = [(f"{path}?name=a.sgf", data) for data in RECORDS for path in ("sgf", "review")]
    asked += [("images/pictures?name=a.jpg", data) for data in PICTURES]
    asked += [(path, json.dumps(message).encode()) for path, message in MESSAGES]
    missing = ("jobs/gone", "nowhere", "runs/gone", "lesson/network?model=x")
    for path, body in [*asked, *((path, None) for path in missing)]:
        request = urllib.request.Request(f"{address}/api/{path}", body)
        try:
            found = json.loads(urllib.request.urlopen(request, timeout=600).read())
        except urllib.error.HTTPError as refused:
            yield json.loads(refused.read())["error"]
            continue
        if "job" in found:
            yield ended(f"{address}/api/jobs/{found['job']}/events")
        else:
            yield from (game["trouble"] for game in found["games"])
    with connect(f"{address.replace('http', 'ws')}/api/analysis") as socket:
        asked_last = {"type": "analyse", "id": 1, "position": BLANK, "level": "x"}
        socket.send(json.dumps(asked_last))
        yield json.loads(socket.recv(600))["error"]


def ended(address: str) -> str:
    """What a job says at its end."""
    for line in urllib.request.urlopen(address, timeout=600):
        said = json.loads(line[6:]) if line.startswith(b"data: ") else {}
        if "error" in said:
            return str(said["error"])
    return ""


def test_real_sentences_are_chinese(server: str, browser: Any) -> None:
    sentences = sorted({each for each in answers(server) if each})
    assert len(sentences) > 40
    page = browser.new_page(locale="zh-TW")
    page.evaluate(bundle())
    said = page.evaluate("all => all.map(lib.said.said)", sentences)
    page.close()
    english = re.compile(r"[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}")
    pairs = list(zip(sentences, said, strict=True))
    assert [(was, now) for was, now in pairs if now == was or english.search(now)] == []


def test_what_is_put_in_stays(browser: Any) -> None:
    page = browser.new_page(locale="zh-TW")
    page.evaluate(bundle())
    for sentence, chinese in (
        ("there is no network 'x{1}$&'; there are a, b", "沒有名為 'x{1}$&' 的網路；現有 a, b"),
        ("a (b).sgf: its brackets do not close", "a (b).sgf：括號沒有關閉"),
        (
            "moves[3] is illegal: black may not play D4: the ko forbids it; leave it out",
            "第 3 手（從 0 數起）不合法：黑方不能下在 D4：打劫不能立即提回；請去掉這一手",
        ),
        (
            "go-run cannot be opened: this needs the package torch, which is not installed here;"
            " install it with: pip install torch (all that is needed: the extra train of gocnn)",
            "無法開啟 go-run：這需要套件 torch，但尚未安裝；安裝指令：pip install torch（所需的全部套件："
            "gocnn 的附加項目 train）",
        ),
        ("nobody has said this: never", "nobody has said this: never"),
        ("", ""),
    ):
        assert page.evaluate("one => lib.said.said(one)", sentence) == chinese
    page.close()
    page = browser.new_page(locale="en-GB")
    page.evaluate(bundle())
    assert page.evaluate("lib.said.said('cut short')") == "cut short"
    page.close()


def test_bad_files_in_chinese(open_page: Open, tmp_path: Path) -> None:
    record, picture = tmp_path / "bad.sgf", tmp_path / "bad.jpg"
    record.write_text("a letter", encoding="utf-8")
    picture.write_bytes(b"\x89PNG\r\n\x1a\n")
    tab = open_page("/", language="zh")
    tab.expected = ["400"]
    tab.page.set_input_files(".drop input", str(record))
    tab.page.wait_for_selector("text=bad.sgf：不是 SGF 棋譜（裡面沒有棋局「(;」）；請換一個檔案")
    tab.page.goto(f"{tab.address}/review")
    tab.page.set_input_files(".drop input", str(record))
    tab.page.wait_for_selector("text=bad.sgf：不是 SGF 棋譜")
    tab.page.goto(f"{tab.address}/photos")
    tab.page.set_input_files(".drop input", str(picture))
    tab.page.wait_for_selector("text=bad.jpg：")
    assert "請換一張圖片" in tab.page.inner_text("main")


def test_a_network_that_cannot_be_opened(open_page: Open) -> None:
    """The page goes on with another one, and says why; a record that is dropped before the page
    knows its networks waits for that."""
    why = (
        "mine cannot be opened: this needs the package torch, which is not installed here; install"
        " it with: pip install torch (all that is needed: the extra train of gocnn)"
    )
    tab = open_page("/runs", language="zh")

    def with_another(route: Any) -> None:
        about = route.fetch().json()
        broken = {"has_value": False, "has_score": False, "shipped": False, "error": why}
        about["models"].insert(0, {"name": "mine", "title": "mine", **broken})
        route.fulfill(json=about)

    tab.context.route("**/api/about", with_another)
    asked: list[str] = []
    tab.page.on("websocket", lambda socket: socket.on("framesent", lambda one: asked.append(one)))
    tab.page.goto(f"{tab.address}/")
    tab.page.wait_for_selector(".candidates tbody button")
    assert [json.loads(each)["model"] for each in asked][-1] == "small"
    assert "無法開啟 mine：這需要套件 torch，但尚未安裝" in tab.page.text_content("main")
    late: list[Any] = []

    def hold(route: Any) -> None:
        late.append(route)

    tab.context.route("**/api/about", hold)  # the route of last is asked first
    tab.page.goto(f"{tab.address}/review")
    tab.page.wait_for_selector("main .drop")
    with tab.page.expect_request(lambda request: "/api/review?" in request.url) as sent:
        tab.page.set_input_files(
            ".drop input", {"name": "a.sgf", "mimeType": "", "buffer": b"(;SZ[19];B[pd];W[dd])"}
        )
        tab.page.wait_for_selector("main progress")
        tab.context.unroute("**/api/about", hold)
        for route in late:
            with_another(route)
    assert "model=small" in sent.value.url
    tab.page.wait_for_selector(".reviewpage")
    with tab.page.expect_request(lambda request: "/api/lesson/network" in request.url) as sent:
        tab.page.goto(f"{tab.address}/lesson/1")
    assert "model=small" in sent.value.url


def test_a_classifier_that_cannot_be_opened(open_page: Open) -> None:
    """The reason stays while pictures come, and another classifier can be asked."""
    why = "mine cannot be opened: this needs the package torch, which is not installed here"
    tab = open_page("/runs", language="zh")
    tab.expected = ["503"]

    def with_another(route: Any) -> None:
        found = route.fetch().json()
        found["models"].insert(0, {"name": "mine", "found": False, "shipped": False})
        route.fulfill(json=found)

    tab.context.route("**/api/images/models", with_another)
    tab.context.route(
        "**/api/images/model?model=mine", lambda one: one.fulfill(status=503, json={"error": why})
    )
    page = tab.page
    page.goto(f"{tab.address}/photos")
    page.wait_for_selector("[role=alert]:has-text('無法開啟 mine')")
    picture = {"name": "a.jpg", "mimeType": "", "buffer": JPEG.read_bytes()}
    page.set_input_files(".drop input", picture)
    page.wait_for_selector(".looking img, .details img")
    assert page.locator("[role=alert]:has-text('無法開啟 mine')").count() == 1
    assert "正在開啟" not in page.inner_text("main")
    page.locator(".field select").first.select_option("food")
    page.wait_for_selector(".details .big")
    assert page.locator("[role=alert]").count() == 0
