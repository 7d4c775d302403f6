"""ONNX files that this onnxruntime cannot open: what they are is said, and what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto

from gocnn.policy import shipped as networks
from imagecls.classifier import shipped as classifiers
from tests.conftest import SAMPLES
from tests.typed import refused

PICTURE = SAMPLES.parent / "images" / "validation" / "soup" / "000.jpg"


def later_format(model: Any) -> None:
    model.ir_version = 99


def later_operators(model: Any) -> None:
    model.opset_import[0].version = 99


def unknown_operator(model: Any) -> None:
    model.graph.node[0].op_type = "Sharpen"


def operator_of_others(model: Any) -> None:
    model.graph.node[0].domain = "com.others"
    model.opset_import.add(domain="com.others", version=1)


def weights_elsewhere(model: Any) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (later_format, "is an ONNX file of IR version 99, and onnxruntime"),
        (later_operators, "is an ONNX file of opset 99, and onnxruntime"),
        (unknown_operator, "cannot run (In Node"),
        (operator_of_others, "com.others"),
        (weights_elsewhere, "External data"),
    ],
)
def test_what_cannot_be_opened_is_still_an_onnx_file(
    change: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.onnx"
    for weights, command in (
        (networks.find("small", ".onnx"), ["go-suggest", "--moves", "D4"]),
        (classifiers.find("food", ".onnx"), ["img-predict", PICTURE]),
    ):
        model: Any = onnx.load(weights)
        change(model)
        file.write_bytes(model.SerializeToString())
        text = refused(1, *command, "--model", file)
        assert text.startswith(f"Error: {file} is an ONNX file ")
        assert said in text
        assert ("update onnxruntime, or export it again" in text) == ("99" in said)
        assert "onnxruntime_src" not in text
        assert text.count("; ") == 1
