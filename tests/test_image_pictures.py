"""What pictures of a classifier hold: names, numbers, scales; and what they must not show."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

import imagecls
from gocnn import colourscales, figures
from gocnn.errors import UserError
from gocnn.statistics import wilson
from imagecls.classifier import charts, evaluation, heatpicture, layerpictures, lettering, pictures

SIDE = heatpicture.SIDE


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that are drawn with Pillow, as they are seen."""
    lines: list[str] = []
    draw = lettering.Letters.draw

    def noting(self: Any, canvas: Any, corner: Any, text: str, width: float) -> None:
        lines.append(self.fitted(text, width))
        draw(self, canvas, corner, text, width)

    monkeypatch.setattr(lettering.Letters, "draw", noting)
    return lines


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The figures that would be saved, which are closed at the end."""
    found: list[Any] = []
    for module in (charts, layerpictures):
        monkeypatch.setattr(module, "save_figure", lambda figure, *_: found.append(figure))
    yield found
    for figure in found:
        figures.pyplot().close(figure)


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def luma(colours: Any) -> Any:
    return np.asarray(colours, float)[..., :3] @ (0.299, 0.587, 0.114)


# --- where it looks


def panel(target: Path, number: int) -> np.ndarray:
    x = pictures.GAP + number * (SIDE + pictures.GAP)
    image = Image.open(target).convert("RGB").crop((x, pictures.GAP, x + SIDE, pictures.GAP + SIDE))
    return np.asarray(image, float)


def test_a_class_that_is_not_believed_stays_dark(tmp_path: Path, said: list[str]) -> None:
    """The same evidence for three classes: by probability only the answer glows."""
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64), dtype=np.uint8)
    heat = np.zeros((32, 32), np.float32)
    heat[8:24, 8:24] = 0.7
    target = tmp_path / "x.png"
    names, shares = ["soup", "cake", "n" * 80], [0.97, 0.03, 0.0]
    heatpicture.draw_attention(pixels, np.stack([heat] * 3), names, shares, target, photo="p.jpg")
    answer, other, never = (panel(target, i + 1) for i in range(3))
    assert luma(answer).mean() > luma(other).mean() > luma(never).mean()
    assert np.ptp(never, axis=2).max() == 0  # grey: no colour of the scale at all
    assert np.ptp(answer, axis=2).max() > 100
    for text in ("p.jpg", "soup", "97.0%, the answer", "0.0%", "brightest place: 0.68"):
        assert text in said
    assert any("…" in line for line in said)  # the long name
    assert any("times the class's probability" in line and "one scale" in line for line in said)
    assert [float(t) for t in said if re.fullmatch(r"[0-9.]+", t)] == [0, 0.2, 0.4, 0.6]
    assert any("--scale logit" in line for line in said)
    said.clear()
    heatpicture.draw_attention(
        pixels, np.stack([heat] * 3), names, shares, target, scale="logit", layer="stages.1"
    )
    assert not any("--scale logit" in line for line in said)
    assert np.array_equal(panel(target, 1), panel(target, 3))
    assert any("Grad-CAM at stages.1" in line for line in said)
    assert not any("times the class's" in line for line in said)


def test_panels_are_dark_for_one_reason_or_the_other(tmp_path: Path, said: list[str]) -> None:
    """Only what another scale would show is said to be there."""
    pixels = np.full((3, 16, 16), 200, np.uint8)
    scale: heatpicture.Scale
    cases: tuple[tuple[list[float], list[float], dict[str, str]], ...] = (
        ([1, 1], [0.6, 0.4], {}),
        ([1, 0], [1.0, 0.0], {}),
        ([1, 1], [0.99, 0.01], {"probability": "logit"}),
        ([1, 0.05], [0.5, 0.5], {"probability": "own", "logit": "own"}),
    )
    for heats, shares, told in cases:
        maps = np.array(heats, np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
        for scale in ("probability", "logit", "own"):
            said.clear()
            heatpicture.draw_attention(
                pixels, maps, ["a", "b"], shares, tmp_path / "x.png", scale=scale
            )
            hints = re.findall("--scale ([a-z]+)", " ".join(said))
            assert hints == ([told[scale]] if scale in told else []), (heats, shares, scale)
            # what is bright by its own scale is as bright as can be
            same = np.array_equal(panel(tmp_path / "x.png", 1), panel(tmp_path / "x.png", 2))
            alike = {"logit": min(heats) == max(heats), "own": min(heats) > 0}
            assert same == alike.get(scale, False)


def test_nothing_that_speaks_for_a_class_is_said(tmp_path: Path, said: list[str]) -> None:
    pixels = np.full((3, 16, 16), 200, np.uint8)
    heatpicture.draw_attention(
        pixels, np.zeros((1, 8, 8), np.float32), ["a"], [1.0], tmp_path / "x.svg"
    )
    assert "nothing in the picture speaks for these classes" in said
    assert not any("one scale" in line for line in said)


def test_an_explanation_draws_itself(tmp_path: Path, said: list[str]) -> None:
    heat = np.linspace(0, 2.5, 64, dtype=np.float32).reshape(8, 8)
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    found = imagecls.Explanation("soup", 0.004, heat, picture)
    found.draw(tmp_path / "x.png")
    assert "brightest place: 2.5" in said  # which its probability does not dim
    shown = panel(tmp_path / "x.png", 0)
    small = np.asarray(Image.fromarray(shown.astype(np.uint8)).resize((24, 24)), float)
    assert np.abs(small - picture).mean() < 30
    with pytest.raises(UserError, match=r"must end in \.png"):
        found.draw(tmp_path / "x.gif")
    with pytest.raises(UserError, match="none"):
        found.draw(tmp_path / "none" / "x.png")


@pytest.mark.parametrize("grey", [0, 60, 128, 255])
def test_more_heat_is_brighter(grey: int) -> None:
    ramp = np.linspace(0, 1, 200, dtype=np.float32)[None].repeat(200, 0)
    row = heatpicture.overlay(np.full((3, 200, 200), grey, np.uint8), ramp)[:, 0].T
    # the darkest colours may sink into white, but never below where they began by much
    assert np.diff(luma(row)[10:]).min() > -1.5
    assert luma(row)[-1] > luma(row)[0] + 60


@pytest.mark.parametrize("most", [0.0, 1e-4, 0.0795, 0.31, 0.999, 1.0, 7.3, 9.99, 23456.0])
def test_ticks(most: float) -> None:
    found = heatpicture.ticks(most)
    assert found[0] == 0
    assert (most == 0 and len(found) == 1) or 3 <= len(found) <= 7
    assert found[-1] <= most * (1 + 1e-6)
    assert np.allclose(np.diff(found, 2), 0, atol=most * 1e-6)


# --- filters and feature maps


@pytest.mark.parametrize(("count", "k"), [(32, 3), (64, 7), (1, 5)])
def test_filters_are_numbered_and_in_their_colours(
    count: int, k: int, kept: list[Any], tmp_path: Path
) -> None:
    filters = np.zeros((count, 3, k, k), np.float32)
    filters[0, 0] = 0.5  # looks for red
    filters[-1, 2, 0, 0] = -0.25
    layerpictures.draw_filters(filters, "stem.0", tmp_path / "x.png")
    lines = texts(kept[0])
    assert any(line.startswith("stem.0: ") and f"{k}x{k}" in line for line in lines)
    assert [n for n in range(count) if any(line.startswith(f"#{n} ±") for line in lines)] == list(
        range(count)
    )
    assert min(kept[0].get_size_inches()) * kept[0].dpi > 150
    page = kept[0].axes[0].images[0].get_array()
    middle = page[layerpictures.HEAD + 40, 40]
    assert middle.tolist() == [1, 0.5, 0.5]


def test_the_strongest_maps_come_first_on_one_scale(kept: list[Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    maps = rng.random((2048, 7, 7)).astype(np.float32) * rng.random((2048, 1, 1)).astype(np.float32)
    pixels = np.zeros((3, 32, 32), np.uint8)
    drawn = layerpictures.draw_maps(maps, pixels, "stages.3", tmp_path / "x.png", photo="p" * 99)
    lines = texts(kept[0])
    assert drawn == 64
    assert "stages.3: 64 of 2048 feature maps, 7x7 values each" in lines
    shown = [int(m[1]) for line in lines if (m := re.match(r"#(\d+) ", line))]
    assert shown == sorted(range(2048), key=lambda i: -maps[i].max())[:64]
    _, photograph, bar = kept[0].axes
    assert photograph.images[0].get_array().shape == (32, 32, 3)
    assert len(bar.get_xticks()) > 2
    assert bar.get_xlabel() == "value of the layer"
    flat = np.linspace(1, 0.1, 5, dtype=np.float32)[:, None, None].repeat(7, 1).repeat(7, 2)
    layerpictures.draw_maps(flat, pixels, "stages.3", tmp_path / "x.png")
    assert "stages.3: all 5 feature maps, 7x7 values each" in texts(kept[1])
    page = luma(kept[1].axes[0].images[0].get_array())
    middles = {round(float(value), 3) for value in page[layerpictures.HEAD + 50].tolist()}
    assert len(middles - {1.0, layerpictures.FRAME}) >= 3  # a row's tiles differ in brightness


@pytest.mark.parametrize(
    "maps",
    [
        np.zeros((1, 5, 5), np.float32),
        np.full((3, 1, 1), -2.5, np.float32),
        np.random.default_rng(0).normal(size=(40, 224, 224)).astype(np.float32),
        np.abs(np.random.default_rng(0).normal(size=(5, 112, 112))).astype(np.float32) * 1e6,
    ],
)
def test_any_maps_are_drawn(maps: Any, tmp_path: Path) -> None:
    target = tmp_path / "x.png"
    layerpictures.draw_maps(maps, np.zeros((3, 8, 8), np.uint8), "a layer", target, most=9)
    assert max(Image.open(target).size) < 2500
    scale = colourscales.scale_of(maps)
    low, high = scale.mappable.get_clim()
    assert low == (0 if (maps >= 0).all() else -high)
    values = np.linspace(low, high, 50)
    colours = luma(scale.colours(values))
    middle = values >= 0
    assert (np.diff(colours) > 0).all() or (np.diff(colours[middle]) < 0).all()


def test_a_map_that_stands_out_does_not_darken_all_others() -> None:
    rng = np.random.default_rng(2)
    maps = rng.random((24, 9, 9)).astype(np.float32)
    maps[3] *= 90
    scale = colourscales.scale_of(maps)
    assert scale.extend == "max"
    assert "beyond" in scale.words
    assert 0.9 < scale.mappable.get_clim()[1] <= 1.01
    assert colourscales.scale_of(maps[4:]).extend == "neither"
    maps[5, 0, 0] = -80
    assert colourscales.scale_of(maps).extend == "both"


# --- confusions and calibration


def judged(classes: int, each: int, name: str) -> dict[str, Any]:
    rng = np.random.default_rng(classes)
    labels = np.repeat(np.arange(classes), each)
    logits = rng.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += 2
    rows = np.exp(2 * logits) / np.exp(2 * logits).sum(1, keepdims=True)
    names = tuple(f"{name} {i}".rjust(80, "x") if name else f"{i}" for i in range(classes))
    return evaluation.figures(evaluation.Predictions(rows.astype(np.float32), labels), names)


@pytest.mark.parametrize(("classes", "name"), [(2, ""), (11, "long"), (43, "long"), (200, "long")])
def test_a_matrix_of_many_classes_with_long_names(
    classes: int, name: str, kept: list[Any], tmp_path: Path
) -> None:
    found = judged(classes, 5, name)
    charts.draw_evaluation(found, tmp_path / "x.png")
    figure = kept[0]
    figure.draw_without_rendering()
    axis = next(a for a in figure.axes if a.get_ylabel() == "true class")
    whole = figure.bbox
    assert max(whole.width, whole.height) / figure.dpi * 120 < 4000
    labels = [label.get_window_extent() for label in axis.get_yticklabels()]
    assert len(labels) == classes
    for one, other in itertools.pairwise(labels):
        assert not one.overlaps(other)
    for box in (*labels, *(label.get_window_extent() for label in axis.get_xticklabels())):
        assert box.x0 >= -1
        assert box.y0 >= -1
    # the numbers tell apart what the shortened names may not
    ends = [label.get_text().split()[-1] for label in axis.get_yticklabels()]
    assert ends == [str(i) for i in range(classes)]
    if not name:  # names that are numbers stand alone
        assert [label.get_text() for label in axis.get_yticklabels()] == ends
    for label, place in zip(axis.get_xticklabels(), axis.get_xticks(), strict=True):
        assert label.get_text().split()[-1] == str(int(place))
    counts = [int(text.get_text()) for text in axis.texts]
    if classes <= charts.COUNTED:
        assert sum(counts) == 5 * classes
    assert any("%" in t.get_text() for a in figure.axes for t in a.get_yticklabels())


def test_a_bin_of_one_picture_does_not_shout(kept: list[Any], tmp_path: Path) -> None:
    found = judged(3, 4, "")
    found["calibration"] = [
        {"confidence": 0.35, "accuracy": 0.0, "samples": 1},
        {"confidence": 0.9, "accuracy": 0.8, "samples": 500},
    ]
    charts.draw_evaluation(found, tmp_path / "x.png")
    axis = next(a for a in kept[0].axes if "right answers" in a.get_ylabel())
    many, one = axis.containers
    assert one.lines[0].get_markersize() < many.lines[0].get_markersize()
    assert one.lines[0].get_markerfacecolor() == "white"
    assert "fewer than 10" in one.get_label()
    for container, right, n in ((many, 400, 500), (one, 0, 1)):
        (segment,) = container.lines[2][0].get_segments()
        assert segment[:, 1].tolist() == pytest.approx(wilson(right, n), abs=1e-6)
    assert {"1", "500"} <= {text.get_text() for text in axis.texts}


@pytest.mark.parametrize(
    "bins",
    [
        [(0.29, 1.0, 1), (0.68, 1.0, 1), (0.76, 1.0, 3), (0.85, 1.0, 3)],  # modest, and right
        [(0.2, 0.2, 5), (0.5, 0.5, 40), (0.9, 0.9, 200)],
        [(0.3, 0.3, 90), (0.7, 0.2, 9), (0.95, 0.1, 20)],  # sure, and wrong
    ],
)
def test_the_legend_of_the_calibration_covers_no_interval(
    bins: list[tuple[float, float, int]], kept: list[Any], tmp_path: Path
) -> None:
    found = judged(3, 4, "")
    names = ("confidence", "accuracy", "samples")
    found["calibration"] = [dict(zip(names, row, strict=True)) for row in bins]
    charts.draw_evaluation(found, tmp_path / "x.png")
    figure = kept[0]
    figure.draw_without_rendering()
    axis = next(a for a in figure.axes if "right answers" in a.get_ylabel())
    legend = axis.get_legend().get_window_extent()
    for x, right, n in bins:
        for y in np.linspace(*wilson(round(right * n), n), 20):
            assert not legend.contains(*axis.transData.transform((x, y)))
    assert not any(text.get_window_extent().overlaps(legend) for text in axis.texts)


# --- sheets


def test_lines_of_a_sheet_fit_and_nothing_is_lost(tmp_path: Path, said: list[str]) -> None:
    target, blank = tmp_path / "x.png", np.zeros((3, 8, 8), np.uint8)
    long = "a name that is much longer than a picture is wide 0017.jpg"
    pictures.sheet([blank] * 3, ["a", f"b\n{long}", "c\nd\ne"], 2, target, title="what this is")
    assert said[0] == "what this is"
    assert {"a", "b", "c", "d", "e"} <= set(said)
    (short,) = [line for line in said if "…" in line]
    assert long.startswith(short.split("…")[0])
    assert long.endswith(short.split("…")[1])
    assert lettering.Letters([]).width(short) <= 144
    width, height = Image.open(target).size
    assert (width, height > 2 * 144) == (2 * (144 + pictures.GAP) + pictures.GAP, True)
    pictures.sheet([], [], 8, target, title="none are wrong")
    assert said[-1] == "none"


def test_pictures_grow_so_that_their_classes_can_be_read(tmp_path: Path, said: list[str]) -> None:
    """Those that are confused may be called alike at both ends."""
    target, blank = tmp_path / "x.png", np.zeros((3, 8, 8), np.uint8)
    names = ["breakfast_burrito_with_eggs", "breakfast_burrito_and_eggs"]
    pictures.sheet([blank] * 2, [f"rather {name} 45%\n{name}.jpg" for name in names], 2, target)
    assert {f"rather {name} 45%" for name in names} <= set(said)
    assert 2 * 150 < Image.open(target).width < 2 * (pictures.WIDEST + 10)
    pictures.sheet([blank], [f"{'long ' * 60}\nx.jpg"], 1, target)
    assert Image.open(target).width == pictures.WIDEST + 2 * pictures.GAP


def test_a_long_folder_leaves_the_file_readable(tmp_path: Path, said: list[str]) -> None:
    blank, folder = np.zeros((3, 8, 8), np.uint8), "a class with a long name " * 3
    captions = [f"said noodles/pasta\n{folder}/0017.jpg", "said x\nshort/0018.jpg", "0019.jpg"]
    pictures.sheet([blank] * 3, captions, 3, tmp_path / "x.png")
    assert {"said noodles/pasta", "0017.jpg", "short/0018.jpg", "0019.jpg"} <= set(said)
    assert any(line.startswith("a class") and line.endswith("/") for line in said)


@pytest.mark.parametrize("name", ["مرق العربية", "עוגה", "سوشي/دجاج"])
def test_what_follows_a_name_from_right_to_left_stays_behind_it(name: str) -> None:
    """Drawn at once, a percentage would stand before the name, and its sign behind it."""

    def drawn(text: str) -> np.ndarray:
        page = Image.new("L", (400, 30), 255)
        canvas = ImageDraw.Draw(page)
        letters.draw(canvas, (2, 20), text, 400)
        return np.asarray(page)

    letters = lettering.Letters([name])
    both, last = drawn(f"said {name} 52%"), drawn("52%")
    ends = np.flatnonzero((both < 128).any(0))[-1]
    inked = np.flatnonzero((last < 128).any(0))
    other = last[:, inked[0] : inked[-1] + 1].astype(int)
    one = both[:, ends + 1 - other.shape[1] : ends + 1].astype(int)
    # it may begin within a pixel
    assert np.abs(one - other).sum() < 0.5 * (255 - other).sum()
