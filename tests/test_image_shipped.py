"""The classifier that ships: one network in both of its files, asked where nobody says which, and
without torch; the lines of docs/hw03.md for other programs answer as the library does."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from PIL import Image

import imagecls
from imagecls.classifier import export, shipped
from imagecls.classifier.model import load
from imagecls.classifier.runtime import OnnxClassifier, open_classifier
from imagecls.classifier.views import VIEWS, seen
from imagecls.photos.decode import decode_file
from tests.classifiers import CLASSES
from tests.conftest import ROOT
from tests.exported import PICTURE, exported, pair, photos
from tests.typed import cli, good, refused

__all__ = ["exported", "pair", "photos"]


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


def test_a_class_is_meant_however_it_is_spelt(tmp_path: Path) -> None:
    food = imagecls.load()
    exact = food.explain(PICTURE, "beet_salad")
    for spelt in ("Beet Salad", "BEET-SALAD", "beet salad"):
        found = food.explain(PICTURE, spelt)
        assert found.name == "beet_salad"
        assert np.array_equal(found.heat, exact.heat)
    drawn = [tmp_path / "a.png", tmp_path / "b.png"]
    for target, spelt in zip(drawn, ("beet_salad", "Beet Salad"), strict=True):
        good("img-explain", PICTURE, "--class", spelt, "--picture", target)
    assert drawn[0].read_bytes() == drawn[1].read_bytes()


def test_what_ships_has_features_too() -> None:
    """The means of the last maps over their places: the maps that its ONNX file answers with."""
    food = imagecls.load()
    (row,) = food.features([PICTURE])
    one = open_classifier()
    pixels = decode_file(PICTURE, one.config.store_size, one.config.fit)
    view = seen(pixels[None], VIEWS[0], one.config.size)
    session = onnxruntime.InferenceSession(one.path)
    (maps,) = session.run(["maps"], {"pictures": view})
    assert np.allclose(row, maps[0].mean((1, 2)), atol=0.01)


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
    seen = cli("img-features", "two", "--out", "two.npz")
    assert "2 pictures, 256 features" in seen.stdout
    assert "food answers, which ships" in seen.stderr
    Path("two.npz").unlink()
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
