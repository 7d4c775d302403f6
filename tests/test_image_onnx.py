"""Classifiers in ONNX answer as torch does: every kind of network, every view, and the commands
that ask them."""

import csv
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import imagecls
from imagecls.classifier import export, views
from imagecls.classifier.ensemble import Ensemble
from imagecls.classifier.model import Predictor
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.runtime import OnnxClassifier
from imagecls.photos.collection import Photo
from tests.classifiers import CLASSES, predictor
from tests.exported import LINEAR, PICTURE, exported, pair, photos
from tests.typed import good, refused

__all__ = ["exported", "pair", "photos"]


@pytest.mark.parametrize("inputs", [1, 7, 16, 40])
def test_views_are_torchs(inputs: int) -> None:
    """Every view, shrunk and enlarged, beside torch's interpolate and grid_sample."""
    rng = np.random.default_rng(inputs)
    pixels = rng.integers(0, 256, (2, 3, inputs, inputs), dtype=np.uint8)
    exact = torch.from_numpy(pixels).float() / 255
    for size in (1, 9, 16, 33):
        for flip, side, x, y in views.VIEWS:
            if side == 1.0:
                expected = torch.nn.functional.interpolate(
                    exact, (size, size), mode="bilinear", antialias=True
                )
            else:
                maps = torch.tensor([[side, 0, x], [0, side, y]]).repeat(2, 1, 1)
                grid = torch.nn.functional.affine_grid(
                    maps, [2, 3, size, size], align_corners=False
                )
                expected = torch.nn.functional.grid_sample(exact, grid, align_corners=False)
            expected = expected.flip(3) if flip else expected
            assert np.allclose(views.seen(pixels, (flip, side, x, y), size), expected, atol=1e-5)


def test_every_kind_answers_as_torch(exported: list[tuple[Predictor, Path]]) -> None:
    """On pictures that the check in `export` has not seen, in batches of any size."""
    for one, file in exported:
        other, side = OnnxClassifier(file), one.config.store_size
        assert other.config.classes == one.config.classes
        pixels = np.random.default_rng(5).integers(0, 256, (3, 3, side, side), dtype=np.uint8)
        for n, tta in ((3, 12), (2, 1), (1, 3)):
            mine, theirs = one.logits(pixels[:n], tta), other.logits(pixels[:n], tta)
            assert np.allclose(mine, theirs, atol=1e-4)
        assert other.probabilities(pixels[:0]).shape == (0, 3)
        copy = pickle.loads(pickle.dumps(other))
        assert np.array_equal(copy.probabilities(pixels), other.probabilities(pixels))
        assert np.allclose(
            other.attention(pixels[0], [2, 0]), one.attention(pixels[0], [2, 0]), atol=1e-5
        )


def test_the_gradient_of_a_head_is_autograds(exported: list[tuple[Predictor, Path]]) -> None:
    for one, _ in exported:
        side = one.config.size
        maps = one.network.features(torch.rand(2, 3, side, side)).detach().requires_grad_()
        found = export.head_gradient(one.network, maps)
        for label in range(3):
            logits = one.network.classify(maps)[:, label].sum()
            (gradient,) = torch.autograd.grad(logits, maps)
            assert torch.allclose(found[:, label], gradient.mean((2, 3)), atol=1e-6)


def test_a_linear_heads_weights_are_in_the_file(exported: list[tuple[Predictor, Path]]) -> None:
    """With mean pooling and one linear layer, CAM (Zhou et al. 2015): the layer's own weights."""
    one, file = exported[0]
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    given = np.zeros((4, 3, 32, 32), np.float32)
    logits, maps, weights = session.run(["logits", "maps", "weights"], {"pictures": given})
    layer: Any = one.network.head_layers()[-1]  # type: ignore[index]
    assert np.allclose(weights[3] * maps[0, 0].size, layer.weight.detach(), atol=1e-6)
    again = np.einsum("kc,nchw->nk", weights[0], maps) + layer.bias.detach().numpy()
    assert np.allclose(again, logits, atol=1e-5)


def test_the_file_alone_suffices(exported: list[tuple[Predictor, Path]]) -> None:
    """A stranger's program: its metadata, Pillow and onnxruntime, and nothing of this project."""
    import onnxruntime

    for one, file in exported:
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        said = session.get_modelmeta().custom_metadata_map
        assert json.loads(said["classes"]) == list(CLASSES)
        assert str(one.config.mean) in said["preprocessing"]
        assert f"{one.config.store_size}x{one.config.store_size}" in said["preprocessing"]
        assert ("middle square" in said["preprocessing"]) == (one.config.fit == "crop")
        assert ("one linear layer" in said["head"]) == (one.config.hidden == ())
        image = Image.open(PICTURE).convert("RGB")
        if one.config.fit == "crop":
            side, left, top = min(image.size), image.width, image.height
            left, top = (left - side) // 2, (top - side) // 2
            image = image.crop((left, top, left + side, top + side))
        for size in (one.config.store_size, one.config.size):
            image = image.resize((size, size), Image.Resampling.BILINEAR)
        given = np.asarray(image, np.float32).transpose(2, 0, 1)[None] / 255
        (logits,) = session.run(["logits"], {session.get_inputs()[0].name: given})
        own = views.softmax(logits)[0]
        (answer,) = Ensemble([OnnxClassifier(file)]).predict([Photo("", str(PICTURE), -1)])
        assert np.allclose(own, answer, atol=0.02)  # Pillow rounds to whole numbers on its way


def test_a_head_that_is_not_known(tmp_path: Path, pair: Any, monkeypatch: Any) -> None:
    """Exported without weights for Grad-CAM; asking where it looks says what to do."""
    assert "heat map, from torch's" in good("img-export", pair[0], "--onnx", tmp_path / "y.onnx")
    one = predictor(LINEAR)
    monkeypatch.setattr(type(one.network), "head_layers", lambda self: None)
    assert export.export(one, tmp_path / "x.onnx") < 1e-4
    said = good("img-export", pair[0], "--onnx", tmp_path / "y.onnx")
    assert f"note: {tmp_path / 'y.onnx'} answers, but gives no heat maps" in said
    assert "heat map, from torch's" not in said
    assert "%" in good("img-predict", PICTURE, "--model", tmp_path / "x.onnx")
    said = refused(
        1, "img-explain", PICTURE, "--model", tmp_path / "x.onnx", "--picture", tmp_path / "x.png"
    )
    assert "does not say where it looks" in said
    assert not (tmp_path / "x.png").exists()


# --- commands
# ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], ["--tta", 12], ["--top", 1]])
def test_predicting_is_the_same(
    pair: tuple[Path, Path], photos: Path, tmp_path: Path, more: list[object]
) -> None:
    mine, theirs = (
        json.loads(good("img-predict", photos, "--model", model, "--json", *more)) for model in pair
    )
    for one, other in zip(mine, theirs, strict=True):
        assert one["image"] == other["image"]
        for a, b in zip(one["classes"], other["classes"], strict=True):
            assert (a["class"], a["number"]) == (b["class"], b["number"])
            assert a["probability"] == pytest.approx(b["probability"], abs=1e-4)
    tables = []
    for i, model in enumerate(pair):
        good("img-predict", photos, "--model", model, "--csv", tmp_path / f"{i}.csv", *more)
        tables.append(list(csv.reader((tmp_path / f"{i}.csv").open(encoding="utf-8"))))
    assert tables[0] == tables[1]
    assert len(tables[0]) == 10


def test_models_of_both_kinds_are_averaged(
    pair: tuple[Path, Path], exported: list[tuple[Predictor, Path]], photos: Path
) -> None:
    mixed = [["--model", pair[0], "--model", exported[2][1]], ["--model", exported[2][1]]]
    both, second = (json.loads(good("img-predict", photos, "--json", *each)) for each in mixed)
    first = json.loads(good("img-predict", photos, "--json", "--model", pair[1]))
    for one, a, b in zip(both, first, second, strict=True):
        rows = [{c["class"]: c["probability"] for c in each["classes"]} for each in (one, a, b)]
        for name in CLASSES:
            assert rows[0][name] == pytest.approx((rows[1][name] + rows[2][name]) / 2, abs=1e-4)


def test_measuring_is_the_same(pair: tuple[Path, Path], photos: Path, tmp_path: Path) -> None:
    mine, theirs = (
        json.loads(
            good("img-eval", photos, "--model", model, "--json", "--cache", tmp_path / "cache")
        )
        for model in pair
    )
    assert mine["confusion"] == theirs["confusion"]
    assert mine["loss"] == pytest.approx(theirs["loss"], abs=1e-4)


def test_explaining_is_the_same(pair: tuple[Path, Path], photos: Path, tmp_path: Path) -> None:
    photo = photos / "b" / "4.jpg"
    drawn = []
    for i, model in enumerate(pair):
        good("img-explain", photo, "--model", model, "--picture", tmp_path / f"{i}.png")
        drawn.append(np.asarray(Image.open(tmp_path / f"{i}.png").convert("RGB"), np.int64))
    assert abs(drawn[0] - drawn[1]).max() <= 2
    assert drawn[0].std() > 10
    a, b = (imagecls.load(model).explain(photo, "c") for model in pair)
    assert (a.name, a.picture.shape, a.heat.shape) == ("c", (40, 40, 3), (32, 32))
    assert np.array_equal(a.picture, b.picture)
    assert np.allclose(a.heat, b.heat, atol=1e-5)
    assert a.probability == pytest.approx(b.probability, abs=1e-4)
    assert np.allclose(imagecls.load(pair).explain(photo, "c").heat, a.heat, atol=1e-5)


def test_exporting(pair: tuple[Path, Path], tmp_path: Path) -> None:
    said = good("img-export", pair[0], "--onnx", tmp_path / "x.onnx")
    assert float(said.split()[-1]) < 1e-4
    assert "float32" in said
    wide = ClassifierConfig("cnn", CLASSES, size=32, store_size=32, widths=(64, 64), hidden=())
    sizes = {}
    for precision in ("fp32", "fp16"):
        export.export(predictor(wide), tmp_path / "w.onnx", precision)
        sizes[precision] = (tmp_path / "w.onnx").stat().st_size
    assert sizes["fp16"] < 0.6 * sizes["fp32"]
    assert "halves" in good("img-export", pair[0], "--onnx", tmp_path / "h.onnx", "--halves")
    good("img-export", pair[0], "--onnx", tmp_path / "s.onnx", "--eval-size", 48)
    mine, theirs = (
        json.loads(good("img-predict", PICTURE, "--json", "--model", *words))
        for words in ((pair[0], "--eval-size", 48), (tmp_path / "s.onnx",))
    )
    for a, b in zip(mine[0]["classes"], theirs[0]["classes"], strict=True):
        assert a["probability"] == pytest.approx(b["probability"], abs=1e-4)


def test_an_export_that_differs_is_not_written(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = views.seen
    monkeypatch.setattr(
        "imagecls.classifier.runtime.seen",
        lambda pixels, view, size: 0.9 * seen(pixels, view, size),
    )
    said = refused(1, "img-export", pair[0], "--onnx", tmp_path / "x.onnx")
    assert "answers otherwise than torch" in said
    assert not (tmp_path / "x.onnx").exists()
