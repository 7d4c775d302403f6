"""Reviews in a browser: what is on the page, and what should be."""

from pathlib import Path
from typing import Any

from sgfmill import sgf, sgf_moves

from gocnn.board.coords import to_gtp
from gocnn.games.sgf_tree import parse
from gocnn.review.review import Review, review
from tests.conftest import ROOT, lacking


def reviewed(data: bytes, evaluator: Any, name: str = "game.sgf", *, visits: int = 0) -> Review:
    """The library's own review."""
    return review(parse(data, name)[0], name, evaluator, visits=visits)


def occupied(data: bytes, moves: int) -> dict[str, str]:
    """Stones after so many moves, by sgfmill."""
    board, plays = sgf_moves.get_setup_and_moves(sgf.Sgf_game.from_bytes(data))
    for colour, place in plays[:moves]:
        if place is not None:
            board.play(*place, colour)
    return {
        to_gtp(row * 19 + column): colour for colour, (row, column) in board.list_occupied_points()
    }


def ready(page: Any, moves: int) -> None:
    """Wait until a game is shown after so many moves."""
    page.wait_for_function(
        "(n) => document.querySelector('.movenumber')?.textContent === String(n)", arg=moves
    )


def place(page: Any) -> str:
    """What is said of the move."""
    return str(page.locator(".place h2").inner_text())


def named(result: Review, k: int) -> str:
    move = result.moves[k]
    return f"{k + 1} {'Black' if move.colour == 1 else 'White'} {to_gtp(move.index)}"


def upload(page: Any, files: list[Path]) -> None:
    page.set_input_files(".drop input", [str(path) for path in files])


def nothing_serious(page: Any) -> None:
    """axe-core finds nothing serious."""
    found = ROOT / "web/node_modules/axe-core/axe.min.js"
    if not found.exists():
        lacking("axe-core is not installed; run `make page`")
    page.evaluate(found.read_text(encoding="utf-8") + "\n0")
    told = page.evaluate("axe.run().then((found) => found.violations)")
    bad = [each for each in told if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [n["target"] for n in each["nodes"]][:3]) for each in bad] == []


def fits(page: Any, width: int) -> None:
    """Nothing sticks out sideways, but what scrolls in itself."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = page.evaluate(
        """(width) => [...document.querySelectorAll('svg, button, label, td, h1, p')].filter((e) =>
          !e.closest('.scrolled, .visually-hidden') && e.getBoundingClientRect().right > width + 1).length""",
        width,
    )
    assert beyond == 0
