"""go-eval as a person types it: figures that agree among themselves and with torch's, and files
that are no model."""

import json
from pathlib import Path

import torch

from gocnn import modelfile
from tests.conftest import ROOT
from tests.typed import good, refused


def test_evaluation(tiny_run: Path, sample_store: Path, tmp_path: Path) -> None:
    figures = json.loads(
        good(
            "go-eval",
            sample_store,
            "--model",
            tiny_run,
            "--positions",
            "300",
            "--json",
            "--picture",
            tmp_path / "e.png",
        )
    )
    assert figures["all"]["positions"] == 300
    assert sum(figures[p]["positions"] for p in ("opening", "middle", "end")) == 300
    low, high = figures["all"]["top1_interval"]
    assert low <= figures["all"]["top1"] <= high
    assert figures["all"]["top1"] <= figures["all"]["top3"] <= figures["all"]["top5"]
    assert (tmp_path / "e.png").read_bytes()[:4] == b"\x89PNG"
    again = json.loads(
        good(
            "go-eval",
            sample_store,
            "--model",
            tiny_run / "best.safetensors",
            "--positions",
            "300",
            "--json",
        )
    )
    assert again["all"] == figures["all"]
    text = good(
        "go-eval", sample_store, "--model", tiny_run, "--positions", "200", "--symmetries", "8"
    )
    assert "opening" in text
    assert "calibration" in text


def test_evaluation_of_what_ships(sample_store: Path) -> None:
    shipped, eager = (
        json.loads(good("go-eval", sample_store, "--positions", "200", "--json", *model))
        for model in ((), ("--model", ROOT / "gocnn/policy/weights/small.safetensors"))
    )
    assert shipped["model"] == "small.onnx"
    assert abs(shipped["all"]["log_likelihood"] - eager["all"]["log_likelihood"]) < 1e-3
    assert abs(shipped["all"]["winner"] - eager["all"]["winner"]) < 0.02


def damaged_models(tmp_path: Path, tiny_run: Path) -> dict[str, Path]:
    whole = (tiny_run / "best.safetensors").read_bytes()
    made = {}
    for name, data in {
        "short": whole[:-1000],
        "stub": whole[:50],
        "text": b"hello world, this is no model",
        "empty": b"",
    }.items():
        made[name] = tmp_path / f"{name}.safetensors"
        made[name].write_bytes(data)
    model = modelfile.load(tiny_run, "go-policy")
    made["kind"] = tmp_path / "kind.safetensors"
    modelfile.save(made["kind"], "image-classifier", model.config, {}, model.tensors)
    made["shape"] = tmp_path / "shape.safetensors"
    modelfile.save(made["shape"], "go-policy", {**model.config, "channels": 24}, {}, model.tensors)
    made["config"] = tmp_path / "config.safetensors"
    modelfile.save(made["config"], "go-policy", {"nonsense": 1}, {}, model.tensors)
    made["version"] = tmp_path / "version.safetensors"
    made["version"].write_bytes(whole.replace(b'"version":"1"', b'"version":"9"'))
    made["pickle"] = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(3)}, made["pickle"])
    made["run"] = tmp_path / "emptyrun"
    made["run"].mkdir()
    made["missing"] = tmp_path / "missing.safetensors"
    return made


def test_models_that_are_not(tmp_path: Path, tiny_run: Path, game: Path) -> None:
    words = {
        "short": "cut short",
        "stub": "cut short",
        "text": "not a model",
        "empty": "not a model",
        "kind": "image-classifier",
        "shape": "cannot be read by gocnn",
        "config": "cannot be read by gocnn",
        "version": "version 9",
        "pickle": "pickle",
        "run": "holds no model",
        "missing": "does not exist",
    }
    for name, path in damaged_models(tmp_path, tiny_run).items():
        message = refused(1, "go-suggest", game, "--model", path)
        assert words[name] in message, (name, message)
        assert path.name in message
