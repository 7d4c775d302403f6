"""img-predict, img-eval, img-explain and img-augment as a person types them: tables and figures
that agree with the library's and with each other, pictures that are drawn, bad photographs
named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagecls.photos import files
from tests.img_runs import FAST, few, run
from tests.trees import tree
from tests.typed import cli, good, refused

__all__ = ["few", "run"]


def test_prediction(run, few, tmp_path):
    picture = few / "validation" / "pizza" / "000.jpg"
    line = good("img-predict", picture, "--model", run, "--top", 2)
    assert line.startswith(f"{picture}: ")
    assert line.count("%") == 2
    (record,) = json.loads(
        good(
            "img-predict", picture, "--model", run, "--model", run, "--tta", 4, "--json", "--top", 6
        )
    )
    assert sum(c["probability"] for c in record["classes"]) == pytest.approx(1, abs=1e-4)
    folder = tmp_path / "test"
    folder.mkdir()
    for i, path in enumerate(sorted((few / "validation").rglob("*.jpg"))[:12]):
        shutil.copy(path, folder / f"{i:04d}.jpg")
    table = tmp_path / "out.csv"
    asked = ("img-predict", folder, "--model", run, "--csv", table)
    assert good(*asked, "--quiet") == ""
    for extra in ([], ["--csv-format", "names"], ["--json"]):
        result = cli(*asked, *extra)
        assert result.stderr.splitlines()[-1] == f"12 rows: {table}"
    json.loads(result.stdout)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "Id,Category"
    assert [line.split(",")[0] for line in lines[1:]] == [f"{i:04d}" for i in range(12)]
    assert all(line.split(",")[1] in "012345" for line in lines[1:])


def test_bad_pictures_are_named_and_the_others_answered(run, few, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    Image.new("1", (20000, 20000)).save(tmp_path / "huge.png")
    Image.new("RGB", (1, 300), "red").save(tmp_path / "thin.png")
    whole = few / "training" / "soup" / "000.jpg"
    (tmp_path / "cut.jpg").write_bytes(whole.read_bytes()[:900])
    result = cli("img-predict", tmp_path, whole, "--model", run)
    assert result.exit_code == 1
    for words in (
        "text.jpg: not a picture",
        "huge.png: more than 100 million pixels",
        "cut.jpg: cut short",
    ):
        assert words in result.output
    assert "thin.png: " in result.output
    assert f"{whole}: " in result.output
    assert "Traceback" not in result.output


def test_evaluation(run, few, tmp_path):
    text = good(
        "img-eval",
        few,
        "--model",
        run,
        "--picture",
        tmp_path / "c.png",
        "--mistakes",
        tmp_path / "m.png",
        "--tta",
        2,
    )
    assert "24 pictures" in text
    assert Image.open(tmp_path / "c.png").width > 600
    assert Image.open(tmp_path / "m.png").width > 600
    found = json.loads(cli("img-eval", few, "--model", run, "--json", "--part", "train").stdout)
    assert found["pictures"] == found["learnt_from"] == 48
    assert np.array(found["confusion"]).sum() == 48
    assert found["accuracy"] == np.trace(np.array(found["confusion"])) / 48


def test_looking_at_another_layer_and_moving(run, few, tmp_path):
    """Another layer is another picture; shifted and scaled views are others than the recipe's."""
    picture = few / "validation" / "sushi" / "001.jpg"
    drawn = []
    for name, words in (("last", []), ("early", ["--look-layer", "stem"])):
        good("img-explain", picture, "--model", run, "--picture", tmp_path / f"{name}.png", *words)
        drawn.append((tmp_path / f"{name}.png").read_bytes())
    assert drawn[0] != drawn[1]
    said = refused(1, "img-explain", picture, "--model", run, "--look-layer", "zzz")
    assert "there is no layer zzz" in said
    views: list[bytes] = []
    more: tuple[list[object], ...] = ([], ["--shift", 0.3], ["--scale", 0.5])
    for settings in more:
        target = tmp_path / f"{len(views)}.png"
        good("img-augment", picture, "--picture", target, "--count", 2, "--size", 32, *settings)
        views.append(target.read_bytes())
    assert len(set(views)) == 3
    refused(2, "img-augment", picture, "--shift", 0.9)


def test_explaining_and_augmenting(run, few, tmp_path, monkeypatch):
    """Only what is asked for is written, and nothing before it is known that all of it can be."""
    picture = few / "validation" / "sushi" / "001.jpg"
    monkeypatch.chdir(tmp_path)
    good(
        "img-explain",
        picture,
        "--model",
        run,
        "--picture",
        tmp_path / "e.png",
        "--filters",
        tmp_path / "f.png",
        "--maps",
        tmp_path / "m.png",
        "--layer",
        "stem",
    )
    assert Image.open(tmp_path / "e.png").width > 1000
    assert Image.open(tmp_path / "f.png").size[0] >= 8 * 24
    assert Image.open(tmp_path / "m.png").width > 100
    refused(2, "img-explain", picture, "--model", run, "--class", "unicorn")
    assert "there is no layer" in refused(
        1,
        "img-explain",
        picture,
        "--model",
        run,
        "--picture",
        tmp_path / "x.png",
        "--maps",
        tmp_path / "y.png",
        "--layer",
        "zzz",
    )
    good("img-explain", picture, "--model", run, "--filters", tmp_path / "f.png")
    assert {path.name for path in tmp_path.iterdir()} == {"e.png", "f.png", "m.png"}
    good("img-explain", picture, "--model", run)
    assert (tmp_path / "explained.png").exists()
    # what nobody named is never written over
    (tmp_path / "explained.png").write_bytes(b"mine")
    for name in ("explained-2.png", "explained-3.png"):
        assert f"where it looks: {name}\n" in good("img-explain", picture, "--model", run)
        assert Image.open(tmp_path / name).width > 100
    assert (tmp_path / "explained.png").read_bytes() == b"mine"
    for name in ("augmented.png", "augmented-2.png"):
        assert name in good("img-augment", picture, "--count", 1)
        assert (tmp_path / name).exists()
    good(
        "img-augment",
        picture,
        "--picture",
        tmp_path / "a.png",
        "--augment",
        "strong",
        "--count",
        15,
    )
    assert Image.open(tmp_path / "a.png").width > 1000


def test_pictures_may_be_judged_at_another_size(few, run, tmp_path):
    """As a network says that was asked for that size, and of pictures decoded for it."""
    from imagecls.classifier.model import load

    plain, larger = (
        json.loads(good("img-eval", few, "--model", run, "--json", *extra))
        for extra in ([], ["--eval-size", "48"])
    )
    assert (plain["size"], larger["size"]) == (None, 48)
    assert larger["loss"] != plain["loss"]
    photo = next((few / "validation" / "pizza").iterdir())
    predictor = load(run).at(48)
    assert (predictor.config.size, predictor.config.store_size) == (48, 60)
    pixels = (
        np.asarray(Image.open(photo).convert("RGB").resize((60, 60), Image.Resampling.BILINEAR))
        .transpose(2, 0, 1)
        .copy()
    )
    expected = predictor.probabilities(pixels[None])[0]
    said = json.loads(good("img-predict", photo, "--model", run, "--eval-size", "48", "--json"))
    found = {each["index"]: each["probability"] for each in said[0]["classes"]}
    assert all(abs(expected[i] - p) < 0.02 for i, p in found.items())
    good("img-train", few, "--out", tmp_path / "c", "--steps", 1, *FAST, "--model", "cnn")
    assert "sees pictures of 32 pixels only" in refused(
        1, "img-eval", few, "--model", tmp_path / "c", "--eval-size", "48"
    )
    good("img-export", run, "--onnx", tmp_path / "m.onnx")
    assert "is an ONNX file" in refused(
        1, "img-predict", photo, "--model", tmp_path / "m.onnx", "--eval-size", "48"
    )


@pytest.mark.parametrize(
    ("names", "asked", "said"),
    [
        ("{1,2}.jpg test/3.jpg", 1, "not asked about: 2 beside the parts"),
        ("{1,2}.jpg train/3.jpg", 1, "not asked about: 2 beside the parts"),
        ("test/{1,2}.jpg train/{a,b}/1.jpg valid/a/1.jpg", 2, "2 of the part train, 1 of the part"),
        ("a/{1,2}.jpg b/1.jpg", 3, ""),
    ],
)
def test_pictures_that_are_not_asked_about_are_counted(
    run: Path, tmp_path: Path, names: str, asked: int, said: str
) -> None:
    """Of a folder with a test part that is asked; holiday pictures may lie beside it."""
    folder = tree(tmp_path / "holiday", names)
    for path in folder.rglob("*.jpg"):
        Image.new("RGB", (8, 8), "red").save(path)
    result = cli("img-predict", folder, "--model", run, "--json")
    assert len(json.loads(result.stdout)) == asked
    assert said in result.stderr
    assert ("not asked about" in result.stderr) == bool(said)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no such device")
@pytest.mark.parametrize("command", ["img-predict", "img-explain", "img-augment"])
def test_a_device_has_no_end(command, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 20)
    monkeypatch.chdir(tmp_path)
    assert "/dev/zero: larger than 1 MB" in refused(1, command, "/dev/zero")
    assert list(tmp_path.iterdir()) == []


def test_no_submission_by_what_ships(few, tmp_path, monkeypatch):
    """Its classes are not the homework's, but would be counted as if they were."""
    words = ("img-predict", few / "validation" / "sushi", "--csv", tmp_path / "s.csv")
    assert "name the run with --model, or write names with --csv-format names" in refused(2, *words)
    assert not (tmp_path / "s.csv").exists()
    good(*words, "--csv-format", "names")
    good(
        "img-predict", few / "validation" / "sushi", "--csv", tmp_path / "t.csv", "--model", "food"
    )


def test_layers_by_their_places(run, few, tmp_path):
    """As img-features calls them."""
    picture = few / "validation" / "sushi" / "001.jpg"
    for place in ("middle", "top"):
        said = good(
            "img-explain", picture, "--model", run, "--maps", tmp_path / "m.png", "--layer", place
        )
        assert "feature maps of stages" in said
    assert "explained" not in said


def test_what_was_written_is_named(run, few, tmp_path):
    names = {"--picture": "c.png", "--mistakes": "m.png", "--report": "r.csv"}
    options = [word for option, name in names.items() for word in (option, tmp_path / name)]
    said = good("img-eval", few, "--model", run, *options)
    assert all(f": {tmp_path / name}\n" in said for name in names.values())
    assert json.loads(cli("img-eval", few, "--model", run, *options, "--json").stdout)
