"""The img-* commands as a person types them."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from gocnn.training import TrainConfig
from imagecls.augment import RECIPES
from imagecls.classifier import training
from imagecls.classifier.models import ClassifierConfig
from imagecls.classifier.models.resnet101 import ResNet101
from imagecls.photos.data import Split
from tests.conftest import ROOT
from tests.toyruns import on_two_processes
from tests.typed import cli, good, refused

IMAGES = ROOT / "data" / "images"
FAST = [
    "--size",
    "32",
    "--widths",
    "8,16",
    "--hidden",
    "16",
    "--batch",
    "16",
    "--precision",
    "fp32",
    "--validations",
    "1",
    "--quiet",
]
SMALL101 = [
    "--model",
    "resnet101",
    "--size",
    "32",
    "--depths",
    "1,1,1,1",
    "--base",
    "4",
    "--batch",
    "16",
    "--precision",
    "fp32",
    "--quiet",
]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the sample pictures: 6 classes, 8 for training and 4 for validation each."""
    target = tmp_path_factory.mktemp("few")
    for part, count in (("training", 8), ("validation", 4)):
        for folder in sorted((IMAGES / part).iterdir()):
            (target / part / folder.name).mkdir(parents=True)
            for path in sorted(folder.iterdir())[:count]:
                shutil.copy(path, target / part / folder.name)
    return target


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, few: Path) -> Path:
    """A short finished run."""
    out = tmp_path_factory.mktemp("run") / "r"
    good("img-train", few, "--out", out, "--steps", 12, *FAST)
    return out


# --- training
# ------------------------------------------------------------------------------------------------------------------------


def test_training_shows_classes_and_learns(tmp_path):
    """On all sample pictures, a small network gets well above chance (1 of 6) in a few epochs."""
    text = good(
        "img-train",
        IMAGES,
        "--out",
        tmp_path / "r",
        "--epochs",
        12,
        "--augment",
        "none",
        "--size",
        32,
        "--widths",
        "16,32,64",
        "--linear-head",
        "--batch",
        32,
        "--precision",
        "fp32",
        "--validations",
        2,
    )
    for name in ("doughnut", "fried_egg", "pizza", "soup", "sushi", "watermelon"):
        assert name in text
    best = float(text.split("best: accuracy ")[1].split("%")[0])
    assert best > 45
    assert {p.name for p in (tmp_path / "r").iterdir()} >= {
        "best.safetensors",
        "last.safetensors",
        "metrics.jsonl",
        "curves.png",
        "run.json",
    }


@pytest.mark.parametrize(
    "extra",
    [
        ["--model", "cnn", "--pool", "min"],
        ["--augment", "strong", "--class-weights", "--train-size", "24"],
        ["--augment", "none", "--folds", "4", "--fold", "3"],
        [
            "--optimiser",
            "adamw",
            "--auto",
            "rand",
            "--mixup",
            "--cutmix",
            "0.5",
            "--label-smoothing",
        ],
        ["--fit", "crop", "--optimiser", "sgd", "--label-smoothing", "0.1"],
        ["--preset", "strong", "--batch", "12"],
    ],
)
def test_options(few, tmp_path, extra):
    good("img-train", few, "--out", tmp_path / "r", "--steps", 2, *FAST, *extra)
    assert "accuracy" in good("img-eval", few, "--model", tmp_path / "r")


@pytest.mark.parametrize(
    ("extra", "rate"),
    [
        ([], 0.002),
        (["--optimiser", "adamw"], 0.0003),
        (["--learning-rate", "0.1"], 0.1),
        (["--model", "resnet"], None),
    ],
)
def test_the_plain_network_has_rates_of_its_own(few, tmp_path, extra, rate):
    good("img-train", few, "--out", tmp_path / "r", "--steps", 1, *FAST, "--model", "cnn", *extra)
    assert (
        json.loads((tmp_path / "r" / "run.json").read_text())["wishes"]["train"]["learning_rate"]
        == rate
    )


@pytest.mark.slow
def test_killed_run_resumes_to_the_same_bits(few, tmp_path):
    """SIGKILL at some moment, then --resume, against a run never killed: the same weights."""
    arguments = [
        "img-train",
        str(few),
        "--steps",
        "60",
        *FAST,
        "--augment",
        "strong",
        "--checkpoint-minutes",
        "0.001",
        "--validations",
        "6",
    ]
    good(*arguments, "--out", tmp_path / "whole")
    process = subprocess.Popen(
        [sys.executable, "cli.py", *arguments, "--out", str(tmp_path / "killed")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    while not (tmp_path / "killed" / "run.json").exists() and process.poll() is None:
        time.sleep(0.005)
    time.sleep(0.1)
    process.kill()
    process.wait()
    good("img-train", "--out", tmp_path / "killed", "--resume", "--quiet")
    for name in ("last.safetensors", "best.safetensors"):
        a, b = (
            safetensors.torch.load_file(tmp_path / folder / name) for folder in ("whole", "killed")
        )
        assert all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.slow
def test_two_stage_fine_tuning(few, tmp_path):
    """The head alone first: after it the body is still as it was; then layer4 moves as well, and
    nothing before it."""
    torch.manual_seed(0)
    state = ResNet101(1000, (1, 1, 1, 1), 4).state_dict()
    torch.save(state, tmp_path / "w.pth")
    good(
        "img-train",
        few,
        "--out",
        tmp_path / "r",
        "--epochs",
        1,
        *SMALL101,
        "--weights",
        tmp_path / "w.pth",
        "--head-epochs",
        1,
        "--rates",
        "layer4=0.1",
    )
    head = safetensors.torch.load_file(tmp_path / "r" / "head" / "last.safetensors")
    final = safetensors.torch.load_file(tmp_path / "r" / "last.safetensors")
    for name, tensor in state.items():
        if not name.startswith("fc."):
            assert torch.equal(head[name], tensor), name
            assert torch.equal(final[name], tensor) or name.startswith("layer4"), name
    assert any(
        not torch.equal(final[name], head[name]) for name in head if name.startswith("layer4")
    )
    good("img-predict", IMAGES / "validation" / "pizza" / "000.jpg", "--model", tmp_path / "r")
    # and a run can be the start of another, whose classes may differ
    shutil.copytree(few, tmp_path / "fewer")
    for part in ("training", "validation"):
        shutil.rmtree(tmp_path / "fewer" / part / "sushi")
    good(
        "img-train",
        tmp_path / "fewer",
        "--out",
        tmp_path / "r2",
        "--epochs",
        1,
        *SMALL101,
        "--weights",
        tmp_path / "r",
    )


def test_pretrained_without_network_is_one_sentence(few, tmp_path, monkeypatch):
    monkeypatch.setenv("GOCNN_WEIGHTS_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("GOCNN_CACHE", str(tmp_path / "cache"))
    text = refused(1, "img-train", few, "--out", tmp_path / "r", "--steps", 1, *SMALL101)
    assert "--weights none" in text
    assert not (tmp_path / "r" / "run.json").exists()
    good("img-train", few, "--out", tmp_path / "r", "--steps", 1, *SMALL101, "--weights", "none")


# --- predicting, judging, explaining
# -------------------------------------------------------------------------------------------------


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
    found = json.loads(good("img-eval", few, "--model", run, "--json", "--part", "train"))
    assert found["pictures"] == 48
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


# --- bad input
# -----------------------------------------------------------------------------------------------------------------------


def test_bad_calls_and_bad_data(run, few, tmp_path):
    refused(2, "img-train", "--out", tmp_path / "x")
    refused(2, "img-train", few, "--out", tmp_path / "x", "--widths", "8,a")
    refused(2, "img-train", few, "--out", tmp_path / "x", "--folds", 3, "--fold", 3)
    refused(2, "img-train", few, "--out", tmp_path / "x", "--steps", 1, "--epochs", 2)
    for rates in ("layer4", "=1", "layer4=-1", "layer4=nan", "layer4=1,layer4=2"):
        assert "'--rates'" in refused(
            2, "img-train", few, "--out", tmp_path / "x", "--rates", rates
        )
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


def test_few_passes_are_said_at_the_end(few, tmp_path):
    """Of 48 photographs in batches of 16."""
    for steps, words in ((3, "only 1.0 passes over the 48 photographs were made"), (15, "")):
        result = cli("img-train", few, "--out", tmp_path / f"{steps}", "--steps", steps, *FAST)
        last = result.stderr.splitlines()[-1:]
        assert ("passes over" in result.stderr) == bool(words)
        assert not words or last == [f"note: {words}; give more --steps"]
    assert "passes over" not in good(
        "img-train", "--out", tmp_path / "3", "--resume", "--steps", 15
    )


@pytest.mark.parametrize(
    ("network", "pretrained", "train", "passes", "words"),
    [
        (
            {"size": 128},
            "none",
            {"minutes": 3.0},
            0.4,
            "only 0.4 passes over the 200 photographs were made; give more --minutes, or a cheaper"
            " network: --preset strong, --stem-stride 2, --size 64",
        ),
        ({"size": 128, "stem_stride": 2}, "none", {"minutes": 3.0}, 4, "network: --size 64"),
        ({"size": 64, "stem_stride": 2}, "none", {"minutes": 3.0}, 4, "give more --minutes"),
        ({"size": 128}, "none", {"epochs": 2.0}, 2, "give more --epochs"),
        ({"size": 128}, "none", {"minutes": 3.0}, 5, ""),
        ({"size": 128}, "none", {"minutes": 3.0, "patience": 2}, 3, ""),
        ({"size": 128}, "v2", {"epochs": 2.0}, 2, ""),
        ({"size": 128}, "v2", {"epochs": 0.5}, 0.5, "only 0.5 passes"),
    ],
)
def test_what_is_advised_after_few_passes(network, pretrained, train, passes, words):
    config = training.ClassifierRunConfig(
        data="d",
        split=Split(),
        network=ClassifierConfig("resnet", (), **network),
        recipe=RECIPES["none"],
        train=TrainConfig(**train),
        pretrained=pretrained,
    )
    said = training.advice(round(200 * passes), 200, config)
    assert bool(said) == bool(words)
    assert said.endswith(words) or said.startswith(words)


def test_a_begun_network_is_advised_no_size_that_its_classifier_cannot_take():
    """--from takes --size for resnet; a cnn's last layer is for one size."""
    for begun, words in (("", "network: --size 64"), ("mine", "give more --minutes")):
        config = training.ClassifierRunConfig(
            data="d",
            split=Split(),
            network=ClassifierConfig("cnn", (), size=128),
            recipe=RECIPES["none"],
            train=TrainConfig(minutes=3.0),
            init_from=begun,
        )
        assert training.advice(round(200 * 0.4), 200, config).endswith(words)


def test_fewer_images_than_a_batch_is_said(few, tmp_path):
    text = good(
        "img-train",
        few,
        "--out",
        tmp_path / "r",
        "--steps",
        1,
        "--size",
        32,
        "--widths",
        "8,16",
        "--batch",
        64,
        "--precision",
        "fp32",
    )
    assert "fewer training pictures than a batch (48 of 64)" in text


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


@pytest.mark.slow
def test_torchrun(few, tmp_path):
    """Two processes on the CPU, with a frozen body and batch norms of both kinds in what learns."""
    said = on_two_processes(
        "img-train",
        str(few),
        "--out",
        str(tmp_path / "run"),
        "--device",
        "cpu",
        "--threads",
        "1",
        *SMALL101,
        "--steps",
        "2",
        "--weights",
        "none",
        "--unfreeze",
        "layer4,layer3",
    )
    assert said.count("best: accuracy") == 1
    good("img-eval", few, "--model", tmp_path / "run")


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
