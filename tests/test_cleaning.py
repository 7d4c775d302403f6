"""Labels that are likely wrong: found, listed, left out, corrected."""

import csv
import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gocnn.training import TrainConfig, trainer
from gocnn.training.session import Launch
from imagecls import api
from imagecls.augment import RECIPES
from imagecls.classifier import cleaning, training
from imagecls.classifier.learnt import learnt
from imagecls.classifier.models import ClassifierConfig
from imagecls.photos.data import Split, load_splits
from imagecls.photos.sets import PhotoSet
from imagecls.photos.store import ImageStore
from tests.conftest import ROOT
from tests.img_runs import silent
from tests.typed import cli, good, refused

IMAGES = ROOT / "data" / "images"
LEARNT = 38
"""Of the 48 training pictures of each kind, those that the tiny network learns from."""

FAST = ["--size", "32", "--widths", "8,16", "--linear-head", "--batch", "8", "--steps", "1"]
FAST += ["--precision", "fp32", "--validations", "1"]


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing them takes longer than all the rest."""
    monkeypatch.setattr(trainer, "plot", lambda *_, **__: None)


def kinds() -> list[str]:
    return sorted(folder.name for folder in (IMAGES / "training").iterdir())


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """The drawn pictures that the network has not seen, a tenth of them in the folder of another
    kind; and of those, by name, the given and the true class."""
    target, names = tmp_path_factory.mktemp("planted"), kinds()
    rng = np.random.default_rng(7)
    files = [
        path
        for name in names
        for part in ("training", "validation")
        for path in sorted((IMAGES / part / name).iterdir())[LEARNT if part == "training" else 0 :]
    ]
    wrong = set(rng.permutation(len(files))[: len(files) // 10].tolist())
    truth = {}
    for i, path in enumerate(files):
        true = given = path.parent.name
        if i in wrong:
            given = names[(names.index(true) + rng.integers(1, len(names))) % len(names)]
            truth[f"{given}/{i:03d}.jpg"] = (given, true)
        (target / given).mkdir(exist_ok=True)
        shutil.copy(path, target / given / f"{i:03d}.jpg")
    return target, truth


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a tiny network on the others."""
    data, out = tmp_path_factory.mktemp("learnt"), tmp_path_factory.mktemp("tiny") / "run"
    for name in kinds():
        (data / name).mkdir()
        for path in sorted((IMAGES / "training" / name).iterdir())[:LEARNT]:
            shutil.copy(path, data / name)
    network = ClassifierConfig("resnet", (), 24, 30, widths=(16, 32, 64), hidden=())
    config = training.ClassifierRunConfig(
        data=str(data),
        split=Split(valid_share=0.05),
        network=network,
        recipe=replace(RECIPES["none"], flip=0.5),
        train=TrainConfig(
            epochs=40,
            batch=64,
            learning_rate=0.04,
            label_smoothing=0.1,
            ema=0.98,
            validations=1,
            precision="fp32",
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "plot", lambda *_, **__: None)
        training.train(config, Launch(out=out, resume=False, device="cpu", quiet=True))
    return out


def test_confident_learning() -> None:
    """Against the definition, picture by picture (Northcutt et al. 2021, equations 1 and 2)."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet([0.5] * 4, 300).astype(np.float32)
    labels = rng.integers(0, 3, 300)  # of the last class there is none
    expected = set()
    t = [np.mean([p[i, j] for i in range(300) if labels[i] == j] or [np.inf]) for j in range(4)]
    for i in range(300):
        seeming = [j for j in range(4) if p[i, j] >= t[j]]
        if seeming:
            j = max(seeming, key=lambda j: p[i, j])
            # no label that is more probable than what would take its place
            if p[i, j] > p[i, labels[i]]:
                expected.add((i, int(labels[i]), j))
    found = cleaning.suspects(p, labels)
    assert {(s.index, s.given, s.likely) for s in found} == expected
    assert 20 < len(expected) < 280
    assert 3 not in {s.likely for s in found}
    assert [s.margin for s in found] == sorted((s.margin for s in found), reverse=True)
    for s in found:
        assert s.probability == p[s.index, s.likely]
        assert s.margin == pytest.approx(p[s.index, s.likely] - p[s.index, s.given])
    assert cleaning.suspects(np.eye(4, dtype=np.float32)[labels], labels) == []
    # the last class is hardly ever answered, so that 8 % are confident of it
    rare = np.array([[0.9, 0.05, 0.05], [0.4, 0.52, 0.08], [0.05, 0.9, 0.05], [0.1, 0.85, 0.05]])
    rare = np.vstack([rare, [[0.3, 0.65, 0.05], [0.5, 0.45, 0.05]]]).astype(np.float32)
    listed = cleaning.suspects(rare, np.array([0, 0, 1, 1, 2, 2]))
    assert all(s.margin > 0 for s in listed)
    assert 1 not in {s.index for s in listed}


@pytest.mark.slow
def test_planted_mistakes_are_found(
    tmp_path: Path, planted: tuple[Path, dict[str, tuple[str, str]]], tiny: Path
) -> None:
    """One label in ten is wrong: a random list has a precision of 10 % and finds as many as it is
    long."""
    data, truth = planted
    files = sorted(path for path in data.rglob("*") if path.is_file())
    before = [hashlib.sha256(path.read_bytes()).digest() for path in files]
    said = good(
        *("img-clean", data, "--model", tiny, "--csv", tmp_path / "list.csv"),
        *("--sheet", tmp_path / "sheet.png", "--count", "12"),
    )
    with open(tmp_path / "list.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["file", "given", "likely", "margin"]
    margins = [float(row["margin"]) for row in rows]
    assert margins == sorted(margins, reverse=True)
    hits = [row for row in rows if row["file"] in truth]
    precision, recall = len(hits) / len(rows), len(hits) / len(truth)
    first = rows[: len(truth)]
    best = sum(row["file"] in truth for row in first) / len(first)
    print(
        f"{len(truth)} of {len(files)} labels are wrong, {len(rows)} listed: precision"
        f" {precision:.0%}, recall {recall:.0%}; of the first {len(first)} {best:.0%} are wrong"
    )
    assert precision >= 0.25
    assert recall >= 0.7
    assert best >= 0.3
    assert all(row["given"] == truth[row["file"]][0] for row in hits)
    assert sum(row["likely"] == truth[row["file"]][1] for row in hits) >= 0.5 * len(hits)
    assert f"{len(rows)} of {len(files)} labels are doubted" in said
    assert f"\nlist: {tmp_path / 'list.csv'}\n" in said
    assert f"{rows[0]['file']}: {rows[0]['given']} -> {rows[0]['likely']}" in said
    assert "has learnt from" not in said
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 1000
    assert files == sorted(path for path in data.rglob("*") if path.is_file())
    assert before == [hashlib.sha256(path.read_bytes()).digest() for path in files]
    issues = api.label_issues(data, tiny)
    assert [(i.file, i.given, i.likely, f"{i.margin:.4f}") for i in issues] == [
        tuple(row.values()) for row in rows
    ]
    assert {i.file for i in issues if i.probability > 1 or i.margin > i.probability} == set()
    assert "warning" not in said
    as_json = json.loads(good("img-clean", data, "--model", tiny, "--json"))
    assert as_json["warning"] is None
    # by the answers of another command
    judged = json.loads(good("img-eval", data, "--model", tiny, "--tta", "4", "--json"))
    assert as_json["agreement"] == pytest.approx(judged["accuracy"])
    assert f"the judge agrees with {judged['accuracy']:.1%} of all" in said
    assert as_json["pictures"] == len(files)
    assert [each["file"] for each in as_json["suspects"]] == [row["file"] for row in rows]


def test_a_worthless_judge_is_called_so(
    tmp_path: Path, planted: tuple[Path, dict[str, tuple[str, str]]], tiny: Path
) -> None:
    """To which all classes are others than what the folders say."""
    names = kinds()
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        shutil.copytree(planted[0] / name, tmp_path / other)
    result = cli("img-clean", tmp_path, "--model", tiny, "--json", "--tta", "1")
    found = json.loads(result.stdout)
    assert found["agreement"] < 0.3
    assert "most of the list are likely its own mistakes" in found["warning"]
    assert f"warning: {found['warning']}" in result.stderr.splitlines()
    said = good("img-clean", tmp_path, "--model", tiny, "--tta", "1")
    assert "its own mistakes" in said
    assert "labels are doubted (" in said
    with pytest.warns(UserWarning, match="agrees with only"):
        api.label_issues(tmp_path, tiny, tta=1)


@pytest.mark.parametrize(
    ("classes", "agreed", "listed", "words"),
    [
        (10, 22, 70, "agrees with only 22%"),
        (10, 45, 10, "(guessing: 10%), so that most of the list"),
        (10, 47, 10, "many of the list"),
        (10, 63, 10, "many of the list"),
        (10, 22, 0, "it may miss many"),
        (10, 65, 31, "31% of the labels are more"),
        (10, 65, 30, ""),
        (2, 69, 5, "guessing: 50%"),
        (2, 79, 5, "many of the list"),
        (2, 81, 5, ""),
        (200, 38, 5, "guessing: 0%"),
        (200, 62, 5, ""),
    ],
)
def test_which_lists_are_doubted(classes: int, agreed: int, listed: int, words: str) -> None:
    labels = np.arange(100) % classes
    answers = np.where(np.arange(100) < agreed, labels, (labels + 1) % classes)
    found = cleaning.doubt(np.eye(classes, dtype=np.float32)[answers], labels, listed)
    assert words in found
    assert bool(found) == bool(words)


def test_who_has_learnt_from_these_pictures_is_said(
    tmp_path: Path, planted: tuple[Path, dict[str, tuple[str, str]]], tiny: Path
) -> None:
    data = json.loads((tiny / "run.json").read_text())["wishes"]["data"]
    said = good("img-clean", data, "--model", tiny, "--tta", "1")
    count = 6 * (LEARNT - 2)  # two of each kind were held back
    assert f"has learnt from {count} of these {6 * LEARNT} pictures" in said
    assert "--folds" in said
    shutil.copy(tiny / "last.safetensors", tmp_path / "alone.safetensors")
    silent(tmp_path / "alone.safetensors")
    said = good("img-clean", planted[0], "--model", tmp_path / "alone.safetensors", "--tta", "1")
    assert "does not say which pictures it has learnt from" in said


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six training and two validation pictures of three kinds, one of them twice."""
    target = tmp_path_factory.mktemp("few")
    for name in ("pizza", "soup", "sushi"):
        for i, path in enumerate(sorted((IMAGES / "training" / name).iterdir())[:8]):
            place = target / ("training" if i < 6 else "validation") / name
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place / f"{name}{i}.jpg")
    shutil.copy(target / "training/pizza/pizza0.jpg", target / "training/pizza/again.jpg")
    return target


def test_folds_judge_what_they_have_not_seen(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each labelled picture once, by a network from whose training part its bytes were kept."""
    learnt: list[set[int]] = []
    judged: list[set[int]] = []
    train, predicted = training.train, cleaning.predicted

    def training_(config: Any, launch: Any, **options: Any) -> Any:
        network = config.network
        store = ImageStore(network.store_size, network.fit)
        learnt.append(set(load_splits(config.data, config.split, store).train.rows.tolist()))
        return train(config, launch, **options)

    def predicting(ensemble: Any, sets: dict[Any, PhotoSet], *rest: Any) -> Any:
        judged.append(set(next(iter(sets.values())).rows.tolist()))
        return predicted(ensemble, sets, *rest)

    monkeypatch.setattr(training, "train", training_)
    monkeypatch.setattr(cleaning, "predicted", predicting)
    said = good("img-clean", few, "--folds", "3", "--epochs", "1", "--size", "16", "--tta", "1")
    assert len(learnt) == len(judged) == 3
    assert not any(a & b for a, b in zip(learnt, judged, strict=True))
    assert len(set.union(*judged)) == 24  # 25 files, two of them alike
    assert "fold 3 of 3: " in said
    assert "of 19 labels " in said  # of the training part
    assert "note: 6 validation pictures were judged too: see --part valid" in said
    said = good(
        *("img-clean", few, "--folds", "2", "--epochs", "1", "--size", "16", "--part", "valid")
    )
    assert "of 6 labels " in said
    assert "judged too" not in said
    with pytest.warns(UserWarning, match="mistakes"):  # after one epoch it knows nothing
        issues = api.label_issues(few, folds=2, epochs=1, size=16, tta=1)
    assert all(issue.file.startswith("training/") for issue in issues)
    with pytest.raises(api.UserError, match="give a model that judges, or folds"):
        api.label_issues(few)
    with pytest.raises(api.UserError, match="a model judges by itself, and folds trains networks"):
        api.label_issues(few, few, folds=2)


# --- lists in training
# ----------------------------------------------------------------------------------------------------------


def counts(said: str) -> dict[str, int]:
    """Training pictures of each class, as img-train shows them."""
    rows = said.split("validation\n", 1)[1].split("all ")[0].splitlines()
    return {row.split()[0]: int(row.split()[1]) for row in rows}


def test_listed_pictures_are_left_out_or_relabelled(tmp_path: Path, few: Path) -> None:
    """As a person, a spreadsheet or another system writes the list."""
    plain = {"pizza": 7, "soup": 6, "sushi": 6}
    lists: list[tuple[bytes, str, dict[str, int], str]] = [
        (
            b"file,given,likely,margin\ntraining/pizza/pizza1.jpg,pizza,soup,0.9\n",
            "--drop-listed",
            {"pizza": 6},
            "1 training picture left out by the list",
        ),
        (
            b"\xef\xbb\xbffile;given;likely;margin\r\ntraining\\pizza\\pizza1.jpg;pizza;Soup;0,9\r\n",
            "--relabel",
            {"pizza": 6, "soup": 7},
            "1 training picture with the label of the list",
        ),
        (b"pizza1.jpg\tsushi\n", "--relabel", {"pizza": 6, "sushi": 7}, "with the label"),
        (b"file\npizza2.jpg\nsoup3.jpg\n", "--drop-listed", {"pizza": 6, "soup": 5}, "left out"),
        (b"pizza2\nsoup3\n", "--drop-listed", {"pizza": 6, "soup": 5}, "left out"),
        (
            b"file,given,likely,margin\nsoup1.jpg,sushi,pizza,0.5\nsoup6.jpg,soup,pizza,0.5\n",
            "--drop-listed",
            {},
            "1 listed picture in validation, left as before",
        ),
        (b"file,given,likely,margin\n", "--drop-listed", {}, "validation"),
    ]
    for number, (content, option, changed, words) in enumerate(lists):
        table = tmp_path / f"{number}.csv"
        table.write_bytes(content)
        said = good("img-train", few, "--out", tmp_path / f"r{number}", *FAST, option, table)
        assert "seed 1; budget 1 step\n" in said
        assert counts(said) == plain | changed, content
        assert words in said
    # what the run has learnt from is what its list has left
    before = learnt(tmp_path / "r0")
    names = {photo.name for photo in before.splits.train.photos}
    assert not before.changed
    assert (len(names), "training/pizza/pizza1.jpg" in names) == (18, False)
    said = good("img-clean", few, "--model", tmp_path / "r0", "--tta", "1")
    assert "has learnt from 18 of these 19 pictures" in said
    assert "of another class than the list says was given" in good(
        "img-train", few, "--out", tmp_path / "again", *FAST, "--relabel", tmp_path / "5.csv"
    )
    run = tmp_path / "r1"
    good("img-train", "--out", run, "--resume", "--steps", "2")
    (tmp_path / "1.csv").write_bytes(b"pizza1.jpg,sushi\n")
    assert "photographs are not those that the run" in refused(
        1, "img-train", "--out", run, "--resume", "--steps", "3", "--quiet"
    )


def test_bad_lists_are_refused_in_a_sentence(tmp_path: Path, few: Path) -> None:
    lists: list[tuple[bytes | None, str, str]] = [
        (None, "--drop-listed", "x.csv does not exist"),
        (b"", "--drop-listed", "x.csv is empty"),
        (b"file,likely\npizza99.jpg,soup\n", "--drop-listed", "line 2: pizza99.jpg is not in"),
        (b"file,likely\npizza1.jpg,tea\n", "--relabel", "line 2: tea is none of the classes"),
        (b"file,likely\npizza1.jpg,\n", "--relabel", "line 2: the likely class (empty) is none"),
        (b"file,margin\npizza1.jpg,0.5\n", "--relabel", "no column of the likely class"),
        (b"file\n,soup\n", "--drop-listed", "the file (empty) is not in"),
        (b"PK\x03\x04whatever", "--drop-listed", "spreadsheet"),
        (b"\xff\xfa\xf0", "--relabel", "not in UTF-8"),
        (
            "\n".join(f"{name}{i}.jpg" for name in ("pizza", "soup") for i in range(6)).encode()
            + b"\nagain.jpg",
            "--drop-listed",
            "leaves no training picture of the class pizza; take lines out of the list",
        ),
        (
            (
                "file,likely\n"
                + "".join(f"{name}{i}.jpg,sushi\n" for name in ("pizza", "soup") for i in range(6))
                + "again.jpg,sushi\n"
            ).encode(),
            "--relabel",
            "fewer than two classes",
        ),
    ]
    for content, option, words in lists:
        table = tmp_path / "x.csv"
        if content is not None:
            table.write_bytes(content)
        sentence = refused(1, "img-train", few, "--out", tmp_path / "r", *FAST, option, table)
        assert words in sentence, sentence
        assert not (tmp_path / "r" / "run.json").exists()


def test_wrong_calls_of_img_clean(tmp_path: Path, few: Path, tiny: Path) -> None:
    cases: list[tuple[int, list[object], str]] = [
        (2, [few], "say who judges"),
        (2, [few, "--model", tiny, "--folds", "3"], "give one of the two"),
        (2, [few, "--model", tiny, "--minutes", "3"], "--minutes is of --folds"),
        (2, [few, "--model", tiny, "--epochs", "3"], "--epochs is of --folds"),
        (2, [few, "--model", tiny, "--size", "64"], "--size is of --folds"),
        (2, [few, "--folds", "3", "--minutes", "1", "--epochs", "1"], "not both"),
        (2, [few, "--folds", "3", "--part", "test"], "leave --part out"),
        (2, [few, "--model", tiny, "--sheet", tmp_path / "x.txt"], "must end in"),
        (1, [tmp_path / "nowhere", "--model", tiny], "does not exist"),
        (1, [tmp_path / "nowhere", "--folds", "2", "--epochs", "1"], "does not exist"),
        (1, [few, "--model", tmp_path / "none"], "none"),
        (1, [few, "--model", tiny, "--csv", tmp_path / "no" / "x.csv"], "no"),
    ]
    for code, arguments, words in cases:
        assert words in refused(code, "img-clean", *arguments)
