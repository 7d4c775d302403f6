"""The page of training runs: a run that is training while it is watched, runs over one another, and
what differs between them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.watched import line, make

from .conftest import PHONE, ROOT, Open, started

LABELS = "Array.from(document.querySelectorAll('.curve [role=img]'), (each) => each.ariaLabel)"
POINTS = "+document.querySelector('[data-figure=train_loss] tbody').rows.length"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that have ended, whose figures are known, and one that is damaged."""
    runs = tmp_path_factory.mktemp("watched") / "runs"
    for name, batch, top1 in (("slow", 8, (0.1, 0.3, 0.2)), ("fast", 16, (0.2, 0.25, 0.4))):
        text = "".join(
            line("train", step, loss=5 - step / 20, accuracy=step / 200, rate_factor=0.5)
            + line("valid", step, loss=4.5 - step / 20, top1=share, top5=share * 2)
            for step, share in zip((10, 20, 30), top1, strict=True)
        )
        train = {"steps": 30, "batch": batch, "optimiser": "muon", "learning_rate": None}
        make(runs / name, text, wishes={"train": train, "games": ["/home/x/<b>games<b>.zip"]})
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("{")
    return runs


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with started("--runs", str(folder)) as found:
        yield found


@pytest.fixture
def training(folder: Path, sample_store: Path) -> Iterator[str]:
    """The name of a run that trains meanwhile."""
    command = [sys.executable, "cli.py", "go-train", str(sample_store)]
    command += ["--out", str(folder / "live"), "--minutes", "30", "--preset", "tiny"]
    command += ["--channels", "8", "--blocks", "1", "--batch", "8", "--validations", "600"]
    command += ["--valid-positions", "100", "--precision", "fp32", "--no-compile", "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(6000):  # on a cold start kernels are compiled
            if (folder / "live" / "metrics.jsonl").exists():
                break
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            time.sleep(0.1)
        yield "live"
    finally:
        process.terminate()
        process.communicate(timeout=120)


def until(page: Any, condition: str) -> None:
    """Wait until an expression is true there. (As a function: the page's policy forbids texts.)"""
    page.wait_for_function(f"() => {condition}")


def show(page: Any, *names: str) -> None:
    """Have those runs shown, and no others."""
    page.wait_for_selector(".run")
    for row in page.query_selector_all(".run"):
        box = row.query_selector("input")
        if box.is_checked() != (row.get_attribute("data-run") in names):
            box.click()


def table(page: Any, figure: str) -> list[list[str]]:
    """The numbers of a graph, as its table has them."""
    details = page.locator(f"[data-figure={figure}] details")
    if not details.evaluate("(each) => each.open"):
        details.locator("summary").click()
    page.wait_for_selector(f"[data-figure={figure}] td")
    rows: list[list[str]] = page.locator(f"[data-figure={figure}] tr").evaluate_all(
        "(rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.textContent))"
    )
    return rows


def columns(page: Any, figure: str) -> dict[str, list[str]]:
    """The same by the heads of the columns."""
    head, *rows = table(page, figure)
    return dict(zip(head, map(list, zip(*rows, strict=True)), strict=True))


def test_a_run_that_is_training_while_it_is_watched(
    open_page: Open, address: str, training: str, folder: Path
) -> None:
    tab = open_page("/runs", address=address)
    page = tab.page
    row = page.locator(f'.run[data-run="{training}"]')
    row.wait_for()
    show(page, training)
    row.locator(".state.now").wait_for()
    page.wait_for_selector("[data-figure=train_loss] canvas")
    table(page, "train_loss")
    before = page.evaluate(POINTS)
    until(page, f"{POINTS} >= {before + 2}")
    # all that the page shows stands in the file
    shown = table(page, "train_loss")[1:]
    steps = {
        json.loads(text)["step"]
        for text in (folder / training / "metrics.jsonl").read_text().splitlines()
    }
    assert {int(cells[0].replace(",", "")) for cells in shown} <= steps
    # samples of its validations come, too
    page.wait_for_selector(".sample .miniboard")
    assert page.locator(".sample .miniboard").count() == 8
    assert "training" in row.inner_text()


def test_two_runs_over_one_another_and_what_differs(open_page: Open, address: str) -> None:
    tab = open_page("/runs", address=address)
    page = tab.page
    show(page, "slow", "fast")
    until(page, f"{LABELS}.some((each) => each.includes('slow') && each.includes('fast'))")
    rows = table(page, "accuracy")
    assert set(rows[0][1:]) == {
        f"{name}, {kind}" for name in ("slow", "fast") for kind in ("training", "validation")
    }
    values = columns(page, "accuracy")
    assert values["slow, validation"] == ["10 %", "30 %", "20 %"]
    assert values["fast, validation"] == ["20 %", "25 %", "40 %"]
    assert values["fast, training"] == ["5 %", "10 %", "15 %"]
    # training loss and validation loss measure different things: a graph each, of the runs' names
    for figure in ("train_loss", "valid_loss"):
        assert set(columns(page, figure)) == {"Steps", "slow", "fast"}
    assert columns(page, "train_loss")["slow"] == ["4.5", "4", "3.5"]
    assert columns(page, "valid_loss")["slow"] == ["4", "3.5", "3"]
    assert {cell for row in table(page, "rate")[1:] for cell in row[1:]} == {"0.005"}
    # the best, by the figure that chooses it
    assert "30 % at step 20" in page.locator('.run[data-run="slow"]').inner_text()
    assert "40 % at step 30" in page.locator('.run[data-run="fast"]').inner_text()
    # along another axis
    page.get_by_role("combobox", name="Along").select_option("samples")
    until(page, "document.querySelector('[data-figure=accuracy] tbody th').textContent === '80'")
    page.get_by_role("combobox", name="Along").select_option("time")
    until(
        page, "document.querySelector('[data-figure=accuracy] tbody th').textContent === '0.0833'"
    )
    # the end of it alone, and smoothed: means over neighbours
    page.get_by_role("combobox", name="Along").select_option("step")
    page.get_by_label("Smooth training curves").check()
    until(page, "document.querySelector('[data-figure=accuracy] tbody th').textContent === '10'")
    values = columns(page, "accuracy")
    assert values["fast, training"] == ["7.5 %", "10 %", "12.5 %"]
    assert values["fast, validation"] == ["20 %", "25 %", "40 %"]
    page.get_by_role("combobox", name="Part").select_option("0.5")
    until(page, "document.querySelector('[data-figure=accuracy] tbody').rows.length === 2")
    assert columns(page, "accuracy")["slow, validation"] == ["30 %", "20 %"]
    # another figure
    page.get_by_role("combobox", name="Another figure").select_option("top5")
    page.wait_for_selector("[data-figure=top5] canvas")
    differ = page.locator(".differ tbody tr")
    differ.first.wait_for()
    # where the runs' columns do not fit, an arrow says that there is more
    page.set_viewport_size({"width": 360, "height": 740})
    page.wait_for_selector(".differ .sideways[data-after]")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.wait_for_selector(".differ .sideways:not([data-after])")
    cells = differ.evaluate_all(
        "(rows) => rows.map((row) => Array.from(row.cells, (cell) => cell.textContent))"
    )
    names = page.locator(".differ thead th").all_inner_texts()[1:]
    assert [row[0] for row in cells] == ["train.batch"]
    assert dict(zip(names, cells[0][1:], strict=True)) == {"slow": "8", "fast": "16"}
    # what a file says is text
    page.get_by_text("What was asked").click()
    assert "<b>games<b>.zip" in page.inner_text("main")
    assert page.locator("main table b").count() == 0
    assert "/home" not in page.inner_text("body")


def test_the_choice_is_in_the_address(open_page: Open, address: str) -> None:
    tab = open_page("/runs", address=address, size=PHONE, language="zh")
    show(tab.page, "slow")
    until(tab.page, f"{LABELS}.some((each) => each.includes('slow'))")
    chosen = tab.page.evaluate("location.hash")
    again = open_page(f"/runs{chosen}", address=address)
    until(again.page, f"{LABELS}.some((each) => each.includes('slow'))")
    boxes = again.page.locator(".run input")
    assert boxes.evaluate_all("(all) => all.filter((each) => each.checked).length") == 1


def test_damaged_folders_are_named(open_page: Open, address: str) -> None:
    tab = open_page("/runs", address=address)
    tab.page.get_by_text("Not shown (1)").click()
    assert "broken: its run.json is damaged" in tab.page.inner_text(".skipped")


@pytest.mark.slow
def test_without_runs_it_says_how_to_begin(open_page: Open, tmp_path: Path) -> None:
    with started("--runs", str(tmp_path / "none")) as empty:
        tab = open_page("/runs", address=empty)
        tab.page.wait_for_selector("pre")
        assert "go-train" in tab.page.inner_text("pre")
        tab.page.wait_for_timeout(100)
        # a run that appears is shown at once
        make(tmp_path / "none" / "first", line("train", 1, loss=1.0))
        tab.page.wait_for_selector('.run[data-run="first"]')
        tab.context.close()


def test_a_server_that_ends_is_noticed(open_page: Open, folder: Path) -> None:
    with started("--runs", str(folder)) as ending:
        tab = open_page("/runs", address=ending)
        tab.page.wait_for_selector(".run")
    tab.expected.append("ERR_|Failed to load")
    tab.page.wait_for_selector("main [role=alert]")
    assert "does not answer" in tab.page.inner_text("main [role=alert]")
    # what was shown stays
    assert tab.page.locator(".run").count() >= 2
