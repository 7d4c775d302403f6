"""The lecture's stations of shared filters and of pooling, with the numbers of torch and of the
library."""

from typing import Any

import numpy as np
import pytest

import gocnn
from gocnn.board.coords import from_gtp, to_gtp
from gocnn.policy.inside import Inside
from gocnn.policy.merging import merged, together
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.suggestion import evaluate
from gocnn.serve.lesson.pooling import FOLDER, NETWORKS

from .conftest import DESKTOP, PHONE, Open
from .stations import MOVES, begin, judged, maps_after, shown, slide


def difference(page: Any, section: str, said: str) -> str:
    """The largest difference away from the edges, once the movement is that."""
    page.wait_for_function(
        """([section, said]) => document.querySelector('.right .said').textContent === said
          && document.querySelector(`[aria-labelledby=${section}].followed:not(.stale)`)""",
        arg=[section, said],
    )
    return str(page.locator(f"[aria-labelledby={section}].followed output").inner_text())


def test_sharing(open_page: Open, inside: Inside) -> None:
    """Shifted, the network's maps follow to within rounding and those of own filters do not; turned,
    neither does; where no point is away from the edges, that is said."""
    page = open_page("/lesson/3").page
    begin(page, MOVES)
    page.get_by_role("button", name="As it was").click()
    assert shown(difference(page, "own", "not moved")) == 0
    for _ in range(3):
        page.get_by_role("button", name="One point to the right").click()
    page.get_by_role("button", name="One point down").click()
    said = "moved 3 to the right, moved 1 down"
    assert shown(difference(page, "shared", said)) < 0.001
    assert shown(difference(page, "own", said)) > 0.2
    moved = page.locator("section[aria-labelledby=movedboard] circle.stone")
    # two stood on R
    assert moved.count() == len(MOVES) - 2
    page.get_by_role("button", name="As it was").click()
    page.get_by_role("button", name="Turn").click()
    assert shown(difference(page, "shared", "turned by 90° clockwise")) > 0.05
    slide(page, "Layer", 9)
    page.wait_for_function(
        "() => /no such points/.test(document.querySelector('[aria-labelledby=shared] output').textContent)"
    )
    stem = inside.layers[0].convolution.module.weight.numel()
    weights = page.locator("[aria-labelledby=own].followed td").nth(3).inner_text()
    assert shown(weights) == stem * 361


def test_exercises_of_the_third_station(open_page: Open, inside: Inside) -> None:
    page = open_page("/lesson/3").page
    begin(page, MOVES)
    stem = inside.layers[0].convolution.module.weight.numel()
    assert judged(page, 1, str(stem)).startswith("✗")
    assert judged(page, 1, f"{stem * 361:,}").startswith("✓")
    # two to the right and one down: points whose fields lie on the board before and after
    values = maps_after(inside, MOVES, 0)[0].reshape(19, 19)
    kept = values[3:17, 2:15]
    row, column = np.unravel_index(kept.argmax(), kept.shape)
    before, after = (int(row) + 3) * 19 + int(column) + 2, (int(row) + 2) * 19 + int(column) + 4
    page.wait_for_function(
        "(point) => document.querySelectorAll('.question')[1].textContent.includes(`is largest at ${point}.`)",
        arg=to_gtp(before),
    )
    assert judged(page, 2, to_gtp(before)).startswith("✗")
    assert judged(page, 2, to_gtp(after)).startswith("✓")


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_pooling_costs_the_board(open_page: Open, size: tuple[int, int]) -> None:
    """The merged board holds what pooling leaves; the little networks' first choices and accuracies
    are those of their files."""
    page = open_page("/lesson/4", size=size).page
    begin(page, MOVES)
    board = gocnn.position(moves=MOVES).board
    names = ("No pooling", "Maximum", "Minimum", "Mean", "Every second point")
    for name, merging in zip(names, NETWORKS, strict=True):
        page.get_by_role("button", name=name, exact=True).click()
        black, white = (merged(board.stones() == colour, merging) > 0 for colour in (1, 2))
        told = (
            f"{black.size} points; black on {black.sum()}, white on {white.sum()}, both on"
            f" {(black & white).sum()}."
        )
        page.wait_for_function(
            "(told) => document.querySelector('.merged [role=status]').textContent.startsWith(told)",
            arg=told,
        )
        drawn = page.locator(".merged .stone").count()
        assert drawn == black.sum() + white.sum()
    figures, rows = page.locator(".heats figure"), page.locator(".wide-table tbody tr")
    page.wait_for_selector("[aria-labelledby=heats]:not(.stale)")
    for k, file in enumerate(NETWORKS.values()):
        network = OnnxPolicy(str(FOLDER.joinpath(f"{file}.onnx")))
        policy = evaluate(network, board).probabilities
        best = int(policy.argmax())
        move = "Pass" if best == 361 else to_gtp(best)
        assert f"{move} ({policy[best] * 100:.1f} %)" in figures.nth(k).inner_text()
        facts = network.provenance
        cells = rows.nth(k).locator("td").all_inner_texts()
        assert cells[0] == f"{facts['top1'] * 100:.2f} %"
        assert cells[2] == f"{facts['top5'] * 100:.2f} %"
        assert shown(cells[3]) == facts["samples"]
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_exercises_of_the_fourth_station(open_page: Open) -> None:
    page = open_page("/lesson/4").page
    page.wait_for_selector(".exercises")
    others = [to_gtp(each) for each in together(from_gtp("Q16")) if each != from_gtp("Q16")]
    assert len(others) == 3
    assert judged(page, 1, "Q16").startswith("✗")
    assert judged(page, 1, "Q18").startswith("✗")
    for other in others:
        assert judged(page, 1, other).startswith("✓")
    right = [
        OnnxPolicy(str(FOLDER.joinpath(f"{NETWORKS[name]}.onnx"))).provenance["top1"]
        for name in ("none", "max")
    ]
    more = round((right[0] - right[1]) * 1000)
    assert judged(page, 2, str(more + 20)).startswith("✗")
    assert judged(page, 2, str(more)).startswith("✓")
