"""Transfer learning: img-train --from."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from gocnn import modelfile
from imagecls.classifier import KIND, init_from, shipped
from imagecls.classifier.models import ClassifierConfig, build
from tests.conftest import ROOT
from tests.typed import cli, good, refused

FAST = ["--batch", "8", "--precision", "fp32", "--validations", "1", "--steps", "1"]
STILL = [*FAST, "--learning-rate", "1e-30", "--weight-decay", "0", "--ema", "0"]
"""One step that changes nothing that float32 can hold, but for the statistics of batches."""


@pytest.fixture
def few(tiny_classifiers: Path) -> Path:
    return tiny_classifiers.parent / "few"


@pytest.fixture
def others(few: Path, tmp_path: Path) -> Path:
    """Two of the classes, under other names."""
    for part in ("training", "validation"):
        (tmp_path / "others" / part).mkdir(parents=True)
        for old, new in (("pizza", "b"), ("soup", "a")):
            (tmp_path / "others" / part / new).symlink_to(few / part / old)
    return tmp_path / "others"


def weights(run: Path) -> dict[str, torch.Tensor]:
    tensors = modelfile.load(run / "last.safetensors", KIND).tensors
    return {name: t for name, t in tensors.items() if "running" not in name and "num_" not in name}


@pytest.mark.parametrize("name", ["cnn", "resnet"])
def test_the_same_classes_keep_the_answers(
    few: Path, tmp_path: Path, tiny_classifiers: Path, name: str
) -> None:
    run = tmp_path / "r"
    source = tiny_classifiers / name / "last.safetensors"
    said = good("img-train", few, "--out", run, "--from", source, *STILL)
    assert f"begins with the network of {name}/last.safetensors, answers included" in said
    before, after = weights(tiny_classifiers / name), weights(run)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize(
    ("classes", "kept"),
    [
        (("Cat", "dog 2"), True),  # as wherever else classes are compared
        (("cat", "dog"), False),
        (("dog_2", "cat"), False),
        (("cat", "dog_2", "eel"), False),
        (("cat",), False),
    ],
)
def test_classes_are_the_same_however_they_are_written(
    tmp_path: Path, classes: tuple[str, ...], kept: bool
) -> None:
    def network(classes: tuple[str, ...]) -> ClassifierConfig:
        return ClassifierConfig("resnet", classes, 16, widths=(4, 4), hidden=())

    source, model = build(network(("cat", "dog_2"))), build(network(classes))
    modelfile.save(
        tmp_path / "s.safetensors", KIND, asdict(network(("cat", "dog_2"))), {}, source.state_dict()
    )
    said, whole = init_from.load_weights(model, network(classes), str(tmp_path / "s.safetensors"))
    assert whole == kept
    assert said.endswith("the classes are the same" if kept else "with a new head")
    theirs, ours = source.state_dict(), model.state_dict()
    same = {name for name in theirs if torch.equal(theirs[name], ours[name])}
    assert ("head.2.weight" in same) == kept
    assert {name for name in theirs if not name.startswith("head.")} <= same


def test_other_classes_get_a_new_head(others: Path, tmp_path: Path, tiny_classifiers: Path) -> None:
    run, source = tmp_path / "r", tiny_classifiers / "resnet"
    said = good("img-train", others, "--out", run, "--from", source, "--size", "48", *STILL)
    assert "with a new head; that saw 32 pixels, and this sees 48" in said
    before, after = weights(source), weights(run)
    body = [key for key in before if not key.startswith("head.")]
    assert body
    assert all(torch.equal(before[key], after[key]) for key in body)
    assert after["head.2.weight"].shape == (2, 16) != before["head.2.weight"].shape
    file = modelfile.load(run, KIND)
    assert file.config["size"] == 48
    assert list(file.config["classes"]) == ["a", "b"]
    assert "begun with runs/resnet" in file.provenance["data"]
    description = json.loads((run / "run.json").read_text())
    assert description["wishes"]["init_from"] == str(source)


def test_a_run_goes_on_without_what_it_began_with(
    others: Path, tmp_path: Path, tiny_classifiers: Path
) -> None:
    source = tmp_path / "s.safetensors"
    source.write_bytes((tiny_classifiers / "resnet" / "best.safetensors").read_bytes())
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ["img-train", others, "--from", source, *FAST[:-1]]
    good(*arguments, "2", "--out", one)
    good(*arguments, "1", "--out", two)
    source.unlink()
    good("img-train", "--resume", "--out", two, "--quiet", "--steps", "2")
    again, whole = weights(two), weights(one)
    assert again.keys() == whole.keys()
    assert all(torch.equal(again[key], whole[key]) for key in whole)


def test_what_it_begins_with_is_judged_first(others: Path, tmp_path: Path) -> None:
    """Where it knows the classes, and by what img-eval says of it; what is not better is not the
    best. A new head is at chance, and not judged."""
    source, run, six = shipped.WEIGHTS / "drawn.safetensors", tmp_path / "r", ROOT / "data/images"
    before = json.loads(cli("img-eval", six, "--model", source, "--json").stdout)
    spoiled = ["--learning-rate", "1", "--warmup", "0", "--ema", "0", "--validations", "2"]
    words = ["--from", source, *FAST[:4], *spoiled, "--steps", 2]
    said = good("img-train", six, "--out", run, *words)
    judged = validations(run)
    assert [line["step"] for line in judged] == [0, 1, 2]
    assert judged[0]["accuracy"] == pytest.approx(before["accuracy"])
    assert judged[0]["loss"] == pytest.approx(before["loss"], abs=1e-4)
    assert judged[0]["accuracy"] > max(line["accuracy"] for line in judged[1:])
    assert "nothing learnt here was better than weights/drawn.safetensors as it was" in said
    best, theirs = (
        modelfile.load(path, KIND).tensors for path in (run / "best.safetensors", source)
    )
    assert all(torch.equal(best[key], theirs[key].float()) for key in theirs)
    good("img-train", others, "--out", tmp_path / "o", *words)
    assert [line["step"] for line in validations(tmp_path / "o")] == [1, 2]


def validations(run: Path) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "valid"]


@pytest.mark.slow  # a step of pictures of the preset's size takes seconds
def test_what_ships_begins_with_the_recipe_of_a_preset(others: Path, tmp_path: Path) -> None:
    run = tmp_path / "r"
    good("img-train", others, "--out", run, "--from", "food", "--preset", "strong", *FAST[2:])
    wishes = json.loads((run / "run.json").read_text())["wishes"]
    assert wishes["network"]["widths"] == [32, 64, 128, 256]
    assert (wishes["network"]["size"], wishes["train_size"]) == (176, 140)
    assert wishes["train"]["batch"] == 128
    assert wishes["recipe"]["mixup"] > 0


@pytest.mark.parametrize(
    ("model", "own", "optimiser", "rate"),
    [
        ("cnn", ["--widths", "8,8"], "muon", 0.002),
        ("resnet", ["--widths", "8,8"], "muon", None),
        ("resnet101", ["--depths", "1,1,1,1", "--base", "4", "--weights", "none"], "adamw", 0.001),
    ],
)
def test_rates_suit_the_kind_of_network(
    others: Path, tmp_path: Path, model: str, own: list[str], optimiser: str, rate: float | None
) -> None:
    """A cnn learns at its low rate, and what was deep to begin with is fine-tuned, as by --weights
    RUN."""
    source, run, free = tmp_path / "s", tmp_path / "r", tmp_path / "free"
    good("img-train", others, "--out", source, "--model", model, *own, "--size", "16", *FAST)
    good("img-train", others, "--out", run, "--from", source, *FAST)
    train = json.loads((run / "run.json").read_text())["wishes"]["train"]
    assert (train["optimiser"], train["learning_rate"]) == (optimiser, rate)
    given = ["--optimiser", "sgd", "--learning-rate", "0.5"]
    good("img-train", others, "--out", free, "--from", source, *given, *FAST)
    train = json.loads((free / "run.json").read_text())["wishes"]["train"]
    assert (train["optimiser"], train["learning_rate"]) == ("sgd", 0.5)


def test_the_folder_at_hand_has_a_name(
    others: Path, tmp_path: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_classifiers / "resnet")
    said = good("img-train", others, "--out", tmp_path / "r", "--from", ".", *FAST)
    assert "begins with the network of runs/resnet, with a new head" in said
    assert init_from.named("..") == "/".join(tiny_classifiers.parts[-2:])
    assert init_from.named("food") == "food"
    assert init_from.named("/x.safetensors") == "/x.safetensors"


def test_what_a_run_begins_with_is_not_written_over(
    few: Path, tmp_path: Path, tiny_classifiers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    file = own / "best.safetensors"
    file.write_bytes((tiny_classifiers / "resnet" / "best.safetensors").read_bytes())
    before = file.read_bytes()
    deep = ["--model", "resnet101", "--depths", "1,1,1,1", "--base", "4", "--size", "16"]
    for options in (["--from", own], ["--from", file], [*deep, "--weights", file]):
        said = refused(2, "img-train", few, "--out", own, *options, *FAST)
        assert f"would write over what it begins with, {options[-1]}; choose" in said
    assert file.read_bytes() == before
    assert [path.name for path in own.iterdir()] == [file.name]
    monkeypatch.chdir(tmp_path)  # a new folder of the name of what ships
    good("img-train", few, "--out", "food", "--from", "food", "--size", "16", *FAST)


def test_what_does_not_go_together(few: Path, tmp_path: Path, tiny_classifiers: Path) -> None:
    run = tmp_path / "r"
    arguments = ["img-train", few, "--out", run, *FAST]
    exported = tmp_path / "x.onnx"
    good("img-export", tiny_classifiers / "resnet", "--onnx", exported)
    source = tiny_classifiers / "resnet"
    cnn = tiny_classifiers / "cnn"
    for code, options, words in (
        (2, ["--from", source, "--widths", "8,16"], "leave out --widths, or --from"),
        (2, ["--from", source, "--model", "cnn"], "leave out --model, or --from"),
        (2, ["--from", cnn, "--train-size", "16"], "cnn sees pictures of one size only"),
        (1, ["--from", cnn, "--size", "48"], "do not fit pictures of 48 pixels (head.1.weight)"),
        (1, ["--from", ""], "the name of a model is empty"),
        (1, ["--from", exported], "is an ONNX file, which no training begins with"),
        (1, ["--from", tmp_path / "nowhere"], "does not exist; give a model file"),
        (1, ["--from", "base"], "base does not exist"),
        (1, ["--from", few], "holds no model"),
    ):
        assert words in refused(code, *arguments, *options)
        assert not run.exists()


def test_a_class_that_was_renamed_is_named(few: Path, tmp_path: Path) -> None:
    """The same pictures in the same order: one run would have two lists of classes."""
    photos, run = tmp_path / "photos", tmp_path / "r"
    shutil.copytree(few, photos)
    words = ["--size", "16", "--widths", "4,4", *FAST]
    good("img-train", photos, "--out", run, *words)
    good("img-train", "--out", run, "--resume", "--steps", 2)
    for part in ("training", "validation"):
        (photos / part / "pizza").rename(photos / part / "pizzas")
    said = refused(1, "img-train", "--out", run, "--resume", "--steps", 3)
    assert "the class pizzas was called pizza when the run in " in said
    assert (run / "checkpoint.pt").exists()
