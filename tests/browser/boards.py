"""A person's hand on the page's board: clicks, stones, moves, files that are dropped and saved."""

from pathlib import Path
from typing import Any

LETTERS = "ABCDEFGHJKLMNOPQRST"


def click(page: Any, vertex: str) -> None:
    """Click a point of the (first) board."""
    x, y = LETTERS.index(vertex[0]), 19 - int(vertex[1:])
    page.locator(f".shudan-vertex[data-x='{x}'][data-y='{y}']").first.click()


def stones(page: Any) -> dict[str, str]:
    """The stones that are drawn, by vertex."""
    drawn = page.eval_on_selector_all(
        ".board:first-of-type .shudan-vertex:not(.shudan-sign_0)",
        "all => all.map((e) => [+e.dataset.x, +e.dataset.y, e.classList.contains('shudan-sign_1')])",
    )
    return {LETTERS[x] + str(19 - y): "b" if black else "w" for x, y, black in drawn}


def ready(page: Any, moves: int) -> None:
    """Wait until the network has said what it thinks after so many moves."""
    page.wait_for_function(
        """(moves) => document.querySelector('.movenumber').textContent === String(moves)
          && document.querySelector('.candidates tbody button')
          && !document.querySelector('.board-heat.stale')""",
        arg=moves,
    )


def play(page: Any, moves: list[str]) -> None:
    """Play by clicks."""
    for move in moves:
        click(page, move)


def saved(page: Any) -> bytes:
    """The file that is saved."""
    if not page.get_by_role("button", name="Save as SGF").is_visible():
        page.locator("summary", has_text="Files").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as SGF").click()
    return Path(download.value.path()).read_bytes()


def drop(page: Any, name: str, text: str) -> None:
    """Drop a file on the page."""
    page.evaluate(
        """([name, text]) => {
          const data = new DataTransfer();
          data.items.add(new File([text], name));
          document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        [name, text],
    )
