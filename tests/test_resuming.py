"""A run that was ended and goes on: killed at every stage, against a run that never was, and told
something else the second time."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gocnn.errors import UserError
from gocnn.training import resuming
from imagecls.classifier.models.resnet101 import ResNet101
from tests import toy
from tests.conftest import ROOT, play_randomly, sgf_text
from tests.kills import Stages, models
from tests.typed import good, refused

IMAGES = ROOT / "data" / "images"
GO = [
    "--steps",
    "2",
    "--batch",
    "4",
    "--valid-positions",
    "100",
    "--precision",
    "fp32",
    "--validations",
    "2",
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
    "--hidden",
    "8",
    "--batch",
    "4",
    "--precision",
    "fp32",
    "--quiet",
]


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures of two classes in each part."""
    target = tmp_path_factory.mktemp("six")
    for part in ("training", "validation"):
        for name in ("pizza", "soup"):
            (target / part / name).mkdir(parents=True)
            for path in sorted((IMAGES / part / name).iterdir())[:3]:
                shutil.copy(path, target / part / name)
    return target


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small resnet101 as torchvision would publish them."""
    torch.manual_seed(5)
    target = tmp_path_factory.mktemp("weights") / "w.pth"
    torch.save(ResNet101(1000, (1, 1, 1, 1), 4).state_dict(), target)
    return target


# --- killed at every stage
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_from_a_model_keeps_its_weights_wherever_it_is_killed(
    tmp_path: Path, sample_store: Path, tiny_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Stages(monkeypatch)
    still = ["--learning-rate", "1e-9", "--weight-decay", "0"]
    whole = stages.every(
        tmp_path,
        lambda out: good("go-train", sample_store, "--out", out, "--from", tiny_run, *GO, *still),
        lambda out: good("go-train", "--out", out, "--resume", "--quiet"),
    )
    begun, after = (
        safetensors.torch.load_file(path)
        for path in (tiny_run / "best.safetensors", whole / "last.safetensors")
    )
    for name in (n for n in begun if n.endswith("weight")):
        assert torch.allclose(begun[name], after[name], atol=1e-5), name
    assert "begun from best.safetensors" in str(models(whole)["last.safetensors"][1]["data"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra",
    [["--unfreeze", "none"], ["--unfreeze", "layer4", "--head-epochs", "0.7"]],
    ids=["frozen", "two stages"],
)
def test_pretrained_weights_are_kept_wherever_a_run_is_killed(
    tmp_path: Path, six: Path, published: Path, extra: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = Stages(monkeypatch)
    arguments = [
        "img-train",
        six,
        *SMALL101,
        "--weights",
        published,
        "--steps",
        "2",
        "--validations",
        "1",
        *extra,
    ]
    whole = stages.every(
        tmp_path,
        lambda out: good(*arguments, "--out", out),
        lambda out: good("img-train", "--out", out, "--resume", "--quiet"),
    )
    after, weights = safetensors.torch.load_file(whole / "last.safetensors"), torch.load(published)
    for name, tensor in weights.items():
        if not name.startswith("fc.") and (extra[1] == "none" or not name.startswith("layer4")):
            assert torch.equal(after[name], tensor), name


def test_what_a_kill_leaves_behind(tmp_path: Path) -> None:
    """Half-written files go; a checkpoint of step 0 without run.json is of a start that was killed,
    a later one is of somebody's run."""
    toy.train(tmp_path / "run", steps=4)
    (tmp_path / "run" / ".checkpoint.pt.x1.tmp").write_bytes(b"half")
    (tmp_path / "run" / ".other.tmp").write_bytes(b"not ours")
    toy.train(tmp_path / "run", resume=True, steps=8)
    assert {p.name for p in (tmp_path / "run").glob(".*.tmp")} == {".other.tmp"}
    (tmp_path / "run" / "run.json").unlink()
    with pytest.raises(
        UserError, match=r"checkpoint of a run without its run\.json; choose another folder"
    ):
        toy.train(tmp_path / "run", steps=4)
    toy.train(tmp_path / "gone", steps=4)
    (tmp_path / "gone" / "checkpoint.pt").unlink()
    with pytest.raises(UserError, match=r"no checkpoint\.pt to go on from; start a new run"):
        toy.train(tmp_path / "gone", resume=True, steps=8)


# --- told something else the second time
# ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_is_said_again_must_be_what_was_said(tmp_path: Path, sample_store: Path) -> None:
    run = tmp_path / "run"
    first = ["go-train", sample_store, "--out", run, *GO, "--blocks", "1", "--channels", "8"]
    good(*first, "--learning-rate", "0.02")
    description = json.loads((run / "run.json").read_text())
    train = description["wishes"]["train"]
    assert (train["feeders"], train.pop("threads")) == (None, None)
    train["feeders"] = 8
    (run / "run.json").write_text(json.dumps(description))  # as an earlier version wrote it
    good("go-train", "--out", run, "--resume", "--quiet")
    good(
        *first,
        "--learning-rate",
        "0.02",
        "--resume",
        "--threads",
        "1",
        "--feeders",
        "2",
        "--checkpoint-minutes",
        "9",
    )
    train = json.loads((run / "run.json").read_text())["wishes"]["train"]
    assert (train["feeders"], train["threads"], train["checkpoint_minutes"]) == (2, 1, 9.0)
    for option, value, words in [
        ("--learning-rate", "0.01", "began with 0.02"),
        ("--ema", "0.5", "began with 0.999"),
        ("--channels", "9", "began with 8"),
        ("--from", run, "began without it"),
        ("--planes", "board,liberties", "began without it"),
        ("--min-rank", "9d", "began without it"),
        ("--batch", "8", "began with 4"),
    ]:
        sentence = refused(2, "go-train", "--out", run, "--resume", option, value)
        assert f"{option} cannot be" in sentence
        assert words in sentence
    assert "--value cannot be off in a resumed run" in refused(
        2, "go-train", "--out", run, "--resume", "--no-value"
    )
    other = tmp_path / "other.sgf"
    other.write_bytes(sgf_text(play_randomly(0, 40)) + b")")
    assert "games are not those" in refused(
        1, "go-train", "--out", run, "--resume", "--valid", other, "--quiet"
    )


def test_a_photo_run_refuses_other_options_and_takes_the_same(tmp_path: Path, six: Path) -> None:
    run = tmp_path / "run"
    first = [
        "img-train",
        six,
        "--out",
        run,
        "--size",
        "16",
        "--widths",
        "4,8",
        "--hidden",
        "4",
        "--batch",
        "4",
        "--precision",
        "fp32",
        "--steps",
        "1",
        "--quiet",
    ]
    good(*first)
    good(*first, "--resume")
    assert "--widths cannot be 8,8 in a resumed run" in refused(
        2, "img-train", "--out", run, "--resume", "--widths", "8,8"
    )
    assert "--mixup cannot be 0.3" in refused(
        2, "img-train", "--out", run, "--resume", "--mixup", "0.3"
    )


def test_a_budget_given_on_resuming_is_remembered(tmp_path: Path, sample_store: Path) -> None:
    run = tmp_path / "run"
    good("go-train", sample_store, "--out", run, *GO, "--blocks", "1", "--channels", "8")
    good("go-train", "--out", run, "--resume", "--steps", "4", "--quiet")
    (run / "curves.png").unlink()
    assert "4 steps" in good("go-train", "--out", run, "--resume", "--quiet")
    assert json.loads((run / "run.json").read_text())["wishes"]["train"]["steps"] == 4
    said = good("go-train", "--out", run, "--resume")
    assert "nothing was trained: the budget, which is the whole run's, was spent before" in said
    assert "give a larger --steps" in said
    assert "nothing was trained" not in good("go-train", "--out", run, "--resume", "--steps", "6")


def test_runs_that_say_how_they_were_computed(tmp_path: Path, sample_store: Path) -> None:
    run = tmp_path / "run"
    text = good(
        "go-train",
        sample_store,
        "--out",
        run,
        "--steps",
        "1",
        "--batch",
        "4",
        "--valid-positions",
        "100",
        "--blocks",
        "1",
        "--channels",
        "8",
        "--deterministic",
    )
    description = json.loads((run / "run.json").read_text())
    assert f"precision {description['precision']}, chosen by this machine; seed 1" in text
    assert description["threads"] == torch.get_num_threads()
    assert "--threads cannot change" in refused(
        2, "go-train", "--out", run, "--resume", "--threads", "7"
    )
    assert "instead of --minutes" in refused(
        2, "go-train", "--out", run, "--resume", "--minutes", "1"
    )
    assert "--deterministic a budget in --steps" in refused(
        2, "go-train", sample_store, "--out", tmp_path / "x", "--deterministic"
    )


# --- what a machine can, and asks for
# -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_batches_of_one(tmp_path: Path, six: Path, sample_store: Path) -> None:
    """Where a normalisation would see one value it is a sentence, before anything is written; where
    there is a map to normalise over, it trains."""
    for out, extra in (("a", ["--batch", "1"]), ("b", ["--batch", "4", "--accumulate", "4"])):
        assert "nothing to normalise; choose --batch" in refused(
            1,
            "img-train",
            six,
            "--out",
            tmp_path / out,
            *SMALL101,
            "--weights",
            "none",
            "--steps",
            "1",
            *extra,
        )
        assert not (tmp_path / out / "run.json").exists()
    narrow = [
        "--size",
        "8",
        "--stem-stride",
        "2",
        "--widths",
        "4,4,4",
        "--hidden",
        "4",
        "--precision",
        "fp32",
        "--steps",
        "1",
        "--quiet",
    ]
    assert "stages.1.0.first.1 has nothing" in refused(
        1, "img-train", six, "--out", tmp_path / "c", *narrow, "--batch", "1"
    )
    good(
        "img-train",
        six,
        "--out",
        tmp_path / "d",
        *narrow[:-1],
        "--size",
        "32",
        "--batch",
        "1",
        "--quiet",
    )
    good(
        "go-train",
        sample_store,
        "--out",
        tmp_path / "e",
        *GO,
        "--batch",
        "1",
        "--blocks",
        "1",
        "--channels",
        "8",
        "--value",
        "--context",
        "se",
    )


@pytest.mark.slow
def test_what_the_machine_asks_for_may_change(tmp_path: Path, sample_store: Path) -> None:
    """Precision and parts of a batch, unless every bit is to be repeated; what was said is
    remembered."""
    run, fixed = tmp_path / "run", tmp_path / "fixed"
    first = ["go-train", sample_store, *GO, "--blocks", "1", "--channels", "8"]
    good(*first, "--out", run)
    good(
        "go-train",
        "--out",
        run,
        "--resume",
        "--steps",
        "3",
        "--precision",
        "bf16",
        "--accumulate",
        "2",
        "--pad-planes",
        "--quiet",
    )
    description = json.loads((run / "run.json").read_text())
    train = description["wishes"]["train"]
    assert (
        train["precision"],
        train["accumulate"],
        train["pad_planes"],
        description["precision"],
    ) == ("bf16", 2, True, "bf16")
    assert description["earlier"][0]["precision"] == "fp32"
    good("go-train", "--out", run, "--resume", "--steps", "4", "--quiet")
    assert torch.load(run / "checkpoint.pt", weights_only=True)["precision"] == "bf16"
    good(*first, "--out", fixed, "--deterministic")
    good(*first, "--out", fixed, "--deterministic", "--accumulate", "1", "--resume")
    for option, value, words in [
        ("--precision", "bf16", "began with fp32"),
        ("--accumulate", "2", "began with 1"),
    ]:
        sentence = refused(2, "go-train", "--out", fixed, "--resume", option, value)
        assert (
            f"{option} cannot change in a run with --deterministic: it {words}; leave it out"
            in sentence
        )
    assert "--compile cannot change" in refused(
        2, "go-train", "--out", fixed, "--resume", "--compile"
    )
    assert "--accumulate 3 does not divide the run's batch of 4" in refused(
        2, "go-train", "--out", run, "--resume", "--accumulate", "3"
    )


def test_what_a_run_began_with_is_shown_as_it_was_given() -> None:
    assert resuming._shown((("layer4.", 0.1), ("fc.", 1.0))) == "layer4=0.1,fc=1.0"
    assert resuming._shown(("own_liberties", "board")) == "own_liberties,board"
    assert [resuming._shown(value) for value in (True, (), 0.02)] == ["on", "", "0.02"]
