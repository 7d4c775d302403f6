"""The kit's training far from home: a run that ends by the clock and goes on from its parts,
against a run in one go, bit by bit; and the settings that fit a card."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.training import TrainConfig
from gocnn.training.schedule import Budget, Deadline
from gpukit import gamepack, recipes, train, travel
from tests.trips import Clock, a_command_begins_with_its_test, games, packed, says

__all__ = ["a_command_begins_with_its_test", "games", "packed", "says"]


def common(out: Path) -> list[object]:
    return [
        "--out",
        out,
        "--parts",
        f"{out}.parts",
        "--preset",
        "tiny",
        "--planes",
        "board,handicap",
        "--batch",
        8,
        "--valid-positions",
        100,
        "--precision",
        "fp32",
        "--device",
        "cpu",
    ]


@pytest.mark.slow
def test_going_on_from_parts_gives_the_bits_of_a_run_in_one_go(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ["--steps", 5, "--validations", 2]
    assert "done, step 5" in says(
        0, "train", packed, *common(tmp_path / "one"), *steps, "--minutes", 60
    )

    monkeypatch.setattr(train, "CLOCK", Clock())  # the first command has time for some steps only
    said = says(
        0, "train", packed, *common(tmp_path / "two"), *steps, "--minutes", 0.15, "--reserve", 1
    )
    assert "stopped; go on with --resume" in said
    done = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < done < 5
    monkeypatch.undo()
    arguments = ["train", packed, "--out", tmp_path / "three", "--device", "cpu", "--minutes", 60]
    assert "done, step 5" in says(0, *arguments, "--from-parts", tmp_path / "two.parts")
    assert "already holds a run" in says(1, *arguments, "--from-parts", tmp_path / "two.parts")
    assert "holds the parts of a run" in says(
        1, "train", packed, *common(tmp_path / "two"), *steps, "--out", tmp_path / "new"
    )
    assert "holds a run already" in says(1, "train", packed, *common(tmp_path / "two"), *steps)
    assert "which is not --preset small" in says(
        1, *arguments, "--out", tmp_path / "two", "--resume", "--preset", "small"
    )
    assert "cannot change" in says(1, *arguments, "--resume", "--batch", 16)

    says(0, "join", tmp_path / "three-parts", "--out", tmp_path / "home")
    one, home = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("one", "home")
    )
    assert one["step"] == home["step"] == 5
    for part in ("model", "ema"):
        for key, tensor in one[part].items():
            assert torch.equal(tensor, home[part][key]), (part, key)
    assert modelfile.load(tmp_path / "home", "go-policy").provenance["samples"] in (24, 40)
    assert (
        json.loads((tmp_path / "home" / "run.json").read_text())["data"]
        == gamepack.facts_of(packed)[0]["fingerprint"]
    )

    # What the trainer advises where memory or the range of fp16 was not enough can be followed.
    arguments = [
        "train",
        packed,
        "--out",
        tmp_path / "two",
        "--parts",
        tmp_path / "two.parts",
        "--device",
        "cpu",
        "--minutes",
        60,
        "--resume",
    ]
    assert "--accumulate 3 does not divide the run's batch of 8" in says(
        1, *arguments, "--accumulate", 3
    )
    assert "done, step 5" in says(
        0, *arguments, "--batch", 8, "--accumulate", 2, "--precision", "fp16"
    )
    wishes = json.loads((tmp_path / "two" / "run.json").read_text())["wishes"]["train"]
    assert (wishes["batch"], wishes["accumulate"], wishes["precision"]) == (8, 2, "fp16")


def test_no_time_no_games_no_card(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = common(tmp_path / "run")
    assert "nothing to train in" in says(1, "train", packed, *out, "--minutes", 0.001)
    assert "no games to train on" in says(1, "train", *out)
    assert "no run to resume" in says(
        1, "train", packed, "--out", tmp_path / "run", "--resume", "--device", "cpu"
    )
    assert "no plane group" in says(1, "train", packed, *out, "--planes", "nothing")
    if not torch.cuda.is_available():
        assert "no CUDA device" in says(1, "train", packed, *out, "--device", "cuda")
    assert "not run" in says(1, "train", packed, *out, "--parts", packed)
    assert not (tmp_path / "run" / "run.json").exists()
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "best.json").write_text("{")
    assert "best.json is damaged" in says(1, "train", packed, *out, "--best", tmp_path / "best")


def test_a_run_begins_with_a_network_by_its_name_and_may_grow(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def train_nothing(config: Any, launch: Any) -> None:
        network = config.network
        begun.append(f"{Path(config.begin).name} {network.blocks}x{network.channels}")
        raise UserError("not now")

    monkeypatch.setattr("gocnn.policy.training.train", train_nothing)
    words = ["train", packed, "--out", tmp_path / "run", "--device", "cpu", "--from"]
    for more in (["small"], ["small", "--preset", "base"]):
        assert "not now" in says(1, *words, *more)
    assert begun == ["small.safetensors 6x64", "small.safetensors 10x128"]
    assert "cannot grow to 4" in says(1, *words, "small", "--preset", "tiny")
    assert "nobody" in says(1, *words, "nobody")


def test_parts_that_cannot_be_written_end_a_run_with_a_sentence_and_leave_it_whole(
    packed: Path, tmp_path: Path, says: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> list[Path]:
        raise UserError(
            "cannot write 1.0 MB as parts in x (No space left on device); make room or choose"
            " another place"
        )

    with monkeypatch.context() as patch:
        patch.setattr(travel, "send", no_room)
        said = says(1, "train", packed, *common(tmp_path / "run"), "--steps", 1)
    assert "No space left" in said
    assert "step 1" in says(0, "parts", tmp_path / "run", "--out", tmp_path / "parts")


def test_a_budget_in_time_is_made_to_end_at_the_deadline() -> None:
    now = SimpleNamespace(seconds=100.0)
    budget = Budget(TrainConfig(minutes=1.0), 1, lambda: now.seconds)
    budget.start(50.0)  # an earlier command's
    budget.fit(Deadline(5030.0, True, lambda: 5000.0))
    assert budget.seconds == 80.0
    now.seconds = 130.0
    assert budget.progress(0) == 1.0
    steps = Budget(TrainConfig(steps=10), 1)
    steps.fit(Deadline(5.0, True, lambda: 0.0))
    assert steps.progress(5) == 0.5


def test_recipes_follow_what_speed_found(tmp_path: Path) -> None:
    row = {
        "batch": 2048,
        "compile": "none",
        "planes_multiple": 1,
        "samples_per_second": 20480.0,
        "compile_seconds": 0.0,
    }
    (tmp_path / "best.json").write_text(json.dumps({"base": row}))
    card = torch.device("cuda")
    found = recipes.recipe(
        "base", card, 10, tmp_path, {"seed": None, "learning_rate": None}
    ).settings
    assert (found["batch"], found["compile"], found["validations"]) == (2048, False, 10)
    assert found["learning_rate"] == pytest.approx(0.02 * 2**0.5, abs=1e-5)
    assert found["ema"] == pytest.approx(1 - 20 / 6000)
    assert (
        recipes.recipe("base", card, 10, tmp_path, {"batch": 1024, "ema": 0.5}).settings["ema"]
        == 0.5
    )
    (tmp_path / "best.json").write_text(json.dumps({"base": row | {"compile": "reduce-overhead"}}))
    assert (
        TrainConfig(
            minutes=1.0, **recipes.recipe("base", card, 10, tmp_path, {}).settings
        ).compile_mode
        == "reduce-overhead"
    )
    small = recipes.recipe("small", card, 25, tmp_path, {}).settings
    assert (small["batch"], small["ema"]) == (1024, 0.9995)
    TrainConfig(minutes=1.0, **found)
    assert recipes.recipe("base", torch.device("cpu"), 10, tmp_path, {}).settings["batch"] == 256
    for damaged in ({"batch": "many"}, row | {"compile": "much"}):
        (tmp_path / "best.json").write_text(json.dumps({"base": damaged}))
        with pytest.raises(UserError, match="not what"):
            recipes.recipe("base", card, 10, tmp_path, {})
