"""Photographs on the page: given in every way, answered as the library answers, explained, compared,
measured; and what is no photograph."""

import base64
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import imagecls
from gocnn.serve.config import ServeConfig
from imagecls.classifier import explain, shipped
from imagecls.classifier.model import load
from imagecls.photos.decode import decode
from tests.conftest import ROOT
from tests.photographs import colourful, encoded
from tests.serving import serving

from .conftest import PHONE, Open, started

PICTURES = ROOT / "data" / "images" / "validation"
SOUP = PICTURES / "soup" / "005.jpg"


@pytest.fixture(scope="module")
def address(tiny_classifiers: Path) -> Iterator[str]:
    model = str(tiny_classifiers / "cnn")
    with started("--image-model", model, "--runs", str(tiny_classifiers)) as found:
        yield found


def give(page: Any, *paths: Path) -> None:
    page.wait_for_selector(".drop input", state="attached")
    page.set_input_files(".drop input", [str(path) for path in paths])


def bars(page: Any) -> list[tuple[str, float]]:
    """The classes and their shares, as the page shows them."""
    page.wait_for_selector(".details .bars")
    rows = page.locator(".details .bars li").evaluate_all(
        "(rows) => rows.map((row) => [row.querySelector('.barname').textContent,"
        " row.querySelector('.share').textContent])"
    )
    return [(name.replace(" ", "_"), float(share.strip("<\u00a0%"))) for name, share in rows]


@pytest.mark.parametrize("size", [(1440, 900), PHONE])
def test_a_photograph_is_answered_and_explained(
    open_page: Open, address: str, tiny_classifiers: Path, size: tuple[int, int]
) -> None:
    tab = open_page("/photos", address=address, size=size)
    page = tab.page
    give(page, SOUP)
    expected = imagecls.load(tiny_classifiers / "cnn").predict(SOUP, None)
    shown = bars(page)
    assert [name for name, _ in shown] == [one.name for one in expected]
    assert [share for _, share in shown] == pytest.approx(
        [100 * one.probability for one in expected], abs=0.06
    )
    # by another class and another layer the heat is the library's
    page.locator(".bars button", has_text="sushi").click()
    page.wait_for_selector(".looking [role=status]:has-text('for sushi')")
    page.get_by_label("Each class on a scale of its own").check()
    page.get_by_role("button", name="Another layer").click()
    page.locator(".looking input[type=range]").fill("0")
    page.wait_for_selector("canvas.heat:not(.stale)")
    page.wait_for_timeout(400)
    predictor = load(tiny_classifiers / "cnn")
    pixels = decode(SOUP.read_bytes(), predictor.config.store_size)
    label = predictor.config.classes.index("sushi")
    heat, _ = explain.grad_cam(predictor, pixels, label, layer="stages.0")
    drawn = page.evaluate(
        """() => { const c = document.querySelector("canvas.heat");
          return Array.from(c.getContext("2d").getImageData(0, 0, c.width, c.height).data); }"""
    )
    colours = np.array(drawn).reshape(*heat.shape, 4)
    light = colours[..., :3] @ np.array([0.299, 0.587, 0.114])
    assert np.corrcoef(light.ravel(), heat.ravel())[0, 1] > 0.97
    # another classifier answers anew
    page.locator(".field select").first.select_option("resnet")
    other = imagecls.load(tiny_classifiers / "resnet").predict(SOUP, None)
    page.wait_for_function(
        "(name) => document.querySelector('.details .big')?.textContent.startsWith(name)",
        arg=other[0].name.replace("_", " "),
    )
    page.wait_for_timeout(300)
    assert [name for name, _ in bars(page)] == [one.name for one in other]


def test_a_sheet_with_what_is_no_picture(
    open_page: Open, address: str, tiny_classifiers: Path, tmp_path: Path
) -> None:
    """Several at once: each has its answer, or its sentence."""
    (tmp_path / "<b>note.jpg").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes(SOUP.read_bytes()[:900])
    alpha = Image.merge("RGBA", [*colourful(1).split(), colourful(2).getchannel("R")])
    (tmp_path / "alpha.png").write_bytes(encoded(alpha))
    files = [SOUP, PICTURES / "pizza" / "001.jpg", *sorted(tmp_path.iterdir())]
    tab = open_page("/photos", address=address)
    tab.expected.append("status of 400")
    page = tab.page
    give(page, *files)
    page.wait_for_function("() => document.querySelectorAll('.tile').length === 5")
    page.wait_for_function(
        "() => Array.from(document.querySelectorAll('.tile .told'), (e) => e.textContent)"
        ".every((text) => !text.includes('being looked'))"
    )
    told = dict(
        page.locator(".tile").evaluate_all(
            "(all) => all.map((e) => [e.querySelector('.name').textContent,"
            " e.querySelector('.told').textContent])"
        )
    )
    library = imagecls.load(tiny_classifiers / "cnn")
    for path in (files[0], files[1], tmp_path / "alpha.png"):
        best = library.predict(path)[0]
        assert told[path.name].startswith(best.name.replace("_", " "))
    assert "not a picture that can be read" in told["<b>note.jpg"]
    assert "cut short" in told["cut.jpg"]
    assert page.locator(".tile b").count() == 0
    page.locator(".tile .choose", has_text="alpha.png").click()
    page.wait_for_selector("text=laid on white")
    # each class after how often it was answered
    names = [library.predict(path)[0].name for path in (*files[:2], tmp_path / "alpha.png")]
    counts = {f"{names.count(name)} \u00d7 {name.replace('_', ' ')}" for name in names}
    assert set(page.locator(".sheet > .soft").inner_text().split(", ")) == counts
    # a record is not looked at, and what lies there stays
    give(page, ROOT / "data" / "games" / "gnugo" / "0000.sgf")
    page.wait_for_selector("text=0000.sgf is a game record, not a picture; drop it on the page")
    assert page.locator(".tile").count() == 5
    page.get_by_role("button", name="Remove cut.jpg").press("Enter")
    assert page.locator(".tile").count() == 4
    assert page.evaluate("document.activeElement.className") == "remove"
    page.get_by_role("button", name="Remove all").click()
    page.wait_for_selector(".samples")


def test_dropped_and_pasted(open_page: Open, address: str) -> None:
    """By events as the browser makes them of a drag and of a copied picture."""
    tab = open_page("/photos", address=address)
    page = tab.page
    page.wait_for_selector(".samples")
    data = base64.b64encode(SOUP.read_bytes()).decode()
    make = """([data, kind]) => {
      const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], kind + ".jpg", { type: "image/jpeg" }));
      const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true })
        : new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }"""
    page.evaluate(make, [data, "drop"])
    page.wait_for_selector(".details .bars")
    page.evaluate(make, [data, "paste"])
    page.wait_for_function("() => document.querySelectorAll('.tile').length === 2")
    assert page.locator(".tile .name").all_inner_texts() == ["drop.jpg", "paste.jpg"]


def test_one_that_the_server_forgot_is_sent_again(open_page: Open, address: str) -> None:
    tab = open_page("/photos", address=address)
    tab.expected.append("status of 404")
    page = tab.page
    give(page, SOUP)
    page.wait_for_selector(".looking .said:not(:empty)")  # the canvas is there before its answer
    sent: list[str] = []
    page.on(
        "request", lambda request: sent.append(request.url.rpartition("/")[2].partition("?")[0])
    )

    def full(route: Any) -> None:
        """As a server answers that has forgotten the picture, until it is sent again."""
        if "pictures" in sent:
            route.continue_()
        else:
            route.fulfill(status=404, json={"error": "not kept any more"})

    page.route("**/api/images/explain", full)
    page.locator(".bars button", has_text="sushi").click()
    page.wait_for_selector(".looking [role=status]:has-text('for sushi')")
    assert sent[-3:] == ["explain", "pictures", "explain"]


def test_neighbours_and_what_is_mixed_up(
    open_page: Open, address: str, tiny_classifiers: Path
) -> None:
    tab = open_page("/photos", address=address)
    page = tab.page
    learnt = tiny_classifiers.parent / "few" / "training" / "soup" / "003.jpg"
    give(page, learnt)
    page.locator(".neighbours button").click()
    page.wait_for_selector(".neighbours img")
    first = page.locator(".neighbours li").first
    assert first.locator("img").get_attribute("title") == "003.jpg"
    assert re.split(r"\s+", first.inner_text())[-1] == "1.000"
    page.locator(".evaluate button").first.click()
    page.wait_for_selector(".matrix")
    counts = np.array(
        page.locator(".matrix tbody tr").evaluate_all(
            "(rows) => rows.map((r) => Array.from(r.querySelectorAll('button'), (b) => +b.textContent))"
        )
    )
    assert counts.sum(1).tolist() == [4] * 6
    row, column = map(int, np.argwhere(counts > 0)[-1])
    page.locator(f'[data-cell="{row}-{column}"]').click()
    page.wait_for_selector(".cell img")
    shown = page.locator(".cell img").evaluate_all("(all) => all.map((e) => e.title)")
    assert len(shown) == counts[row, column]
    names = load(tiny_classifiers / "cnn").config.classes
    folder = tiny_classifiers.parent / "few" / "validation" / names[row]
    library = imagecls.load(tiny_classifiers / "cnn")
    for name in shown:
        assert library.predict(folder / name)[0].name == names[column]
    # by the keyboard: one field to the left or the right
    page.keyboard.press("ArrowLeft" if column else "ArrowRight")
    assert page.evaluate("() => document.activeElement.dataset.cell") == (
        f"{row}-{column - 1 if column else 1}"
    )


def test_the_camera_says_why_not(open_page: Open, address: str) -> None:
    """This browser has none; and where one is refused."""
    tab = open_page("/photos", address=address)
    page = tab.page
    page.get_by_role("button", name="Camera").click()
    page.wait_for_selector("[role=alert]")
    assert "choose a file" in page.inner_text("[role=alert]")
    # one that works: a picture drawn by the page
    page.evaluate(
        """() => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [320, 200];
          canvas.getContext("2d").fillRect(40, 40, 90, 90);
          window.streams = [];
          navigator.mediaDevices.getUserMedia = async () => {
            await new Promise((asked) => setTimeout(asked, 200));
            streams.push(canvas.captureStream(10));
            return streams.at(-1);
          };
          setInterval(() => canvas.getContext("2d").fillRect(Math.random() * 300, 9, 3, 3), 50);
        }"""
    )
    page.get_by_role("button", name="Camera").dblclick()
    page.wait_for_function("() => document.querySelector('video')?.videoWidth === 320")
    page.keyboard.press("Enter")  # takes the picture
    page.wait_for_selector("text=/320 . 200 pixels/")
    page.wait_for_selector(".details .bars")
    assert page.locator("video").count() == 0
    assert page.evaluate("document.activeElement.textContent") == "Camera"
    # no camera goes on unseen
    assert page.evaluate(
        "streams.map((s) => s.getTracks().some((t) => t.readyState === 'live'))"
    ) == [False]


def test_without_a_classifier_it_says_how_to_get_one(
    open_page: Open, tmp_path: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)  # an installation without what ships
    with serving(ServeConfig(runs=tmp_path / "runs")) as client:
        tab = open_page("/photos", address=f"http://127.0.0.1:{client.port}", language="zh")
        tab.page.wait_for_selector("pre")
        assert "img-train" in tab.page.inner_text("pre")
        assert tab.page.locator(".drop").count() == 0
        # trained meanwhile
        shutil.copytree(tiny_classifiers / "resnet", tmp_path / "runs" / "mine")
        tab.page.wait_for_timeout(1100)
        tab.page.locator(".card button").click()
        tab.page.wait_for_selector(".drop input", state="attached")
        give(tab.page, SOUP)
        tab.page.wait_for_selector(".details .bars")
        tab.context.close()


def test_a_turned_photograph_stands_upright(open_page: Open, address: str) -> None:
    """The heat lies over the picture as it is seen, in its own shape."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    colourful(3, (200, 100)).save(stream, "JPEG", exif=exif)
    tab = open_page("/photos", address=address)
    page = tab.page
    page.wait_for_selector(".samples")
    page.set_input_files(
        ".drop input", {"name": "turned.jpg", "mimeType": "image/jpeg", "buffer": stream.getvalue()}
    )
    page.wait_for_selector("canvas.heat")
    page.wait_for_selector("text=/100 . 200 pixels/")
    boxes = [page.locator(f".heatpicture {name}").bounding_box() for name in ("img", "canvas")]
    assert boxes[0] == boxes[1]
    assert boxes[0]["height"] == pytest.approx(2 * boxes[0]["width"], rel=0.02)
