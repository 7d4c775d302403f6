"""ONNX files that are no classifier, networks that cannot be written as one, and what such a file
cannot do: each is one sentence."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import imagecls
from gocnn.errors import UserError
from imagecls.classifier.ensemble import Ensemble
from imagecls.classifier.model import Predictor, load
from imagecls.classifier.models import ClassifierConfig
from tests.classifiers import CLASSES, predictor
from tests.conftest import ROOT
from tests.exported import CONFIGS, PICTURE, exported, pair
from tests.typed import good, refused

__all__ = ["exported", "pair"]


def test_files_that_are_no_classifier(
    pair: tuple[Path, Path], exported: list[tuple[Predictor, Path]], tmp_path: Path
) -> None:
    policy = ROOT / "gocnn" / "policy" / "weights" / "small.onnx"
    whole = exported[0][1].read_bytes()

    def changed(name: str, **metadata: str) -> Path:
        graph: Any = onnx.load_from_string(whole)
        for entry in graph.metadata_props:
            if entry.key in metadata:
                entry.value = metadata[entry.key]
        (tmp_path / name).write_bytes(graph.SerializeToString())
        return tmp_path / name

    graph: Any = onnx.load_from_string(whole)
    del graph.metadata_props[:]  # what timm, torchvision or Ultralytics write
    (tmp_path / "other.onnx").write_bytes(graph.SerializeToString())
    (tmp_path / "text.onnx").write_text("hello", encoding="utf-8")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "short.onnx").write_bytes(whole[: len(whole) // 2])
    config = json.loads(json.dumps(asdict(CONFIGS[0])))
    graph = onnx.load_from_string(whole)
    for tensor in graph.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim > 2:
            tensor.CopyFrom(numpy_helper.from_array(np.full_like(values, np.nan), tensor.name))
    (tmp_path / "nan.onnx").write_bytes(graph.SerializeToString())
    for file, words in (
        (tmp_path / "other.onnx", "is an ONNX file, but not one of a classifier that img-export"),
        (policy, "not one of a classifier"),
        (tmp_path / "text.onnx", "is not an ONNX file, or is cut short"),
        (tmp_path / "empty.onnx", "is not an ONNX file, or is cut short"),
        (tmp_path / "short.onnx", "is not an ONNX file, or is cut short"),
        (tmp_path / "gone.onnx", "cannot read"),
        (tmp_path, "holds no model"),
        (tmp_path / "nan.onnx", "no number"),
        (changed("a.onnx", config="{}"), "model is missing"),
        (changed("b.onnx", config=json.dumps(config | {"classes": []})), "classes are missing"),
        (changed("c.onnx", config=json.dumps(config | {"size": -3})), "size is -3"),
        (changed("d.onnx", config=json.dumps(config | {"size": 31})), "cannot be run"),
        (changed("e.onnx", config=json.dumps(config | {"classes": ["x"]})), "cannot be run"),
        (changed("f.onnx", config=json.dumps(config | {"fit": "tile"})), "fit is 'tile'"),
        (changed("g.onnx", version="7"), "version 7"),
    ):
        assert words in refused(1, "img-predict", PICTURE, "--model", file)
        with pytest.raises(UserError):
            imagecls.load(file)


def test_a_network_that_onnx_has_no_word_for(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as some of other libraries."""
    from imagecls.classifier.models.resnet import ResidualClassifier

    plain = ResidualClassifier.features
    monkeypatch.setattr(
        ResidualClassifier, "features", lambda self, x: torch.fft.fft2(plain(self, x)).real
    )
    said = refused(1, "img-export", pair[0], "--onnx", tmp_path / "x.onnx")
    assert "cannot be written as ONNX" in said
    assert not (tmp_path / "x.onnx").exists()


def test_what_an_onnx_file_cannot_do(pair: tuple[Path, Path], tmp_path: Path) -> None:
    for option in ("--filters", "--maps"):
        said = refused(1, "img-explain", PICTURE, "--model", pair[1], option, tmp_path / "x.png")
        assert "whose layers cannot be looked at" in said
    assert "whose size is fixed" in refused(
        1, "img-predict", PICTURE, "--model", pair[1], "--eval-size", 64
    )
    assert "is an ONNX file" in refused(1, "img-export", pair[1], "--onnx", tmp_path / "x.onnx")
    assert "must end in .onnx" in refused(2, "img-export", pair[0], "--onnx", tmp_path / "x.bin")
    assert "does not exist" in refused(
        1, "img-export", tmp_path / "none", "--onnx", tmp_path / "x.onnx"
    )
    assert "go-policy" in refused(
        1,
        "img-export",
        ROOT / "gocnn" / "policy" / "weights" / "small.safetensors",
        "--onnx",
        tmp_path / "x.onnx",
    )
    assert list(tmp_path.iterdir()) == []
    good(
        "img-explain", PICTURE, "--filters", tmp_path / "f.png"
    )  # what ships is there for torch too
    with pytest.raises(UserError, match="is no class"):
        imagecls.load(pair[1]).explain(PICTURE, "unicorn")
    crop = predictor(
        ClassifierConfig(
            "cnn", CLASSES, size=16, store_size=16, fit="crop", hidden=(4,), widths=(8,)
        )
    )
    with pytest.raises(UserError, match="different parts"):
        imagecls.Classifier(Ensemble([load(pair[0]), crop])).explain(PICTURE)
