"""Pictures as people see them: nothing is cut off, nothing lies over another thing, colours are
told apart."""

import itertools
import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gocnn import figures
from gocnn.board import Board
from gocnn.board.coords import GTP_LETTERS, SIZE, from_gtp
from gocnn.pictures import charts, layers
from gocnn.policy.explain import LayerView
from gocnn.review import chart
from tests.conftest import ROOT

LONG = (
    "The Very Long-Named Club of the Northern Islands and Peninsulas (Black) - Somebody-Else"
    " of an Equally Long and Hyphenated Family Name (White)"
)
TITLES = [LONG, "第三届世界围棋公开赛" * 12, "x" * 400]
TAIL = ", after move 120: Black to play"


def boxes(figure):
    figure.draw_without_rendering()
    titles = [t for a in figure.axes for t in (a.title, a._left_title) if t.get_text()]
    return [title.get_window_extent() for title in titles]


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("loc", ["center", "left"])
@pytest.mark.parametrize("title", TITLES)
def test_no_title_is_cut_off_or_runs_into_the_next(title, loc, columns, tmp_path):
    plt = figures.pyplot()
    figure, axes = plt.subplots(1, columns, figsize=(8, 4), squeeze=False, layout="constrained")
    for axis in axes[0]:
        axis.set_title(title + TAIL, loc=loc, fontsize=11)
    figures.save_figure(figure, tmp_path / "x.png")
    found = boxes(figure)
    for box in found:
        assert box.x0 >= -1
        assert box.x1 <= figure.bbox.width + 1
        assert box.y1 <= figure.bbox.height + 1
    for one, other in itertools.combinations(found, 2):
        assert not one.overlaps(other)
    shown = axes[0, 0].title if loc == "center" else axes[0, 0]._left_title
    assert "".join(shown.get_text().split()).endswith("Blacktoplay")


def test_a_title_over_all_columns_is_not_cut_off_and_a_short_one_stays(tmp_path):
    figure, axis = figures.pyplot().subplots(layout="constrained")
    axis.set_title("short: Black to play")
    figure.suptitle(LONG * 2)
    figures.save_figure(figure, tmp_path / "x.png")
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= -1
    assert box.x1 <= figure.bbox.width + 1
    assert axis.get_title() == "short: Black to play"


@pytest.mark.parametrize("last", [30, 294, 700])
@pytest.mark.parametrize("moves", [(1, 3, 5, 7), (16, 18, 200, 202), (-1, -3, -5, -7), (2, 9)])
def test_names_in_a_strip_chart_do_not_lie_over_one_another(moves, last):
    figure, axis = figures.pyplot().subplots(figsize=(chart.WIDE, 2.6), layout="constrained")
    axis.bar(np.arange(1, last + 1), 0.5)
    axis.set(ylim=(0, 1), ylabel="probability")
    numbers = [(last + 1 + n if n < 0 else n) for n in moves]
    named: list[Any] = [SimpleNamespace(number=n, index=361) for n in numbers if n <= last]
    chart._name(axis, named)
    figure.draw_without_rendering()
    found = [text.get_window_extent() for text in axis.texts]
    for one, other in itertools.combinations(found, 2):
        assert not one.overlaps(other)
    whole = axis.get_window_extent()
    assert all(box.x0 >= whole.x0 and box.x1 <= whole.x1 for box in found)
    figures.pyplot().close(figure)


# Machado, Oliveira, Fernandes 2009, severity 1.0: what people who lack a cone see, in linear RGB.
CONES: dict[str, Any] = {
    "all": np.eye(3),
    "no red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.0520]],
    "no green": [[0.3673, 0.8606, -0.2280], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "no blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9503]])


def lab(colour: str, cones: object) -> np.ndarray:
    """CIE L*a*b* of a colour such as #009e73, seen with those cones."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(np.array(cones) @ linear, 0, 1) / [0.9505, 1.0, 1.0888]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("cones", CONES)
def test_ranks_have_colours_that_everybody_tells_apart(cones):
    ranks = (chart.FIRST, chart.IN_FIVE, chart.OTHER)
    for one, other in itertools.combinations(ranks, 2):
        assert np.linalg.norm(lab(one, CONES[cones]) - lab(other, CONES[cones])) > 25
    # the page's, in the light and in the dark
    text = (ROOT / "web/src/pages/review/review.css").read_text(encoding="utf-8")
    themes = re.findall(r"--rank-first: (#\w+); --rank-infive: (#\w+); --rank-other: (#\w+);", text)
    assert len(themes) == 2
    for theme in themes:
        for one, other in itertools.combinations(theme, 2):
            assert np.linalg.norm(lab(one, CONES[cones]) - lab(other, CONES[cones])) > 25


def test_what_an_answer_depends_on_is_drawn_with_coordinates(monkeypatch, tmp_path):
    kept: list[Any] = []
    monkeypatch.setattr(layers, "save_figure", lambda figure, target: kept.append(figure))
    layer = LayerView(1, "block 1", receptive_field=9, sees_all=False)
    heat = np.linspace(0, 1, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    layers.draw_field(heat, Board(SIZE), 40, layer, tmp_path / "x.png")
    axis, scale = kept[0].axes
    assert [t.get_text() for t in axis.get_xticklabels()] == list(GTP_LETTERS[:SIZE])
    assert [t.get_text() for t in axis.get_yticklabels()] == [str(n + 1) for n in range(SIZE)]
    assert scale.get_ylabel()
    figures.pyplot().close(kept[0])


@pytest.mark.parametrize("side", [3, 9, 19, 29, 37])
@pytest.mark.parametrize("vertex", ["A1", "D4", "K10", "T10", "R16"])
def test_the_receptive_field_is_a_frame_on_the_board(vertex, side, monkeypatch, tmp_path):
    """Against the points that the field reaches; dashed where it reaches points beyond the
    board."""
    kept: list[Any] = []
    monkeypatch.setattr(layers, "save_figure", lambda figure, target: kept.append(figure))
    index = from_gtp(vertex)
    layer = LayerView(1, "head", receptive_field=side, sees_all=True)
    layers.draw_field(np.zeros((SIZE, SIZE), np.float32), Board(SIZE), index, layer, tmp_path / "x")
    axis = kept[0].axes[0]
    row, column = divmod(index, SIZE)
    wide = range(column - side // 2, column + side // 2 + 1)
    high = range(row - side // 2, row + side // 2 + 1)
    x, y = ([n for n in points if 0 <= n < SIZE] for points in (wide, high))
    drawn = [each for each in axis.lines if each.get_gid() == "field"]
    assert len(drawn) == 4
    ends = np.array([line.get_xydata() for line in drawn]).reshape(-1, 2)
    assert (ends.min(0) == (x[0] - 0.5, y[0] - 0.5)).all()
    assert (ends.max(0) == (x[-1] + 0.5, y[-1] + 0.5)).all()
    (left, right), (bottom, top) = axis.get_xlim(), axis.get_ylim()
    assert left < ends[:, 0].min()
    assert right > ends[:, 0].max()
    assert bottom < ends[:, 1].min()
    assert top > ends[:, 1].max()
    beyond = [high[0] < 0, high[-1] >= SIZE, wide[0] < 0, wide[-1] >= SIZE]
    assert [line.get_linestyle() == "--" for line in drawn] == beyond
    said = axis.get_title()
    assert f"{side}x{side}" in said
    assert ("dashed" in said) == any(beyond)
    figures.pyplot().close(kept[0])


def test_stones_are_seen_on_every_ground_and_maps_have_a_scale(monkeypatch, tmp_path):
    kept: list[Any] = []
    monkeypatch.setattr(layers, "save_figure", lambda figure, target: kept.append(figure))
    board = Board(SIZE)
    for vertex in ("D4", "Q16"):
        board.play(from_gtp(vertex))
    maps = np.random.default_rng(0).normal(size=(40, SIZE, SIZE)).astype(np.float32)
    maps *= np.arange(1, 41)[:, None, None]
    layer = LayerView(1, "block 1", receptive_field=9, sees_all=False)
    layers.draw_maps(maps, board, layer, tmp_path / "x")
    *tiles, bar = kept[0].axes
    for stones in tiles[0].collections:
        face, edge = stones.get_facecolor()[0], stones.get_edgecolor()[0]
        assert abs(face[:3].sum() - edge[:3].sum()) == 3  # black with white about it, or white
    assert len(tiles[0].collections) == 2
    limits = {tile.images[0].get_clim() for tile in tiles}
    assert len(limits) == 1
    assert len(bar.get_yticks()) > 2
    named = [int(tile.get_title().split()[1].rstrip(":")) for tile in tiles]
    assert named == sorted(range(40), key=lambda i: -maps[i].std())[: layers.SHOWN]
    assert f"{layers.SHOWN} of 40 feature maps" in kept[0].get_suptitle()
    figures.pyplot().close(kept[0])


@pytest.mark.parametrize(("positions", "empty"), [(20, True), (2000, False)])
def test_an_evaluation_of_few_positions_says_why_there_is_no_curve(
    positions, empty, monkeypatch, tmp_path
):
    kept: list[Any] = []
    monkeypatch.setattr(charts, "save_figure", lambda figure, target: kept.append(figure))
    judged: Any = SimpleNamespace(ply=np.arange(positions) % 200, rank=np.zeros(positions, int))
    shares = {
        "all": {"top1": 0.5, "top5": 0.8, "positions": positions},
        "calibration": [{"confidence": 0.5, "accuracy": 1.0, "samples": positions}],
        "calibration_error": 0.1,
    }
    charts.draw_evaluation(judged, shares, tmp_path / "x.png")
    left = kept[0].axes[0]
    assert left.get_xlim()[0] == 0
    assert [text.get_text().startswith("fewer than 30 positions") for text in left.texts] == (
        [True] if empty else []
    )
    figures.pyplot().close(kept[0])
