"""What tests of the lecture's stations share: a position, its maps by the library, and a person's
moves, sliders and answers."""

from typing import Any

import gocnn
from gocnn.policy.inside import Inside
from gocnn.policy.suggestion import planes_of, recent_moves

from .boards import play, stones

MOVES = ["Q16", "D4", "Q3", "D17", "C6", "R5", "O17", "K4", "R14", "K10", "J11", "K12"]
TIMES = "\u00d7"


def planes_after(inside: Inside, moves: list[str]) -> Any:
    board = gocnn.position(moves=moves).board
    return planes_of(board, recent_moves(board), inside.policy.plane_groups)


def maps_after(inside: Inside, moves: list[str], layer: int) -> Any:
    return inside.maps(planes_after(inside, moves), layer).reshape(-1, 361)


def begin(page: Any, moves: list[str]) -> None:
    """An empty board, and these moves on it."""
    page.wait_for_selector(".exercises")
    page.locator("summary", has_text="Another position").click()
    page.get_by_role("button", name="Empty board").click()
    if page.get_by_role("button", name="Play stones").is_visible():
        page.get_by_role("button", name="Play stones").click()
    play(page, moves)
    assert len(stones(page)) == len(moves)


def slide(page: Any, name: str, value: int) -> None:
    """Move a slider, as the keyboard does it."""
    slider = page.get_by_role("slider", name=name)
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(value):
        page.keyboard.press("ArrowRight")


def judged(page: Any, number: int, text: str) -> str:
    """What is said of an answer to the first or the second exercise."""
    exercise = page.locator(".exercise").nth(number - 1)
    exercise.get_by_role("textbox").fill(text)
    page.wait_for_function(
        "(k) => !document.querySelectorAll('.exercise button')[k] || !document.querySelectorAll('.exercise')[k].querySelector('button').disabled",
        arg=number - 1,
    )
    page.keyboard.press("Enter")
    return str(exercise.get_by_role("status").inner_text())


def shown(number: str) -> float:
    """A number as the page writes it."""
    return float(number.replace("\u2212", "-").replace(",", ""))


def close(number: str, value: float) -> bool:
    return abs(shown(number) - value) <= 0.006 * max(1.0, abs(value))
