"""The img-* commands as a person mistypes them: one sentence for bad calls, for options of another
model and for classes that differ; and what describe says, against weights counted by hand."""

import json
import shutil

import pytest

from tests.conftest import ROOT
from tests.img_runs import FAST, SMALL101, few, run
from tests.typed import good, refused

__all__ = ["few", "run"]


def test_bad_calls_and_bad_data(run, few, tmp_path):
    refused(2, "img-train", "--out", tmp_path / "x")
    refused(2, "img-train", few, "--out", tmp_path / "x", "--widths", "8,a")
    refused(2, "img-train", few, "--out", tmp_path / "x", "--folds", 3, "--fold", 3)
    refused(2, "img-train", few, "--out", tmp_path / "x", "--steps", 1, "--epochs", 2)
    for rates in ("layer4", "=1", "layer4=-1", "layer4=nan", "layer4=1,layer4=2"):
        assert "'--rates'" in refused(
            2, "img-train", few, "--out", tmp_path / "x", "--rates", rates
        )
    many = ("img-train", few, "--out", tmp_path / "x", "--steps", 1, "--folds", 100, "--fold", 99)
    assert "too few for 100 folds; make fewer (--folds)" in refused(1, *many)
    fine = ("img-train", few, "--out", tmp_path / "x", "--steps", 1, *SMALL101, "--weights", "none")
    assert "--rates: there is no part layer9; the parts are conv1, bn1" in refused(
        1, *fine, "--rates", "layer4=0.1,layer9=0.1"
    )
    assert "--rates: the part layer3 is frozen" in refused(
        1, *fine, "--unfreeze", "layer4", "--rates", "layer3=0.1"
    )
    assert "shrink 16 pixels" in refused(
        1, "img-train", few, "--out", tmp_path / "x", "--steps", 1, "--model", "cnn", "--size", 16
    )
    assert "no part layer7" in refused(
        1,
        "img-train",
        few,
        "--out",
        tmp_path / "x",
        "--steps",
        1,
        *SMALL101,
        "--weights",
        "none",
        "--unfreeze",
        "layer7",
    )
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in refused(
        1, "img-train", tmp_path / "empty", "--out", tmp_path / "x"
    )
    assert "does not exist" in refused(1, "img-predict", tmp_path / "gone.jpg", "--model", run)
    assert "already holds a run" in refused(1, "img-train", few, "--out", run, "--steps", 1, *FAST)
    assert "holds no run to resume" in refused(
        1, "img-train", "--out", tmp_path / "none", "--resume"
    )
    assert "of the kind image-classifier" in refused(
        1, "go-eval", ROOT / "data" / "games", "--model", run
    )
    assert not (tmp_path / "x").exists()


def test_classes_that_differ(run, few, tmp_path):
    shutil.copytree(few, tmp_path / "other")
    for part in ("training", "validation"):
        (tmp_path / "other" / part / "soup").rename(tmp_path / "other" / part / "unicorn")
    text = refused(1, "img-eval", tmp_path / "other", "--model", run)
    assert "(unicorn); known" in text
    for name in sorted(p.name for p in (few / "training").iterdir() if p.name != "soup"):
        for part in ("training", "validation"):
            shutil.copytree(few / part / name, tmp_path / "strange" / part / f"no {name}")
    for part in ("training", "validation"):
        shutil.copytree(few / part / "soup", tmp_path / "strange" / part / "unicorn")
    text = refused(1, "img-eval", tmp_path / "strange", "--model", run)
    assert "and 1 more); known are" in text
    # fewer classes than the model knows are no mistake
    shutil.rmtree(tmp_path / "other" / "validation" / "unicorn")
    shutil.rmtree(tmp_path / "other" / "training" / "unicorn")
    assert "20 pictures" in good("img-eval", tmp_path / "other", "--model", run)
    assert "not those that the run" in refused(
        1, "img-train", tmp_path / "other", "--out", run, "--resume"
    )


def test_test_folder_as_training_data(few, tmp_path):
    (tmp_path / "test").mkdir()
    for i, path in enumerate(sorted(few.rglob("*.jpg"))[:5]):
        shutil.copy(path, tmp_path / "test" / f"{i:04d}.jpg")
    assert "looks like a test folder" in refused(
        1, "img-train", tmp_path / "test", "--out", tmp_path / "r"
    )


def test_describe_classifiers(run):
    """Weights of the lecture's residual classifier, counted by hand; a trained model; and
    ResNet-101's published multiply-accumulates."""
    blocks = sum(9 * a * b + 9 * b * b + a * b for a, b in ((64, 128), (128, 256), (256, 512)))
    norms = 2 * (64 + 3 * (128 + 256 + 512))
    head = 512 * 1024 + 1024 + 1024 * 512 + 512 + 512 * 11 + 11
    assert (
        json.loads(good("describe", "resnet", "--json"))["parameters"]
        == 3 * 64 * 9 + blocks + norms + head
    )
    assert json.loads(good("describe", run, "--json"))["parameters"] > 1000
    found = json.loads(good("describe", "resnet101", "--json"))
    # torchvision's table has 7.80 GFLOPS, counted as multiply-accumulates
    assert found["macs"] == pytest.approx(7.80e9, rel=0.01)
    assert "cnn" in good("describe", "cnn")


def test_options_of_another_model_are_not_passed_over(tmp_path):
    for model, option in (
        ("resnet", ("--weights", "v1")),
        ("cnn", ("--unfreeze", "all")),
        ("cnn", ("--blocks", "2")),
        ("resnet101", ("--pool", "min")),
    ):
        assert f"--model is {model}" in refused(
            2, "img-train", tmp_path, "--out", tmp_path / "r", "--model", model, *option
        )
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in refused(
        1,
        "img-train",
        tmp_path / "empty",
        "--out",
        tmp_path / "r",
        "--model",
        "cnn",
        "--weights",
        "none",
    )


@pytest.mark.parametrize(
    ("command", "option", "beside"),
    [
        # what --picture shows is not of that layer
        (("img-explain", "PHOTO", "--layer", "stem"), "--layer", "--maps"),
        (("img-explain", "PHOTO", "--most", 4), "--most", "--maps"),
        (
            ("img-explain", "PHOTO", "--filters", "F.png", "--scale", "logit"),
            "--scale",
            "--picture",
        ),
        (
            ("img-explain", "PHOTO", "--maps", "M.png", "--look-layer", "stem"),
            "--look-layer",
            "--picture",
        ),
        (("img-eval", "PHOTOS", "--count", 5), "--count", "--mistakes"),
        (("img-clean", "PHOTOS", "--folds", 4, "--count", 5), "--count", "--sheet"),
        (("img-features", "PHOTOS", "--out", "F.npz", "--count", 5), "--count", "--neighbours"),
        (("img-features", "PHOTOS", "--out", "F.npz", "--method", "tsne"), "--method", "--picture"),
        (("img-predict", "PHOTO", "--csv-format", "names"), "--csv-format", "--csv"),
        (
            ("img-train", "PHOTOS", "--out", "R", "--compile-mode", "reduce-overhead"),
            "--compile-mode",
            "--compile",
        ),
    ],
)
def test_an_option_that_would_be_passed_over_is_a_wrong_call(
    tmp_path, monkeypatch, command, option, beside
):
    """Before anything is read: what is named here is not there."""
    monkeypatch.chdir(tmp_path)
    assert f"{option} means something with {beside} only" in refused(2, *command)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--linear-head", "--hidden", 5), "--linear-head has no hidden layers"),
        (("--valid-share", 0.2, "--folds", 3), "--folds says which photographs validate"),
        (("--valid-share", 0.2, "--valid", "V"), "--valid says which photographs validate"),
    ],
)
def test_of_two_options_that_exclude_one_another_none_is_passed_over(tmp_path, more, words):
    said = refused(2, "img-train", tmp_path / "gone", "--out", tmp_path / "r", *more)
    assert words in said
    assert said.endswith("leave one out")
