"""Model files that are damaged, foreign or hostile: one sentence that names the file, and never
anything else."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import imagecls
from gocnn import modelfile
from gocnn.commands import main
from gocnn.errors import Note, UserError
from gocnn.policy import KIND
from gocnn.policy import export as exporting
from gocnn.policy import model as policy
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.shipped import file_of
from gocnn.structs import to_json
from imagecls.classifier import KIND as CLASSIFIER
from imagecls.classifier import model as classifier
from imagecls.classifier.models import ClassifierConfig, build
from tests.conftest import ROOT
from tests.edits import edited
from tests.headers import header, with_header
from tests.typed import cli

TINY = PolicyConfig(blocks=1, channels=4, head=4)
FOOD = ClassifierConfig(
    "cnn", ("bread", "soup"), size=32, store_size=32, widths=(4, 4), hidden=(8,)
)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    modelfile.save(target, KIND, to_json(TINY), {"data": "none"}, PolicyNetwork(TINY).state_dict())
    return target


@pytest.fixture(scope="module")
def food(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("models") / "food.safetensors"
    modelfile.save(target, CLASSIFIER, to_json(FOOD), {"data": "none"}, build(FOOD).state_dict())
    return target


def refusal(load: Callable[[Path], object], path: Path) -> str:
    """The sentence with which a file is refused; empty if it is taken."""
    try:
        load(path)
    except UserError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 500
        assert str(path) in str(error)
        return str(error)
    return ""


HEADERS = {
    "list": b"[]",
    "number": b"17",
    "null": b"null",
    "text": b'"x"',
    "no entry": b'{"a":1}',
    "deep": b"[" * 100_000,
    "deep object": b'{"a":' * 50_000,
    "deep metadata": b'{"__metadata__":' + b"[" * 50_000,
    "metadata of numbers": b'{"__metadata__":{"format":1}}',
    "metadata list": b'{"__metadata__":[]}',
    "no offsets": b'{"a":{"dtype":"F32","shape":[1]}}',
    "offset texts": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":["0","4"]}}',
    "one offset": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}',
    "negative": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}',
    "huge": b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,' + b"9" * 5000 + b"]}}",
    "not UTF-8": b'{"\xff":1}',
    "empty": b"{}",
    "blank": b"  ",
    "infinite": b'{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}',
}


@pytest.mark.parametrize("name", HEADERS)
def test_foreign_headers(name: str, tmp_path: Path) -> None:
    target = tmp_path / "x.safetensors"
    target.write_bytes(with_header(HEADERS[name]))
    for load in (policy.load, classifier.load):
        assert "not a model" in refusal(load, target)
    result = CliRunner().invoke(main, ["describe", str(target)])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")


@pytest.mark.parametrize("key", ["config", "provenance"])
@pytest.mark.parametrize(
    "value", ["[]", "5", "null", '"x"', "{", "[" * 100_000, '{"a":' * 50_000, "", "\x00"]
)
def test_metadata_that_is_no_object(
    key: str, value: str, tiny: Path, food: Path, tmp_path: Path
) -> None:
    for load, path in ((policy.load, tiny), (classifier.load, food)):
        head, rest = header(path)
        head["__metadata__"][key] = value  # type: ignore[index]
        (tmp_path / "x.safetensors").write_bytes(with_header(json.dumps(head).encode(), rest))
        assert f"its {key}" in refusal(load, tmp_path / "x.safetensors")


ODD: list[Any] = [None, -1, 0, 7, 10**9, 10**30, 1.5, "x", [], [1], ["x"], {}, [10**9]]


@pytest.mark.filterwarnings("ignore:Initializing zero-element")
@pytest.mark.parametrize("which", ["policy", "classifier"])
def test_every_field_of_the_configuration_may_be_anything(
    which: str, tiny: Path, food: Path, tmp_path: Path
) -> None:
    load, path = {"policy": (policy.load, tiny), "classifier": (classifier.load, food)}[which]
    head, rest = header(path)
    whole = json.loads(head["__metadata__"]["config"])  # type: ignore[index]
    target = tmp_path / "x.safetensors"
    refused = 0
    for key in [*whole, "unheard_of"]:
        for value in ODD:
            head["__metadata__"]["config"] = json.dumps(whole | {key: value})  # type: ignore[index]
            target.write_bytes(with_header(json.dumps(head).encode(), rest))
            refused += bool(refusal(load, target))
    assert refused > 8 * len(whole)
    assert not refusal(load, path)


@settings(max_examples=150, deadline=5000, suppress_health_check=SLOW)
@given(
    st.lists(
        st.tuples(st.integers(0, 4000), st.integers(0, 8), st.binary(max_size=12)),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 10**6),
)
@example(edits=[(0, 8, b"\xff" * 8)], cut=1)
def test_mutated_models(
    tmp_path: Path, tiny: Path, food: Path, edits: list[tuple[int, int, bytes]], cut: int
) -> None:
    for load, path in ((policy.load, tiny), (classifier.load, food)):
        data = edited(path.read_bytes(), edits)
        (tmp_path / "x.safetensors").write_bytes(data if cut % 3 else data[: cut % (len(data) + 1)])
        refusal(load, tmp_path / "x.safetensors")


def test_weights_that_are_no_numbers(tiny: Path, tmp_path: Path) -> None:
    tensors = PolicyNetwork(TINY).state_dict()
    name = next(key for key, tensor in tensors.items() if tensor.is_floating_point())
    tensors[name].view(-1)[0] = torch.nan
    modelfile.save(tmp_path / "x.safetensors", KIND, to_json(TINY), {}, tensors)
    assert "no numbers" in refusal(policy.load, tmp_path / "x.safetensors")


def test_each_kind_is_told_from_the_other(tiny: Path, food: Path) -> None:
    assert "image-classifier" in refusal(policy.load, food)
    assert "go-policy" in refusal(classifier.load, tiny)


# --- ONNX
# --------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(tiny: Path) -> Path:
    target = tiny.with_suffix(".onnx")
    with pytest.MonkeyPatch.context() as patch:
        # comparing them is the subject of other tests
        patch.setattr(exporting, "difference", lambda one, other: 0.0)
        exporting.export(policy.load(tiny), target)
    return target


def test_onnx_files_of_others(exported: Path, tmp_path: Path) -> None:
    graph = onnx.load(exported)
    target = tmp_path / "x.onnx"

    def saved(metadata: dict[str, str]) -> Path:
        del graph.metadata_props[:]
        onnx.helper.set_model_props(graph, metadata)
        onnx.save(graph, target)
        return target

    good = {entry.key: entry.value for entry in graph.metadata_props}
    assert not refusal(OnnxPolicy, saved(good))
    assert "not one of a policy network" in refusal(OnnxPolicy, saved({}))
    assert "not one of a policy network" in refusal(
        OnnxPolicy, saved(good | {"kind": "image-classifier"})
    )
    for key in ("config", "provenance"):
        for value in ("[]", "5", "{", "[" * 100_000, ""):
            assert "cannot be read by gocnn" in refusal(OnnxPolicy, saved(good | {key: value}))
    odd: list[Any] = [None, 5, "x", [1], [[]], ["unheard of"], [], ["stones"]]
    for groups in odd:
        config = json.loads(good["config"]) | {"groups": groups}
        assert refusal(OnnxPolicy, saved(good | {"config": json.dumps(config)})), groups


def test_onnx_with_other_answers(exported: Path, tmp_path: Path) -> None:
    """Files that onnxruntime takes, but that do not answer as a policy does."""
    good = onnx.load(exported)
    one = onnx.helper.make_tensor_value_info("planes", onnx.TensorProto.FLOAT, ["n", "c", "h", "w"])
    out = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)
    other = onnx.helper.make_model(
        onnx.helper.make_graph(
            [onnx.helper.make_node("Identity", ["planes"], ["logits"])], "g", [one], [out]
        ),
        opset_imports=good.opset_import,
    )
    other.ir_version = good.ir_version
    other.metadata_props.extend(good.metadata_props)
    onnx.save(other, tmp_path / "shape.onnx")
    assert "cannot be run" in refusal(OnnxPolicy, tmp_path / "shape.onnx")
    weights = max(good.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = onnx.numpy_helper.to_array(weights).copy()
    values.flat[:] = np.nan
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))
    onnx.save(good, tmp_path / "nan.onnx")
    assert "no number" in refusal(OnnxPolicy, tmp_path / "nan.onnx")
    renamed = onnx.load(exported)
    renamed.graph.input[0].name = "pixels"
    onnx.save(renamed, tmp_path / "name.onnx")
    assert refusal(OnnxPolicy, tmp_path / "name.onnx")


def test_mutated_onnx_files(
    exported: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(3)
    target = tmp_path / "x.onnx"
    refused = 0
    for path, count in ((exported, 150), (file_of("small"), 15)):
        whole = path.read_bytes()
        for _ in range(count):
            data = bytearray(whole)
            for _ in range(rng.randrange(1, 8)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            target.write_bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])])
            refused += bool(refusal(OnnxPolicy, target))
    assert refused > 40
    assert capfd.readouterr().out == ""  # go-gtp speaks there


def test_a_run_without_its_best_model_says_which_one_is_taken(
    tiny: Path, food: Path, tmp_path: Path
) -> None:
    """Once each, whatever the command does with it; and nothing where it has one."""
    photo = ROOT / "data" / "images" / "validation" / "soup" / "000.jpg"
    for name, file, command in (
        ("go", tiny, ["go-suggest", "--moves", "D4", "--model"]),
        ("go", tiny, ["describe"]),
        ("food", food, ["img-predict", photo, "--model"]),
        ("food", food, ["img-explain", photo, "--picture", tmp_path / "a.png", "--model"]),
        ("food", food, ["img-export", "--onnx", tmp_path / "a.onnx"]),
        ("food", food, ["describe"]),
    ):
        run = tmp_path / name
        run.mkdir(exist_ok=True)
        (run / modelfile.BEST).unlink(missing_ok=True)
        shutil.copy(file, run / modelfile.LAST)
        said = cli(*command, run).stderr
        assert said.count("note: ") == 1, said
        assert f"note: {run} has no best.safetensors, the best by validation, so last" in said
        shutil.copy(file, run / modelfile.BEST)
        assert "note: " not in cli(*command, run).stderr
    (run / modelfile.BEST).unlink()
    with pytest.warns(Note, match=r"so last\.safetensors is taken"):
        imagecls.load(run)
