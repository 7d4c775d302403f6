"""What holds for every page: nothing goes wrong in the console, nothing is fetched from elsewhere,
nothing sticks out sideways, axe finds nothing serious, the keyboard reaches everything and shows
where it is, the first load is small, and both languages say the same.

The pages are those of the router, `web/src/main.tsx`: a new one is held to all of this at once.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, lacking

from .conftest import DESKTOP, PHONE, Open, Opened, started, warm

SOURCES = ROOT / "web" / "src"
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
STATIONS = 6
FIRST_LOAD = 300_000

_ROUTES = re.findall(r'path: "(/[^"]*)"', (SOURCES / "main.tsx").read_text(encoding="utf-8"))
PATHS = [*_ROUTES, *(f"/lesson/{k + 1}" for k in range(STATIONS) if "/lesson" in _ROUTES)]

SCREENS = {"desktop": (DESKTOP, "en"), "phone": (PHONE, "zh")}
QUICK = {"desktop": ("/", "/lesson/5"), "phone": ("/", "/photos", "/lesson/2")}
"""The pages that the quick suite looks at as well, by the screen."""


def pages(screen: str, *values: Any) -> list[Any]:
    """Each page, and these values, as parameters of a test on such a screen."""
    return [
        pytest.param(
            path,
            *values,
            marks=() if path in QUICK[screen] else (pytest.mark.slow,),
            id=f"{screen}-{path}" if values else path,
        )
        for path in PATHS
    ]


FOCUSABLE = """() => Array.from(
  document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex], audio[controls], video[controls]")
).filter((each) => each.tabIndex >= 0 && !each.disabled && each.checkVisibility({ visibilityProperty: true })
  && !each.closest("[inert]") && each.id !== "main"
  // of a group of radio buttons the one that is on stands for all
  && !(each.type === "radio" && !each.checked && document.querySelector(`input[name="${each.name}"]:checked`)))"""

LISTEN = """() => {
  globalThis.reached = new Set();
  globalThis.unseen = [];
  const seen = (element) => {
    for (let each = element, k = 0; each && k < 4; each = each.parentElement, k++) {
      const style = getComputedStyle(each);
      if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) return true;
    }
    return false;
  };
  addEventListener("focusin", (event) => {
    reached.add(event.target);
    if (!seen(event.target)) unseen.push(event.target.outerHTML.slice(0, 200));
  });
}"""


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, tiny_run: Path, tiny_classifiers: Path
) -> Iterator[str]:
    """A server that has something to show on every page."""
    runs = tmp_path_factory.mktemp("shown") / "runs"
    shutil.copytree(tiny_run, runs / "tiny")
    for name in ("go-run", "img-run"):
        shutil.copytree(ROOT / "tests" / "cases" / "old" / name, runs / "older" / name)
    (runs / "empty").mkdir()
    model = str(tiny_classifiers / "cnn")
    with started("--runs", str(runs), "--image-model", model) as found:
        warm(int(found.rpartition(":")[2]))
        yield found


def settle(tab: Opened) -> None:
    """Wait until the page has asked for all it shows, and has it."""
    tab.page.wait_for_selector(
        "main h1, main h2, main [role=application], main canvas", state="attached"
    )
    tab.page.wait_for_timeout(600)


def fill(page: Any, path: str) -> None:
    """Give the page something to show, where it begins empty."""
    if path == "/review":
        game = sorted((ROOT / "data" / "games" / "network").glob("*.sgf"))[0]
        page.set_input_files(".drop input", str(game))
        page.wait_for_selector(".reviewpage")
    if path == "/photos":
        folder = ROOT / "data" / "images" / "validation" / "soup"
        page.set_input_files(".drop input", [str(folder / f"00{k}.jpg") for k in range(2)])
        page.wait_for_selector("canvas.heat")
        page.locator(".neighbours button").click()
        page.wait_for_selector(".neighbours img")
        page.locator(".evaluate button").first.click()
        page.locator(".matrix button").first.click()
        page.wait_for_selector(".evaluate .cell")
        page.wait_for_timeout(200)


def unfold(page: Any) -> None:
    """Open all that can be unfolded."""
    page.evaluate(
        "() => document.querySelectorAll('details').forEach((each) => { each.open = true; })"
    )
    page.wait_for_timeout(200)


def hold_to_axe(page: Any, where: str) -> None:
    """Fail with what axe finds that is serious or critical."""
    if not AXE.is_file():
        lacking("axe-core is not installed; run `make page`")
    if not page.evaluate("() => 'axe' in globalThis"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate(
        """async () => (await axe.run(document, { resultTypes: ["violations"] })).violations
        .filter((each) => ["serious", "critical"].includes(each.impact))
        .map((each) => [each.id, each.help, each.nodes.slice(0, 5).map((node) => [node.html.slice(0, 200), node.failureSummary])])"""
    )
    assert found == [], f"{where}: {json.dumps(found, indent=1, ensure_ascii=False)}"


def hold_to_width(page: Any, width: int, where: str) -> None:
    """Fail if anything sticks out sideways; names what does."""
    found = page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          return Array.from(document.querySelectorAll("body *"))
            .filter((each) => each.getBoundingClientRect().right > width + 1)
            .map((each) => each.outerHTML.slice(0, 150)).slice(0, 5).concat(document.documentElement.scrollWidth);
        }"""
    )
    assert found == [], f"{where}, {width} wide: {found}"


def hold_to_first_load(page: Any) -> None:
    """Fail if what has come over the wire is not under 300 KB."""
    entries = page.evaluate(
        """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .map((each) => [each.name, each.transferSize])"""
    )
    assert len(entries) > 3
    assert sum(size for _, size in entries) < FIRST_LOAD, sorted(
        entries, key=lambda each: -each[1]
    )[:8]


@pytest.mark.parametrize(
    ("path", "size", "language"),
    [page for screen, values in SCREENS.items() for page in pages(screen, *values)],
)
def test_looks(
    open_page: Open, address: str, path: str, size: tuple[int, int], language: str
) -> None:
    """A small first load; light and dark, in both languages: nothing sticks out, and axe finds
    nothing serious."""
    tab = open_page(path, address=address, size=size, language=language)
    settle(tab)
    page = tab.page
    hold_to_first_load(page)
    assert page.evaluate("() => document.documentElement.lang") == (
        "en" if language == "en" else "zh-Hant"
    )
    title = page.title()
    assert title.endswith("· gocnn")
    assert page.locator("h1").count() == 1
    assert page.locator("nav a[aria-current=page]").count() == 1
    fill(page, path)
    unfold(page)
    for theme in ("light", "dark"):
        if page.evaluate("() => document.documentElement.dataset.theme") != theme:
            page.locator(".switches button").last.click()
            page.wait_for_timeout(200)
        hold_to_width(page, size[0], f"{path} {theme}")
        hold_to_axe(page, f"{path} {size[0]} {language} {theme}")
    page.locator(".switches button").first.click()
    settle(tab)
    unfold(page)
    assert page.title() != title, "the title is the same in both languages"
    hold_to_width(page, size[0], f"{path} in the other language")
    hold_to_axe(page, f"{path} {size[0]} in the other language")


@pytest.mark.parametrize("path", pages("desktop"))
def test_the_keyboard_reaches_everything(open_page: Open, address: str, path: str) -> None:
    """By Tab alone, and where one is can be seen."""
    tab = open_page(path, address=address)
    settle(tab)
    page = tab.page
    fill(page, path)
    page.evaluate(LISTEN)
    count = page.evaluate(f"() => ({FOCUSABLE})().length")
    assert count >= 3
    missed = ["all"]
    for _ in range(3):  # what a slow answer has brought meanwhile is reached by the next round
        for _ in range(count + 12):
            page.keyboard.press("Tab")
        missed = page.evaluate(
            f"() => ({FOCUSABLE})().filter((each) => !reached.has(each)).map((each) => each.outerHTML.slice(0, 200))"
        )
        if not missed:
            break
    assert missed == []
    assert page.evaluate("() => unseen") == []
    # and back: the first one is the way past the header
    page.goto(address + path)
    page.wait_for_selector("main > *")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.classList.contains('skip')")
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"


def test_the_checks_find_what_is_wrong(open_page: Open, address: str) -> None:
    """Each of them fails on a page that was spoilt for it."""
    tab = open_page("/runs", address=address, size=PHONE)
    page = tab.page
    for html, check in (
        ("<img src='data:,'>", "axe"),
        ("<button></button>", "axe"),
        ("<p class='pale'>pale</p>", "axe"),
        ("<div class='wide'>wide</div>", "width"),
        ("<button class='hidden-focus'>where?</button>", "keyboard"),
    ):
        page.goto(f"{address}/runs")
        settle(tab)
        page.evaluate(
            """(html) => {
              document.querySelector("main").insertAdjacentHTML("afterbegin", html);
              const sheet = new CSSStyleSheet();
              sheet.replaceSync(`.pale { color: #999; background: #fff; } .wide { width: 900px; }
                .hidden-focus { outline: none !important; }`);
              document.adoptedStyleSheets.push(sheet);
            }""",
            html,
        )
        page.evaluate(LISTEN)
        for _ in range(12):
            page.keyboard.press("Tab")
        assert bool(page.evaluate("() => unseen")) == (check == "keyboard"), html
        if check == "axe":
            with pytest.raises(AssertionError):
                hold_to_axe(page, "")
        if check == "width":
            with pytest.raises(AssertionError):
                hold_to_width(page, PHONE[0], "")


def tables() -> dict[str, dict[str, dict[str, str]]]:
    """The texts by file, language and key."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for path in sorted((SOURCES / "texts").glob("*.ts")):
        text = path.read_text(encoding="utf-8")
        halves = re.search(r"\n  en: \{(.*?)\n  \},\n  zh: \{(.*?)\n  \},", text, re.S)
        if halves is None:
            continue
        lines = re.compile(
            r'^    "([^"]+)":\s*("(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`),$', re.M
        )
        found[path.name] = {
            name: {key: value[1:-1] for key, value in lines.findall(half)}
            for name, half in zip(("en", "zh"), halves.groups(), strict=True)
        }
    return found


def test_both_languages_say_the_same() -> None:
    """The same keys (the types hold that, too), the same gaps, and Chinese in the Chinese ones."""
    found = tables()
    assert len(found) >= 2
    for name, languages in found.items():
        en, zh = languages["en"], languages["zh"]
        assert len(en) > 5, name
        assert en.keys() == zh.keys(), name
        for key in en:
            assert en[key].strip(), (name, key)
            assert zh[key].strip(), (name, key)
            gaps = [sorted(re.findall(r"\{\w+\}", text)) for text in (en[key], zh[key])]
            assert gaps[0] == gaps[1], (name, key)
            words = re.sub(r"\{\w+\}", "", en[key])
            assert not re.search(r"[\u4e00-\u9fff]", words), (name, key)


def test_every_text_is_used() -> None:
    """A text that no page shows is taken out."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(SOURCES.rglob("*.ts*"))
        if path.parent.name != "texts"
    )
    begun = set(re.findall(r"`([\w.]+)\$\{", code))
    unused = [
        key
        for languages in tables().values()
        for key in languages["en"]
        if f'"{key}"' not in code and not any(key.startswith(each) for each in begun)
    ]
    assert unused == []


def test_what_is_wider_says_so(open_page: Open, address: str) -> None:
    """On a phone what scrolls sideways has a sign at the side where there is more, and the keyboard
    scrolls it; where all of it fits, there is no sign."""
    page = open_page("/lesson/2", address=address, size=PHONE).page
    signs = """(e) => ["::before", "::after"].map((at) => getComputedStyle(e, at).display)"""
    for path, inner in (
        ("/lesson/2", ".windows"),
        ("/lesson/4", ".wide-table"),
        ("/lesson/6", ".wide-table"),
        ("/runs", "header nav"),
    ):
        page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
        page.goto(address + path)
        one = page.locator(inner).first
        one.wait_for()
        one.evaluate("(e) => e.scrollTo(0, 0)")
        frame = one.locator("xpath=ancestor::*[contains(@class, 'sideways')][1]")

        def wait_for(display: list[str], frame: Any = frame) -> None:
            page.wait_for_function(
                f"([e, display]) => ({signs})(e).join() === display.join()",
                arg=[frame.element_handle(), display],
            )

        wait_for(["none", "flex"])
        if inner == "header nav":  # links, of which the keyboard brings the last one into view
            tops = {box["y"] for e in one.locator("a").all() if (box := e.bounding_box())}
            assert len(tops) == 1
            one.locator("a").last.focus()
        else:
            one.focus()
            page.keyboard.press("ArrowRight")
            wait_for(["flex", "flex"])
            one.evaluate("(e) => e.scrollTo(e.scrollWidth, 0)")
        wait_for(["flex", "none"])
        page.set_viewport_size({"width": 2400, "height": 900})
        wait_for(["none", "none"])
