"""Stations 5 and 6 of the lecture: a photograph bears pooling, and residual."""

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from imagecls.classifier.model import load
from imagecls.photos.decode import decode
from imagecls.photos.shrinking import enlarged, halved
from tests.conftest import ROOT

from .conftest import PHONE, Open, started
from .stations import judged

PIZZA = ROOT / "data" / "images" / "validation" / "pizza" / "000.jpg"
SOUP = ROOT / "data" / "images" / "validation" / "soup" / "005.jpg"


@pytest.fixture(scope="module")
def address(tiny_classifiers: Path) -> Iterator[str]:
    with started("--image-model", str(tiny_classifiers / "cnn")) as found:
        yield found


@pytest.fixture(scope="module")
def numbered(tiny_classifiers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose only classifier beside what ships has numbers for classes."""
    path = tmp_path_factory.mktemp("numbered") / "numbered.safetensors"
    source = tiny_classifiers / "cnn" / "best.safetensors"
    with safe_open(source, "pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = json.loads(metadata["config"])
    config["classes"] = [str(k) for k in range(len(config["classes"]))]
    save_file(tensors, path, metadata | {"config": json.dumps(config)})
    with started("--image-model", str(path), "--runs", str(path.parent)) as found:
        yield found


def shrunken(page: Any) -> list[tuple[str, str]]:
    """Sides and answers, as they stand below the pictures."""
    page.wait_for_selector(".shrunken img")
    page.wait_for_timeout(500)
    found: list[tuple[str, str]] = page.locator(".shrunken li").evaluate_all(
        "(all) => all.map((e) => Array.from(e.querySelectorAll('span'), (s) => s.textContent))"
    )
    return [(side, answer) for side, answer in found]


def fetched(page: Any, selector: str) -> Any:
    """The pixels of a picture on the page."""
    data = page.evaluate(
        """async (selector) => { const image = document.querySelector(selector);
          await image.decode();
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          return Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data); }""",
        selector,
    )
    side = round((len(data) / 4) ** 0.5)
    return np.array(data, np.uint8).reshape(side, side, 4)[..., :3]


def test_a_photograph_is_pooled(open_page: Open, address: str, tiny_classifiers: Path) -> None:
    """What is shown after each pooling, and what the classifier says of it."""
    tab = open_page("/lesson/5", address=address)
    page = tab.page
    predictor = load(tiny_classifiers / "cnn")
    size = predictor.config.store_size
    page.set_input_files(".drop input", str(SOUP))
    page.wait_for_selector(".stagelist canvas")
    page.get_by_role("button", name="Minimum").click()
    page.wait_for_timeout(300)
    left = decode(SOUP.read_bytes(), size)
    for k, (side, answer) in enumerate(shrunken(page)):
        assert side.split()[0] == str(left.shape[1])
        row = predictor.probabilities(enlarged(left, size)[None])[0]
        best = int(row.argmax())
        name = predictor.config.classes[best].replace("_", " ")
        assert answer.startswith(name)
        assert float(answer[len(name) :].strip("\u00a0% ")) == pytest.approx(
            100 * row[best], abs=0.06
        )
        shown = fetched(page, f".shrunken li:nth-child({k + 1}) img")
        assert np.array_equal(shown, left.transpose(1, 2, 0))
        left = halved(left, "min")
    # the poolings inside are switched as well
    rows = page.locator(".stage.pools strong").all_inner_texts()
    assert rows == ["2. Minimum", "4. Minimum"]
    page.get_by_role("button", name="No pooling").click()
    page.wait_for_selector("text=there is no answer")
    assert len(shrunken(page)) == 1
    # a drawn one
    page.get_by_role("button", name="pizza (drawn)").first.click()
    page.wait_for_timeout(600)
    plain = decode(PIZZA.read_bytes(), size).transpose(1, 2, 0)
    assert np.array_equal(fetched(page, ".shrunken img"), plain)
    assert judged(page, 1, "7").startswith("✗")
    assert judged(page, 1, "8").startswith("✓")
    assert judged(page, 2, "81").startswith("✓")


def test_the_stations_own_classifier(open_page: Open, server: str) -> None:
    """Where nobody has trained any, convolution and pooling in turn are shown all the same, and the
    answer lasts for some poolings."""
    page = open_page("/lesson/5").page
    page.wait_for_selector(".stagelist canvas")
    assert page.get_by_role("combobox", name="Classifier").input_value() == "drawn"
    assert page.locator(".stage.pools").count() == 4
    assert page.locator(".shrunken .same").count() >= 3
    page.wait_for_selector("[aria-labelledby=looking] canvas.heat")
    assert "of real photographs it knows nothing" in page.inner_text("main").lower()


def test_augmentation_follows_its_sliders(open_page: Open, address: str) -> None:
    tab = open_page("/lesson/5", address=address, size=PHONE, language="zh")
    page = tab.page
    page.wait_for_selector(".views img")
    page.wait_for_timeout(400)
    views = "(all) => all.map((e) => e.src)"

    def settled() -> list[str]:
        page.wait_for_timeout(400)
        page.wait_for_selector(".views:not(.stale)")
        found: list[str] = page.locator(".views img").evaluate_all(views)
        return found

    before = settled()
    assert len(set(before)) == 12
    page.get_by_role("button", name="重新抽").click()
    assert not set(before) & set(settled())
    page.get_by_role("button", name="什麼都不做").click()
    still = settled()
    assert len(set(still)) == 1
    page.get_by_role("slider", name="鏡射").fill("1")
    mirrored = settled()
    assert len(set(mirrored)) == 1
    one, other = (
        np.asarray(Image.open(io.BytesIO(_bytes(address)))).astype(int)
        for address in (still[0], mirrored[0])
    )
    assert np.abs(one - other[:, ::-1]).mean() < 4 < np.abs(one - other).mean()


def _bytes(address: str) -> bytes:
    return base64.b64decode(address.partition(",")[2])


def test_what_a_classifier_does_not_know_it_is_not_asked(open_page: Open, server: str) -> None:
    """`food` knows ten dishes, and none of the drawn ones: pictures are shown all the same."""
    tab = open_page("/lesson/5")
    page = tab.page
    page.get_by_role("combobox", name="Classifier").select_option("food")
    page.wait_for_selector("text=does not know this dish")
    page.wait_for_selector(".shrunken .same", state="detached")
    assert page.locator(".shrunken img").count() == 6
    assert "baklava" in page.inner_text("[aria-labelledby=shrunken]")
    page.wait_for_selector(".views img")
    # neither about its maps nor about where it looks
    assert page.locator("#stages, #looking").count() == 0


@pytest.mark.slow
def test_numbered_classes_are_not_listed(open_page: Open, numbered: str) -> None:
    """The station begins with the one that ships for it rather than with a classifier of numbered
    classes; one that is chosen is asked about photographs only, about those on all cards."""
    page = open_page("/lesson/5", address=numbered).page
    choice = page.locator("select").first
    page.wait_for_selector(".stagelist canvas")
    assert choice.input_value() == "drawn"
    choice.select_option("numbered")
    page.wait_for_selector("text=knows its 6 classes by numbers only")
    assert "0, 1, 2" not in page.inner_text("main")
    page.wait_for_selector(".shrunken .same", state="detached")
    assert page.locator("#stages, #looking").count() == 0
    page.set_input_files(".drop input", str(SOUP))
    page.wait_for_selector(".stagelist canvas")
    page.wait_for_selector("[aria-labelledby=looking] .said:not(:empty)")
    assert page.locator(".shrunken .same").first.inner_text().startswith("class ")
    page.wait_for_selector("text=/At the end it says: class [0-5] /")
    assert page.locator("text=by numbers only").count() == 0


@pytest.mark.parametrize("size", [(1440, 900), PHONE])
def test_gradients_with_and_without_shortcuts(open_page: Open, size: tuple[int, int]) -> None:
    """The numbers of the table are those of the route, at each depth; the claim holds."""
    tab = open_page("/lesson/6", size=size)
    page = tab.page
    rows = "[aria-labelledby=norms] > table tbody tr"
    answers: list[Any] = []
    page.on(
        "response",
        lambda response: (
            answers.append(response.json()) if response.url.endswith("/gradients") else None
        ),
    )
    for depth in (4, 32):
        with page.expect_response("**/api/lesson/gradients"):
            page.get_by_role("button", name=str(depth), exact=True).click()
        page.wait_for_function(
            "(n) => document.querySelector('[aria-labelledby=norms] .said')?.textContent.includes(` ${n} blocks`)",
            arg=depth,
        )
        told = [
            float(text.strip("\u00d7").replace(",", ""))
            for text in page.locator(f"{rows} td:nth-child(2)").all_inner_texts()
        ]
        expected = [one["norms"][0] / one["norms"][-1] for one in answers[-1]["networks"]]
        assert told == pytest.approx(expected, rel=6e-3)
    assert told[0] > told[1] > told[2]
    assert told[0] > 1000 > 2 > told[2]
    # the exercise is judged by what was measured
    factor = expected[0] ** (1 / 32)
    assert judged(page, 1, f"{factor * 1.2:.3f}").startswith("✗")
    said = judged(page, 1, f"{factor:.3f}")
    assert said.startswith("✓")
    assert f"{factor:.3f} to the power of 32 is" in said
    assert page.locator(f"{rows} td:nth-child(2)").first.inner_text().strip("\u00d7") in said
    assert judged(page, 2, "0").startswith("✓")
    # what was recorded
    page.wait_for_selector("[aria-labelledby=trainings] canvas")
    assert page.locator("[aria-labelledby=trainings] .wide-table tbody tr").count() == 4
    # four curves, and no two of them look alike where they are told apart
    for graph in page.locator("[aria-labelledby=trainings] .graph").all():
        looks = graph.locator(".u-series .u-marker").evaluate_all(
            "(all) => all.map((e) => [e.style.borderStyle, e.style.borderColor,"
            " getComputedStyle(e).borderTopWidth].join())"
        )
        assert len(looks) == len(set(looks)) == 4
        assert all(look.endswith("3px") for look in looks)
