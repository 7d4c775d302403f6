"""The pictures of the page in README.md: docs/page-board.png, page-review.png, page-lesson.png,
page-residual.png, page-photos.png.

    python benchmarks/screenshots.py [--out docs] [--only board review lesson residual photos]
      [--game FILE] [--image-model RUN]

That of photographs needs a classifier of the drawn pictures, so that no photograph of somebody's is
published: one that `img-train data/images --out RUN` has trained.

The server is a process of its own, as `cli.py serve` starts it (after `make page`), with the
network that it begins with and a game of the samples; the browser is the Chromium on the PATH.
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

from scripts import run_script

ROOT = Path(__file__).parents[1]
SIZE: ViewportSize = {"width": 1360, "height": 1040}
MOST_BYTES = 200_000
PATIENCE = 300_000
"""Milliseconds: a cold start compiles."""


@contextmanager
def server(image_model: Path | None) -> Iterator[str]:
    """`cli.py serve` on a free port: its address."""
    command = [sys.executable, "cli.py", "serve", "--port", "0"]
    command += ["--image-model", str(image_model)] if image_model else []
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        for line in process.stdout:
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found:
                yield found[0]
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait()


def board(page: Any, game: Path) -> None:
    """A position of the game with the network's hints, after some hundred visits, and who leads
    through the game."""
    page.wait_for_selector(".shudan-goban")
    page.set_input_files(".drop input", str(game))
    page.wait_for_function("() => document.querySelectorAll('.tree .dot').length > 5")
    page.get_by_role("button", name="Judge the whole line").click()
    page.wait_for_selector(".panel progress", state="attached")
    page.wait_for_selector(".panel progress", state="detached")
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("PageDown")
    page.wait_for_selector(".candidates tbody button")
    page.wait_for_timeout(20_000)


def review(page: Any, game: Path) -> None:
    """The game's review, at the least expected move of its middle."""
    page.set_input_files(".drop input", str(game))
    page.wait_for_selector(".reviewpage")
    page.wait_for_timeout(1000)
    for row in page.locator(".least tbody button").all():
        if 50 < int(row.inner_text().split()[0]) < 200:
            row.click()
            break
    page.evaluate("() => document.querySelector('.reviewpage').scrollIntoView()")
    page.wait_for_timeout(2500)


def lesson(page: Any, _game: Path) -> None:
    """The station of filters and their maps."""
    page.wait_for_selector("[aria-labelledby=bigmap] canvas")
    page.wait_for_timeout(2500)


def residual(page: Any, _game: Path) -> None:
    """The station of depth, with 32 blocks."""
    page.get_by_role("button", name="32", exact=True).click()
    page.wait_for_selector(".said:has-text(' 32 blocks')")
    page.wait_for_timeout(2500)


def photos(page: Any, _game: Path) -> None:
    """Several drawn dishes, where the classifier looks in one, what is like it."""
    folder = ROOT / "data" / "images" / "validation"
    files = sorted(folder.glob("*/00[34].jpg"))
    page.wait_for_selector(".drop input", state="attached")
    page.set_input_files(".drop input", [str(file) for file in files])
    page.wait_for_selector("canvas.heat")
    page.locator(".tile .choose").nth(len(files) - 2).click()
    page.locator(".neighbours button").click()
    page.wait_for_selector(".neighbours img")
    page.locator(".card:has(canvas.heat)").evaluate(
        "one => scrollTo(0, one.getBoundingClientRect().top + scrollY - 12)"
    )
    page.wait_for_timeout(2500)


PICTURES: dict[str, tuple[str, Callable[[Any, Path], None]]] = {
    "board": ("/", board),
    "review": ("/review", review),
    "lesson": ("/lesson/2", lesson),
    "residual": ("/lesson/6", residual),
    "photos": ("/photos", photos),
}


def write(picture: bytes, target: Path) -> None:
    """Save it, in fewer colours if it is too large otherwise."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.save(target, optimize=True)
    for colours in (256, 128, 64):
        if target.stat().st_size < MOST_BYTES:
            return
        small = image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(target, optimize=True)
    if target.stat().st_size >= MOST_BYTES:
        raise SystemExit(f"{target} is larger than {MOST_BYTES} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--only", nargs="+", choices=PICTURES)
    parser.add_argument("--image-model", type=Path)
    parser.add_argument(
        "--game", type=Path, default=sorted((ROOT / "data/games/network").glob("*.sgf"))[0]
    )
    options = parser.parse_args()
    only = options.only or [name for name in PICTURES if name != "photos" or options.image_model]
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no chromium on the PATH; install it")
    with server(options.image_model) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in only:
            path, prepare = PICTURES[name]
            page = browser.new_page(viewport=SIZE, locale="en-GB", color_scheme="light")
            page.set_default_timeout(PATIENCE)
            page.goto(address + path)
            prepare(page, options.game)
            page.evaluate("() => document.activeElement.blur()")
            target = options.out / f"page-{name}.png"
            write(page.screenshot(), target)
            print(f"{target}: {target.stat().st_size >> 10} KB")
            page.close()
        browser.close()


if __name__ == "__main__":
    run_script(main)
