"""Classifiers in ONNX, and the one that ships: they answer as torch does, without torch."""

import csv
import json
import pickle
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from PIL import Image

import imagecls
from gocnn.errors import UserError
from imagecls.classifier import KIND, export, shipped, views
from imagecls.classifier.ensemble import Ensemble
from imagecls.classifier.model import Predictor, load
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.runtime import OnnxClassifier, open_classifier
from imagecls.photos.collection import Photo
from tests.classifiers import CLASSES, predictor
from tests.conftest import ROOT
from tests.photographs import colourful, encoded
from tests.typed import cli, good, refused

PICTURE = ROOT / "data" / "images" / "validation" / "pizza" / "000.jpg"

LINEAR = ClassifierConfig(
    "resnet", CLASSES, size=32, store_size=40, widths=(8, 16), hidden=(), context="se"
)
CONFIGS = [
    LINEAR,
    ClassifierConfig(
        "resnet",
        CLASSES,
        size=48,
        store_size=40,
        fit="crop",
        widths=(8, 16),
        hidden=(12, 10),
        context="bias",
    ),
    ClassifierConfig("cnn", CLASSES, size=24, store_size=40, widths=(8, 16), hidden=(12, 10)),
    ClassifierConfig(
        "cnn",
        CLASSES,
        size=24,
        store_size=24,
        widths=(8, 16),
        hidden=(),
        pool="mean",
        mean=(0, 0, 0),
    ),
    ClassifierConfig(
        "resnet101", CLASSES, size=64, store_size=72, depths=(1, 1, 1, 1), base=4, hidden=(12, 10)
    ),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Predictor, Path]]:
    """A classifier of every kind, and its file."""
    folder = tmp_path_factory.mktemp("exported")
    found = []
    for i, config in enumerate(CONFIGS):
        found.append((predictor(config, i), folder / f"{i}.onnx"))
        assert export.export(*found[-1]) < 1e-4
    return found


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, exported: Any) -> tuple[Path, Path]:
    """A model file of torch's, and the ONNX file of the same network."""
    from gocnn import modelfile

    one, file = exported[0]
    path = tmp_path_factory.mktemp("pair") / "m.safetensors"
    modelfile.save(path, KIND, asdict(one.config), {"data": "none"}, one.network.state_dict())
    return path, file


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


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine labelled pictures of the three classes, one of them upright by its EXIF alone."""
    folder = tmp_path_factory.mktemp("photos")
    for i in range(9):
        image = colourful(i, (90, 60))
        exif = image.getexif()
        exif[0x0112] = 6 if i == 4 else 1
        (folder / CLASSES[i % 3]).mkdir(exist_ok=True)
        (folder / CLASSES[i % 3] / f"{i}.jpg").write_bytes(encoded(image, "JPEG", exif=exif))
    return folder


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


# --- what ships
# ------------------------------------------------------------------------------------------------------------------------


def test_both_files_of_what_ships_are_one_network() -> None:
    """In halves, rounded at different places."""
    one, other = load(shipped.find("food", ".safetensors")), OnnxClassifier(shipped.find("food"))
    assert export.difference(one, other) < 0.01
    assert one.config.classes == other.config.classes
    assert one.provenance == other.provenance
    for suffix in (".onnx", ".safetensors"):
        assert shipped.find("food", suffix).stat().st_size < 6e6


def test_the_lines_for_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those in docs/hw03.md answer as the library does, but for how a photograph is shrunk."""
    page = (ROOT / "docs" / "hw03.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(shipped.find("food"), "food11.onnx")
    large = Image.open(PICTURE).resize((700, 500), Image.Resampling.BICUBIC)
    turned = Image.Exif()
    turned[0x0112] = 6
    large.save("large.jpg", quality=95, exif=turned)
    for path in (PICTURE, PICTURE.parents[1] / "sushi" / "001.jpg", Path("large.jpg")):
        shutil.copy(path, "photo.jpg")
        found: dict[str, Any] = {}
        exec(compile(lines, "hw03.md", "exec"), found)
        name, share = capsys.readouterr().out.split()
        shares = dict(zip(found["classes"], found["shares"].tolist(), strict=True))
        assert name == max(shares, key=lambda one: shares[one])
        assert float(share) == pytest.approx(max(shares.values()))
        for each in imagecls.load("food").predict(path):
            assert shares[each.name] == pytest.approx(each.probability, abs=0.03)


def test_what_is_asked_where_nobody_says(
    tmp_path: Path, pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("img-predict", PICTURE)
    assert result.exit_code == 0, result.output
    assert "food answers, which ships and knows nothing but apple_pie, baby_back" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    # once it has answered, not before an error
    for wrong in (
        ("img-predict", "gone.jpg"),
        ("img-explain", "gone.jpg"),
        ("img-explain", PICTURE, "--class", "tea"),
        ("img-eval", PICTURE.parents[2]),
    ):
        failed = cli(*wrong)
        assert failed.exit_code
        assert "ships" not in failed.output
    (tmp_path / "two" / "baklava").mkdir(parents=True)
    (tmp_path / "two" / "bibimbap").mkdir()
    shutil.copy(PICTURE, tmp_path / "two" / "baklava" / "0.jpg")
    shutil.copy(PICTURE.with_name("001.jpg"), tmp_path / "two" / "bibimbap" / "1.jpg")
    judged = cli("img-eval", "two")
    assert judged.stdout.startswith("food on two, 2 pictures")
    assert "food answers, which ships" in judged.stderr
    assert json.loads(cli("img-eval", "two", "--model", "food", "--json").stdout)["models"] == [
        "food"
    ]
    shutil.rmtree("two")
    named = cli("img-predict", PICTURE, "--model", "food")
    assert (named.stdout, named.stderr) == (result.stdout, "")
    assert "Traceback" not in cli("img-explain", PICTURE).output
    assert [path.name for path in tmp_path.iterdir()] == ["explained.png"]
    assert imagecls.load().classes == imagecls.load("food").classes
    monkeypatch.setenv(shipped.VARIABLE, str(pair[1]))
    assert imagecls.load().classes == CLASSES
    assert cli("img-predict", PICTURE).stderr == ""
    monkeypatch.setenv(shipped.VARIABLE, "gone.onnx")
    assert "GOCNN_IMAGE_MODEL names gone.onnx, which does not exist" in refused(
        1, "img-predict", PICTURE
    )
    monkeypatch.delenv(shipped.VARIABLE)
    (tmp_path / "food").mkdir()
    assert "food holds no model" in refused(1, "img-predict", PICTURE, "--model", "food")
    assert imagecls.load().classes[0] == "apple_pie"
    monkeypatch.setattr(shipped, "WEIGHTS", tmp_path)
    assert "food.onnx does not come with this installation" in refused(1, "img-predict", PICTURE)


def test_other_devices_take_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("gocnn.devices.resolve", lambda name: name)
    monkeypatch.setattr("imagecls.classifier.model.load", lambda *given: asked.append(given))
    open_classifier(None, "cuda:1")
    assert asked == [(shipped.WEIGHTS / "food.safetensors", "cuda:1")]


def test_nothing_of_it_needs_torch(pair: tuple[Path, Path], photos: Path, tmp_path: Path) -> None:
    """Nor matplotlib, nor what only training needs."""
    program = f"""
import sys
for name in ("torch", "safetensors", "onnx", "matplotlib", "numba"):
    sys.modules[name] = None
import imagecls
from gocnn.commands import main
photo = {str(photos / "b" / "4.jpg")!r}
for words in (
    ["img-predict", photo],
    ["img-explain", photo, "--picture", {str(tmp_path / "é.png")!r}],
    ["img-predict", photo, "--model", {str(pair[1])!r}, "--model", {str(pair[1])!r}, "--tta", "12"],
    ["img-eval", {str(photos)!r}, "--model", {str(pair[1])!r}, "--cache", {str(tmp_path / "c")!r}],
):
    assert not main(words, standalone_mode=False)
print(imagecls.load().explain(photo).heat.shape, imagecls.load().predict(photo, 1))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("(176, 176) [Prediction('")


def test_an_explanation_imports_neither_torch_nor_matplotlib(photos: Path, tmp_path: Path) -> None:
    """Either takes longer to import than all that the command does."""
    words = ["img-explain", str(photos / "b" / "4.jpg"), "--picture", str(tmp_path / "x.png")]
    program = (
        f"import sys\nfrom gocnn.commands import main\nmain({words!r}, standalone_mode=False)\n"
        "print(sorted({'torch', 'matplotlib', 'numba'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert (tmp_path / "x.png").exists()


# --- bad input
# ------------------------------------------------------------------------------------------------------------------------


def test_files_that_are_no_classifier(
    pair: tuple[Path, Path], exported: list[tuple[Predictor, Path]], tmp_path: Path
) -> None:
    policy = ROOT / "gocnn" / "policy" / "weights" / "small.onnx"
    whole = exported[0][1].read_bytes()

    def changed(name: str, **metadata: str) -> Path:
        graph: Any = onnx.load_from_string(whole)
        for entry in graph.metadata_props:
            if entry.key in metadata:
                entry.value = metadata[entry.key]
        (tmp_path / name).write_bytes(graph.SerializeToString())
        return tmp_path / name

    graph: Any = onnx.load_from_string(whole)
    del graph.metadata_props[:]  # what timm, torchvision or Ultralytics write
    (tmp_path / "other.onnx").write_bytes(graph.SerializeToString())
    (tmp_path / "text.onnx").write_text("hello", encoding="utf-8")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "short.onnx").write_bytes(whole[: len(whole) // 2])
    config = json.loads(json.dumps(asdict(CONFIGS[0])))
    graph = onnx.load_from_string(whole)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 2:
            tensor.CopyFrom(numpy_helper.from_array(np.full_like(values, np.nan), tensor.name))
    (tmp_path / "nan.onnx").write_bytes(graph.SerializeToString())
    for file, words in (
        (tmp_path / "other.onnx", "is an ONNX file, but not one of a classifier that img-export"),
        (policy, "not one of a classifier"),
        (tmp_path / "text.onnx", "is not an ONNX file, or is cut short"),
        (tmp_path / "empty.onnx", "is not an ONNX file, or is cut short"),
        (tmp_path / "short.onnx", "is not an ONNX file, or is cut short"),
        (tmp_path / "gone.onnx", "cannot read"),
        (tmp_path, "holds no model"),
        (tmp_path / "nan.onnx", "no number"),
        (changed("a.onnx", config="{}"), "model is missing"),
        (changed("b.onnx", config=json.dumps(config | {"classes": []})), "classes are missing"),
        (changed("c.onnx", config=json.dumps(config | {"size": -3})), "size is -3"),
        (changed("d.onnx", config=json.dumps(config | {"size": 31})), "cannot be run"),
        (changed("e.onnx", config=json.dumps(config | {"classes": ["x"]})), "cannot be run"),
        (changed("f.onnx", config=json.dumps(config | {"fit": "tile"})), "fit is 'tile'"),
        (changed("g.onnx", version="7"), "version 7"),
    ):
        assert words in refused(1, "img-predict", PICTURE, "--model", file)
        with pytest.raises(UserError):
            imagecls.load(file)


def test_a_network_that_onnx_has_no_word_for(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as some of other libraries."""
    from imagecls.classifier.models.resnet import ResidualClassifier

    plain = ResidualClassifier.features
    monkeypatch.setattr(
        ResidualClassifier, "features", lambda self, x: torch.fft.fft2(plain(self, x)).real
    )
    said = refused(1, "img-export", pair[0], "--onnx", tmp_path / "x.onnx")
    assert "cannot be written as ONNX" in said
    assert not (tmp_path / "x.onnx").exists()


def test_what_an_onnx_file_cannot_do(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for option in ("--filters", "--maps"):
        said = refused(1, "img-explain", PICTURE, "--model", pair[1], option, tmp_path / "x.png")
        assert "whose layers cannot be looked at" in said
    assert "whose size is fixed" in refused(
        1, "img-predict", PICTURE, "--model", pair[1], "--eval-size", 64
    )
    assert "is an ONNX file" in refused(1, "img-export", pair[1], "--onnx", tmp_path / "x.onnx")
    assert "must end in .onnx" in refused(2, "img-export", pair[0], "--onnx", tmp_path / "x.bin")
    assert "does not exist" in refused(
        1, "img-export", tmp_path / "none", "--onnx", tmp_path / "x.onnx"
    )
    assert "go-policy" in refused(
        1,
        "img-export",
        ROOT / "gocnn" / "policy" / "weights" / "small.safetensors",
        "--onnx",
        tmp_path / "x.onnx",
    )
    assert list(tmp_path.iterdir()) == []
    good(
        "img-explain", PICTURE, "--filters", tmp_path / "f.png"
    )  # what ships is there for torch too
    with pytest.raises(UserError, match="is no class"):
        imagecls.load(pair[1]).explain(PICTURE, "unicorn")
    crop = predictor(
        ClassifierConfig(
            "cnn", CLASSES, size=16, store_size=16, fit="crop", hidden=(4,), widths=(8,)
        )
    )
    with pytest.raises(UserError, match="different parts"):
        imagecls.Classifier(Ensemble([load(pair[0]), crop])).explain(PICTURE)
