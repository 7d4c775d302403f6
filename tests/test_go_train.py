"""go-train as a person types it: from raw games, resuming, from another model, under torchrun; what
it refuses."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from gocnn import modelfile
from gocnn.games.selection import GameFilter
from gocnn.games.store import Store
from gocnn.nn import Block
from gocnn.policy import training
from gocnn.policy.network import preset
from gocnn.training import TrainConfig
from tests.conftest import ROOT, play_randomly, sgf_text
from tests.go_trained import BUDGET, TRAIN
from tests.toyruns import free_port
from tests.typed import good, refused


def test_training_from_raw_games_resuming_and_refusals(
    tmp_path: Path, sample_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCNN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "games"
    folder.mkdir()
    for i in range(8):
        (folder / f"{i}.sgf").write_bytes(sgf_text(play_randomly(i, 60)) + b")")
    (folder / "small.sgf").write_bytes(b"(;SZ[9];B[ee])")
    run = tmp_path / "run"
    aloud = [word for word in TRAIN if word != "--quiet"]
    said = good("go-train", folder, "--out", run, *aloud, "--valid-share", "0.3")
    assert "best: top-1" in said
    (listing,) = (tmp_path / "cache" / "games").glob("*.skipped.tsv")
    assert f"skipped 1: 1 board other than 19x19 (see {listing})" in said
    assert "small.sgf" in listing.read_text(encoding="utf-8")
    assert len(list((tmp_path / "cache" / "games").glob("*.games"))) == 1
    assert "already holds a run" in refused(1, "go-train", folder, "--out", run, *TRAIN)
    assert "4 steps" in good("go-train", "--out", run, "--resume", "--steps", "4", "--quiet")
    assert "not those that the run" in refused(
        1, "go-train", sample_store, "--out", run, "--resume", "--quiet"
    )
    assert "no run to resume" in refused(
        1, "go-train", folder, "--out", tmp_path / "other", "--resume", "--quiet"
    )
    assert re.match(
        r"[1-7] games?, \d+ positions", modelfile.load(run, "go-policy").provenance["data"]
    )


@pytest.mark.parametrize("block", get_args(Block))
def test_every_kind_of_block_trains_saves_and_plays(
    tmp_path: Path, sample_store: Path, block: str
) -> None:
    run = tmp_path / "run"
    good("go-train", sample_store, "--out", run, *TRAIN, "--block", block, "--context", "se")
    onnx = tmp_path / "network.onnx"
    assert "largest difference" in good("go-export", run, "--onnx", onnx)
    assert "black to play" in good("go-suggest", "--model", onnx)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_cuda_where_there_is_none(tmp_path: Path, sample_store: Path) -> None:
    assert "no CUDA device" in refused(
        1, "go-train", sample_store, "--out", tmp_path / "run", *TRAIN, "--device", "cuda"
    )
    assert not (tmp_path / "run").exists()


def test_wrong_calls_of_training(tmp_path: Path, sample_store: Path) -> None:
    run = tmp_path / "run"
    for message, extra in [
        ("one budget only", ["--minutes", "1"]),
        ("is not a device", ["--device", "tpu"]),
        ("no plane group", ["--planes", "board,nothing"]),
        ("multiple of the accumulation", ["--accumulate", "5"]),
        ("is not a rank", ["--min-rank", "strong"]),
        ("is not a date", ["--date-from", "soon"]),
    ]:
        assert message in refused(2, "go-train", sample_store, "--out", run, *TRAIN, *extra)
    assert "name the games" in refused(2, "go-train", "--out", run, "--steps", "1")
    assert f"of {len(Store(sample_store))} games none passes the filters" in refused(
        1, "go-train", sample_store, "--out", run, *TRAIN, "--date-from", "2090"
    )
    assert "regular expression" in refused(
        1, "go-train", sample_store, "--out", run, *TRAIN, "--source", "("
    )
    assert "every training game is also a validation game" in refused(
        1, "go-train", sample_store, "--valid", sample_store, "--out", run, *TRAIN
    )
    assert not run.exists()


@pytest.mark.slow
def test_torchrun(tmp_path: Path, sample_store: Path) -> None:
    """Two processes on the CPU: one run folder, one report."""
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        free_port(),
        "cli.py",
        "go-train",
        str(sample_store),
        "--out",
        str(tmp_path / "run"),
        "--device",
        "cpu",
        "--threads",
        "1",
        *TRAIN,
    ]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    assert "Warning" not in out.stderr
    assert out.stdout.count("best: top-1") == 1
    assert (
        modelfile.load(tmp_path / "run" / "last.safetensors", "go-policy").provenance["samples"]
        == 32
    )


@pytest.mark.slow
def test_beginning_with_a_model(tmp_path: Path, sample_store: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    good(
        "go-train",
        sample_store,
        "--out",
        first,
        *TRAIN,
        "--future",
        "1",
        "--context",
        "bias",
        "--validations",
        "1",
    )
    still = ["--learning-rate", "1e-9", "--weight-decay", "0", "--ema", "0"]
    good(
        "go-train", sample_store, "--out", second, "--from", first, *BUDGET, *still, "--future", "2"
    )
    before, after = modelfile.load(first, "go-policy"), modelfile.load(second, "go-policy")
    assert after.config == before.config | {"future": 2}
    weights = [name for name in before.tensors if name.endswith("weight")]
    assert len(weights) > 10
    for name in weights:
        assert torch.allclose(after.tensors[name], before.tensors[name], atol=1e-6), name
    assert after.provenance["data"].endswith(
        f", begun from {before.path.name} (32 samples; {before.provenance['data']})"
    )
    alone = tmp_path / "alone"  # a folder with a model and no run: it is not written over
    alone.mkdir()
    file = alone / "best.safetensors"
    file.write_bytes(before.path.read_bytes())
    for source in (alone, file):
        said = refused(2, "go-train", sample_store, "--out", alone, "--from", source, *BUDGET)
        assert f"would write over what it begins with, {source}; choose" in said
    assert [path.name for path in alone.iterdir()] == [file.name]
    # A resumed run no longer needs the model it began with.
    before.path.unlink()
    good("go-train", "--out", second, "--resume", "--steps", "4", "--quiet")
    assert (
        modelfile.load(second / "last.safetensors", "go-policy").provenance["data"]
        == after.provenance["data"]
    )
    assert "is not a model file" in refused(
        1, "go-train", sample_store, "--out", tmp_path / "x", "--from", ROOT / "README.md", *BUDGET
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("samples", "train", "begin", "words"),
    [
        (81_920, {"minutes": 3.0}, None, "only 81,920 positions .* give more --minutes, or begin"),
        (32, {"steps": 2}, None, "give more --steps,"),
        (32, {"epochs": 0.5}, None, "give more --epochs,"),
        (training.BEGUN, {"minutes": 3.0}, None, "^$"),
        (32, {"minutes": 3.0}, "small", "^$"),
        (32, {"minutes": 3.0, "patience": 2}, None, "^$"),
    ],
)
def test_what_is_advised_after_few_positions(
    samples: int, train: dict[str, Any], begin: str | None, words: str
) -> None:
    config = training.PolicyRunConfig(
        games=("g",),
        valid=(),
        valid_share=0.1,
        valid_positions=100,
        game_filter=GameFilter(),
        network=preset("small"),
        train=TrainConfig(**train),
        begin=begin,
    )
    assert re.search(words, training.advice(samples, config))
