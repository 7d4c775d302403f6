"""Features of layers: numbers, pictures of them, neighbours."""

import csv
import itertools
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import imagecls
from gocnn.errors import UserError
from imagecls.classifier import explain, features, scatter
from imagecls.classifier.model import Predictor
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.base import Classifier
from tests.classifiers import CLASSES, predictor
from tests.img_runs import few, run
from tests.typed import good, refused

__all__ = ["few", "run"]

CONFIGS = [
    ClassifierConfig("resnet", CLASSES, size=32, store_size=40, widths=(8, 16, 24), hidden=(6,)),
    ClassifierConfig("cnn", CLASSES, size=32, store_size=32, widths=(8, 12, 16), hidden=(4,)),
    ClassifierConfig(
        "resnet101", CLASSES, size=64, store_size=64, hidden=(6,), depths=(1, 1, 2, 1), base=8
    ),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.model)
def test_features_of_any_layer_are_the_mean_of_its_maps(config):
    """Against the layer's output as torch has it, batch by batch, for every layer of the network."""
    p = predictor(config)
    side = config.store_size
    pixels = np.random.default_rng(1).integers(0, 256, (5, 3, side, side), dtype=np.uint8)
    known = features.layers(p)
    for layer in known:
        said: list[torch.Tensor] = []
        handle = p.network.get_submodule(layer.name).register_forward_hook(
            lambda _m, _i, output, said=said: said.append(output.double().clone())
        )
        with torch.inference_mode():
            p.network(p.view(pixels))
        handle.remove()
        expected = said[0].mean((2, 3)) if said[0].ndim == 4 else said[0]
        assert tuple(said[0].shape[1:]) == layer.shape
        found = features.vectors(p, lambda a, b: pixels[a:b], 5, layer)
        assert found.dtype == np.float32
        assert np.allclose(found, expected.numpy(), atol=1e-5), layer.name
    top = features.layer_called(p, "top")
    assert np.allclose(
        features.vectors(p, lambda a, b: pixels[a:b], 5, top),
        p.network.features(p.view(pixels)).detach().mean((2, 3)).numpy(),
        atol=1e-5,
    )
    middle = features.layer_called(p, "middle")
    assert (top.title, middle.title) == (f"{top.name} (top)", f"{middle.name} (middle)")
    assert features.layer_called(p, top.name).title == top.name
    assert 0.4 * top.weighted <= middle.weighted < top.weighted
    with pytest.raises(UserError, match=f"no layer 'layer9'.*{known[0].name.split('.')[0]}"):
        features.layer_called(p, "layer9")


class Either(Classifier):
    """A network with its channels last, as Swin's, or first: the same weights, the same answers."""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.channels_last = last
        self.stem = nn.Conv2d(3, 8, 4, 4)  # as many channels as its maps are wide
        self.turned = nn.Identity()
        self.mix: nn.Module = nn.Linear(8, 12) if last else nn.Conv2d(8, 12, 1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(12, 3)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        y = self.stem(x)
        y = self.relu(self.mix(self.turned(y.permute(0, 2, 3, 1) if self.channels_last else y)))
        return y.permute(0, 3, 1, 2) if self.channels_last else y

    def classify(self, maps: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(maps.mean((2, 3)))
        return found


def test_layers_with_their_channels_last_are_read_as_others_are() -> None:
    """Swin's and the like of timm: against the same network with its channels first."""
    config = ClassifierConfig("timm", CLASSES, size=32, store_size=32)
    torch.manual_seed(0)
    plain, turned = Either(False).eval(), Either(True).eval()
    state = plain.state_dict()
    turned.load_state_dict(state | {"mix.weight": state["mix.weight"][:, :, 0, 0]})
    one, other = (Predictor(n, config, {}, Path("m"), torch.device("cpu")) for n in (plain, turned))
    pixels = np.random.default_rng(1).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    assert features.layers(other) == features.layers(one)
    assert (
        explain.shapes(other)
        == explain.shapes(one)
        == {"stem": (8, 8, 8), "turned": (8, 8, 8), "mix": (12, 8, 8), "relu": (12, 8, 8)}
    )
    for layer in features.layers(one):
        a, b = (features.vectors(p, lambda m, n: pixels[m:n], 2, layer) for p in (one, other))
        assert np.allclose(a, b, atol=1e-6), layer.name
    for name in explain.layers(one):
        a, b = (explain.feature_maps(p, pixels[0], name) for p in (one, other))
        assert np.allclose(a, b, atol=1e-6), name
        a, b = (explain.attention_at(p, pixels[0], [0, 2], name) for p in (one, other))
        assert a.max() > 0
        assert np.allclose(a, b, atol=1e-6), name


@pytest.mark.parametrize("shape", [(40, 7), (6, 30), (5, 1)])
def test_principal_axes_against_singular_values(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    points, shares = features.project(values, "pca")
    centred = values - values.mean(0)
    left, s, _ = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    expected = (left * s)[:, :2]
    for k in range(min(2, shape[1])):
        assert np.allclose(np.abs(points[:, k]), np.abs(expected[:, k]), atol=1e-5)
        assert shares[k] == pytest.approx(s[k] ** 2 / (s**2).sum(), rel=1e-4)
    assert points.shape == (shape[0], 2)
    with pytest.raises(UserError, match="too few"):
        features.project(values[:2], "pca")


def test_neighbours_against_loops():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(60, 5)).astype(np.float32)
    labels = rng.integers(-1, 3, 60)
    known = [i for i in range(60) if labels[i] >= 0]

    def cosine(a: int, b: int) -> float:
        return float(values[a] @ values[b] / np.linalg.norm(values[a]) / np.linalg.norm(values[b]))

    right = [
        labels[max((j for j in known if j != i), key=lambda j: cosine(i, j))] == labels[i]
        for i in known
    ]
    assert features.neighbours_agree(values, labels, chunk=7) == pytest.approx(np.mean(right))
    alike = [labels[i] == labels[j] for i in known for j in known if i != j]
    assert features.chance_to_agree(labels) == pytest.approx(np.mean(alike))
    order, cosines = features.nearest(values, values[4], 5)
    expected = sorted(range(60), key=lambda j: -cosine(4, j))[:5]
    assert order.tolist() == expected
    assert np.allclose(cosines, [cosine(4, j) for j in expected], atol=1e-5)


def test_classes_look_different():
    looks = [tuple(scatter._look(i).values()) for i in range(132)]
    assert len(set(looks)) == 132
    assert len({colour for colour, _ in looks[:12]}) == 12  # the homework has eleven classes
    # neighbours in the legend differ in both, so that either alone tells them apart
    assert all(a[0] != b[0] and a[1] != b[1] for a, b in itertools.pairwise(looks))


@pytest.mark.parametrize(
    ("classes", "boxes", "entries"),
    [
        ([str(i) for i in range(10)], "0123456789", "0123456789"),
        (["3", "5", "07"], ["3", "5", "07"], ["3", "5", "07"]),
        (["cat", "dog"], "01", ["0  cat", "1  dog"]),
        # the homework's, of which some are missing
        (["Egg", "Soup"], ["3", "9"], ["3  Egg", "9  Soup"]),
    ],
)
def test_classes_bear_their_own_numbers(classes, boxes, entries, tmp_path, monkeypatch):
    """At the middle of their points and in the legend, counted from 0."""
    kept: list[Any] = []
    monkeypatch.setattr(scatter, "save_figure", lambda figure, *_: kept.append(figure))
    points = np.repeat(np.arange(len(classes)), 3)[:, None] * np.ones(2)
    labels = np.repeat(np.arange(len(classes)), 3)
    scatter.scatter(points, labels, classes, tmp_path / "x.png", title="")
    plot, legend = kept[0].axes[0], kept[0].legends[0]
    assert [text.get_text() for text in plot.texts] == list(boxes)
    assert [text.get_position()[0] for text in plot.texts] == list(range(len(classes)))
    assert [text.get_text() for text in legend.get_texts()] == list(entries)


def test_names_in_any_script_make_no_warning(tmp_path, recwarn):
    points, labels = np.eye(2), np.arange(2)
    scatter.scatter(points, labels, ["包子", "$x$"], tmp_path / "x.png", title="")
    assert not [str(warning.message) for warning in recwarn]


@pytest.mark.parametrize("count", [2, 11, 101])
def test_no_number_covers_another_one(count, tmp_path, monkeypatch):
    """Classes whose middles lie in one place, as in a layer that does not tell them apart yet."""
    kept: list[Any] = []
    monkeypatch.setattr(scatter, "save_figure", lambda figure, *_: kept.append(figure))
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(count), 9)
    points = rng.normal(0, 1, (len(labels), 2)) + 0.05 * rng.normal(0, 1, (count, 2))[labels]
    scatter.scatter(points, labels, [f"n{i}" for i in range(count)], tmp_path / "x.png", title="")
    figure, plot = kept[0], kept[0].axes[0]
    figure.draw_without_rendering()
    boxes = [text.get_bbox_patch().get_window_extent() for text in plot.texts]
    assert not [a for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]
    frame = plot.get_window_extent()
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 for b in boxes)
    assert all(frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)


@pytest.mark.slow
def test_by_the_command(run, few, tmp_path, monkeypatch):
    """The two pictures of the report, the numbers, and the neighbours of a picture of the set."""
    text = good(
        "img-features",
        few,
        "--model",
        run,
        "--out",
        tmp_path / "f.npz",
        "--picture",
        tmp_path / "top.png",
    )
    assert "24 pictures, 16 features each: layer stages (top), each of its 16 maps" in text
    with np.load(tmp_path / "f.npz", allow_pickle=False) as found:
        assert found["features"].shape == (24, 16)
        assert found["features"].dtype == np.float32
        names = [found["classes"][label] for label in found["labels"]]
        assert [Path(file).parts[1] for file in found["files"]] == names
        assert str(found["layer"]) == "stages"
        values = found["features"]
        files = found["files"].tolist()
    good(
        "img-features", few, "--model", run, "--layer", "middle", "--picture", tmp_path / "mid.svg"
    )
    assert Image.open(tmp_path / "top.png").width > 900
    assert (
        "doughnut" in (tmp_path / "mid.svg").read_text()
        or (tmp_path / "mid.svg").stat().st_size > 9000
    )
    photo = few / "validation" / "sushi" / "001.jpg"
    text = good(
        "img-features",
        few,
        "--model",
        run,
        "--neighbours",
        photo,
        "--sheet",
        tmp_path / "n.png",
        "--count",
        4,
    )
    lines = text.split("nearest to")[1].splitlines()[1:]
    order, cosines = features.nearest(values, values[files.index("validation/sushi/001.jpg")], 5)
    assert order[0] == files.index("validation/sushi/001.jpg")  # itself, which is left out
    assert [line.split("  ")[-1].strip() for line in lines] == [files[i] for i in order[1:]]
    assert [float(line.split()[0]) for line in lines] == pytest.approx(
        cosines[1:].tolist(), abs=6e-4
    )
    assert Image.open(tmp_path / "n.png").width > 700
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neighbours.png").write_bytes(b"mine")
    said = good("img-features", few, "--model", run, "--neighbours", photo)
    assert "neighbours-2.png" in said
    assert Image.open(tmp_path / "neighbours-2.png").width > 700
    assert (tmp_path / "neighbours.png").read_bytes() == b"mine"


def test_pictures_without_classes(run, few, tmp_path):
    for i, path in enumerate(sorted((few / "validation").rglob("*.jpg"))[:5]):
        (tmp_path / "t").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "t" / f"{i:04}.jpg")
    text = good(
        "img-features",
        tmp_path / "t",
        "--model",
        run,
        "--picture",
        tmp_path / "p.pdf",
        "--layer",
        "head",
    )
    assert "5 pictures, 6 features each: layer head, its 6 numbers as they are" in text
    assert "same class" not in text
    assert f"by PCA, coloured by the model's answers: {tmp_path / 'p.pdf'}" in text


def test_answers_colour_pictures_without_classes(run, few, tmp_path, monkeypatch):
    """Those that img-predict gives; of pictures with classes the classes do."""
    drawn = []
    monkeypatch.setattr(features, "scatter", lambda *given, **more: drawn.append((given, more)))
    (tmp_path / "t").mkdir()
    for i, path in enumerate(sorted((few / "validation").rglob("*.jpg"))):
        shutil.copy(path, tmp_path / "t" / f"{i:04}.jpg")
    call = ("--model", run, "--picture", tmp_path / "p.png", "--out", tmp_path / "f.npz")
    good("img-features", tmp_path / "t", *call)
    table = ("--csv", tmp_path / "p.csv", "--csv-format", "names")
    good("img-predict", tmp_path / "t", "--model", run, *table)
    with open(tmp_path / "p.csv", newline="") as stream:
        wanted = [row["class"] for row in csv.DictReader(stream)]
    assert np.load(tmp_path / "f.npz")["answers"].tolist() == wanted
    ((_, labels, classes, _), more) = drawn[0]
    assert [classes[i] for i in labels] == wanted
    assert classes == imagecls.load(run).classes  # all: one has the same colour in every picture
    assert "the model's answer" in more["title"]
    good("img-features", few, *call)
    ((_, labels, classes, _), more) = drawn[1]
    assert len(classes) == 6
    assert "answer" not in more["title"]


def test_from_python(run, few):
    photos = sorted((few / "validation").rglob("*.jpg"))[:3]
    classifier = imagecls.load(run)
    found = classifier.features(photos, "middle")
    again = classifier.features(photos[::-1], "middle")
    assert found.shape == (3, found.shape[1])
    assert np.allclose(found, again[::-1], atol=1e-6)
    with pytest.raises(UserError, match="no layer 'nothing'"):
        classifier.features(photos, "nothing")
    with pytest.raises(UserError, match="gone.jpg"):
        classifier.features(["gone.jpg"])


def test_what_is_refused(run, few, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call = ("img-features", few, "--model", run)
    assert "name what to make" in refused(2, *call)
    assert "must end in .npz" in refused(2, *call, "--out", "f.csv")
    text = refused(1, *call, "--out", "f.npz", "--layer", "stage.1")
    assert "there is no layer 'stage.1'" in text
    assert "stages.0" in text
    assert "--neighbours" in refused(2, *call, "--out", "f.npz", "--sheet", "x.png")
    assert "gone.jpg" in refused(1, *call, "--neighbours", "gone.jpg")
    assert "choose another --part" in refused(1, *call, "--out", "f.npz", "--part", "test")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    text = refused(1, *call, "--picture", "t.png", "--method", "tsne")
    assert "pip install scikit-learn" in text
    assert "the extra features" in text
    assert "--method pca" in text
    assert not list(tmp_path.iterdir())


def test_t_sne_keeps_clusters_apart(tmp_path):
    """Where scikit-learn is: three planted clusters stay clusters."""
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 20)
    values = (np.eye(3, 12)[labels] * 9 + rng.normal(0, 0.3, (60, 12))).astype(np.float32)
    points, _ = features.project(values, "tsne")
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(60) * 1e9
    assert (labels[distances.argmin(1)] == labels).all()
    layer = features.Layer("x", (12,), 1)
    found = features.Features(values, layer, labels, ("a", "b", "c"), ("f",) * 60)
    assert features.draw(found, "tsne", tmp_path / "t.png", most=30) == 30
