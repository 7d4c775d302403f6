"""The network without torch: ONNX files, and kernels without numba."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gocnn.errors import UserError
from tests.conftest import ROOT
from tests.typed import good, refused


@pytest.mark.parametrize(("name", "most"), [("small", 1e-4), ("base", 0.05)])
def test_shipped_onnx_is_the_shipped_network(name, most):
    """The two files of a network that ships answer alike, on positions of random games (those of
    base are in halves, rounded at different places), and come from the same training."""
    from gocnn.policy import shipped
    from gocnn.policy.export import difference
    from gocnn.policy.model import load, named
    from gocnn.policy.runtime import OnnxPolicy

    torch_model, onnx_model = load(named(name)), OnnxPolicy(shipped.find(name))
    assert difference(torch_model, onnx_model) < most
    assert onnx_model.plane_groups == torch_model.plane_groups
    assert onnx_model.provenance == torch_model.provenance


@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-4), ("fp16", 0.05)])
def test_export(tiny_run, tmp_path, precision, most):
    out = good("go-export", tiny_run, "--onnx", tmp_path / "m.onnx", "--precision", precision)
    assert float(out.split()[-1]) < most
    asked = [
        json.loads(good("go-suggest", "--moves", "B D4 W Q16", "--json", "--model", m))
        for m in (tiny_run, tmp_path / "m.onnx")
    ]
    for one, other in zip(
        *(sorted(a["moves"], key=lambda m: m["move"]) for a in asked), strict=True
    ):
        assert one["move"] == other["move"]
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-3)


def test_export_in_eight_bits(sample_store, tmp_path):
    """The network that ships answers nearly as before: 64 positions of the sample games, by the
    divergence of its distribution, who wins, and who owns the points. Weights have seven bits."""
    import onnx
    from onnx import numpy_helper

    from gocnn.policy import shipped
    from gocnn.policy.export import difference
    from gocnn.policy.model import load, named
    from gocnn.policy.quantizing import of_games
    from gocnn.policy.runtime import OnnxPolicy
    from gocnn.policy.suggestion import log_softmax

    file = tmp_path / "int8.onnx"
    made = ("go-export", "small", "--onnx", file, "--precision", "int8", "--games", sample_store)
    assert re.search(
        r"int8; in 128 positions .* torch's in (9\d|100)%, .* 0\.0\d\d nats", good(*made)
    )
    assert file.stat().st_size < shipped.find("small").stat().st_size
    graph = onnx.load(file)
    weights = [numpy_helper.to_array(t) for t in graph.graph.initializer]
    whole = [w for w in weights if w.dtype == np.int8 and w.ndim == 4]
    assert len(whole) == 12  # two for each of the six blocks
    assert max(abs(w.astype(int)).max() for w in whole) <= 64

    floats, eight = load(named("small")), OnnxPolicy(file)
    assert eight.provenance == floats.provenance
    assert difference(floats, eight) > 1e-4  # it is another file
    planes = of_games(_games(sample_store), eight.plane_groups)[:64]
    mine, theirs = floats.outputs(planes), eight.outputs(planes)
    p, q = log_softmax(mine.logits), log_softmax(theirs.logits)
    assert (np.exp(p) * (p - q)).sum(1).mean() < 0.03
    assert abs(mine.win - theirs.win).mean() < 0.02
    assert abs(mine.owner - theirs.owner).mean() < 0.03


def _games(store):
    from gocnn.games.selection import GameFilter
    from gocnn.policy import data

    return data.select_games(data.open_stores([str(store)])[0], GameFilter()).games


def test_eight_bits_need_games_and_convolutions(tiny_run, tmp_path):
    out = tmp_path / "m.onnx"
    export = ("go-export", tiny_run, "--onnx", out)
    assert "--precision int8 needs --games" in refused(2, *export, "--precision", "int8")
    assert "--games is for --precision int8" in refused(2, *export, "--games", ROOT / "data")
    assert "does not exist" in refused(
        1, *export, "--precision", "int8", "--games", tmp_path / "none"
    )
    assert not out.exists()


@pytest.mark.parametrize(("games", "late"), [([3], 0), ([1, 80, 100], 0), ([120, 129], 49)])
def test_eight_bits_need_games_that_go_on(tmp_path, games, late):
    """Ranges that were measured in openings alone cut what comes later. The file that was there
    stays."""
    for n, moves in enumerate(games):
        points = [f"{a}{b}" for a in "abcdefghijklmnopqrs" for b in "acegikmoq"][n:][:moves]
        text = ";".join(f"{'BW'[i % 2]}[{point}]" for i, point in enumerate(points))
        (tmp_path / f"{n}.sgf").write_text(f"(;SZ[19];{text})")
    out = tmp_path / "m.onnx"
    out.write_bytes(b"before")
    said = refused(
        1, "go-export", "small", "--onnx", out, "--precision", "int8", "--games", tmp_path
    )
    assert f"{late} positions after move 100 in these games, and int8 needs 50" in said
    assert out.read_bytes() == b"before"


def test_eight_bits_need_room_for_temporary_files(sample_store, tmp_path, monkeypatch):
    out, gone = tmp_path / "m.onnx", tmp_path / "gone"
    monkeypatch.setattr("tempfile.tempdir", str(gone))
    made = ("go-export", "small", "--onnx", out, "--precision", "int8", "--games", sample_store)
    said = refused(1, *made)
    assert "needs room for temporary files (No such file" in said
    assert "TMPDIR" in said
    assert not out.exists()


def test_eight_bits_are_not_for_convolutions_of_one_channel():
    import torch

    from gocnn.onnxwriting import onnx_of
    from gocnn.policy.quantizing import quantized

    channelwise = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.Conv2d(4, 4, 3, groups=4))
    data = onnx_of(channelwise, torch.zeros(1, 2, 9, 9), "planes", ["logits"], {})
    with pytest.raises(UserError, match="one point or one channel each"):
        quantized(data, np.zeros((2, 2, 9, 9), np.uint8))


@pytest.mark.parametrize(
    "command", [["describe"], ["go-show"], ["go-export", "--onnx", "new.onnx"]], ids=lambda c: c[0]
)
def test_an_onnx_file_is_not_taken_apart(tmp_path, monkeypatch, command):
    """It is a file of this program, so nothing else may be said of it."""
    monkeypatch.chdir(tmp_path)
    weights = ROOT / "gocnn" / "policy" / "weights" / "small.onnx"
    assert "is an ONNX file, which can be run but not taken apart" in refused(1, *command, weights)
    assert not list(tmp_path.iterdir())


def test_bad_onnx(tiny_run, tmp_path):
    import onnx

    assert "must end in .onnx" in refused(2, "go-export", tiny_run, "--onnx", tmp_path / "m.bin")
    assert "does not exist" in refused(
        1, "go-export", tmp_path / "nothing", "--onnx", tmp_path / "m.onnx"
    )
    assert "cannot read" in refused(1, "go-suggest", "--model", tmp_path / "none.onnx")
    whole = (ROOT / "gocnn" / "policy" / "weights" / "small.onnx").read_bytes()
    for name, data in (("text", b"hello"), ("empty", b""), ("short", whole[:100_000])):
        (tmp_path / f"{name}.onnx").write_bytes(data)
        assert "cut short" in refused(1, "go-suggest", "--model", tmp_path / f"{name}.onnx")
    graph = onnx.load_from_string(whole)
    del graph.metadata_props[:]
    (tmp_path / "other.onnx").write_bytes(graph.SerializeToString())
    assert "not one of a policy network" in refused(
        1, "go-suggest", "--model", tmp_path / "other.onnx"
    )
    graph.metadata_props.add(key="kind", value="go-policy")
    graph.metadata_props.add(key="provenance", value="{}")
    graph.metadata_props.add(key="config", value='{"groups": ["libertines"]}')
    (tmp_path / "newer.onnx").write_bytes(graph.SerializeToString())
    assert "libertines" in refused(1, "go-suggest", "--model", tmp_path / "newer.onnx")


def suggest_in_a_process(asked: list[list[str]], compiled: bool) -> list[dict]:
    """Answers to those arguments, one after the other."""
    program = "import json, sys, gocnn._jit as j\n"
    if compiled:
        program += "j.interpret = lambda: None\n"
    program += "from gocnn.commands import main\n"
    program += (
        "for words in json.load(sys.stdin): main(['go-suggest', '--json', *words],"
        " standalone_mode=False); print('\\0')\n"
    )
    program += f"assert ('numba' in sys.modules) == {compiled}"
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        input=json.dumps(asked),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return [json.loads(answer) for answer in run.stdout.split("\0")[:-1]]


def test_interpreted_kernels_answer_as_compiled_ones(sample_files: list[Path]):
    """go-suggest leaves the kernels uncompiled; reading, planes, ladders and legality must come out
    the same, without a warning."""
    rng = np.random.default_rng(3)
    paths = rng.choice(np.array(sample_files, object), 4, replace=False)
    asked = [[str(path), "--at", str(int(rng.integers(60, 100)))] for path in paths]
    plain, compiled = (suggest_in_a_process(asked, compiled) for compiled in (False, True))
    assert len(plain) == 4
    assert plain == compiled


def assert_never_imported(program: str, *modules: str) -> None:
    """By a process that runs the program."""
    program += f"\nimport sys\nprint(sorted({set(modules)} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "[]", run.stderr


@pytest.mark.slow
def test_networks_are_loaded_without_the_compiler():
    """Importing torch's takes up to 2 s, which every command that only asks a network would pay;
    and what describes one needs no numba."""
    described = "".join(
        f"main(['describe', {name!r}, '--json'], standalone_mode=False)\n"
        for name in ("shipped", "small", "food", "cnn")
    )
    assert_never_imported(f"from gocnn.commands import main\n{described}", "torch._dynamo", "numba")
    assert_never_imported(
        "import gocnn.policy.model, gocnn.policy.training, imagecls.classifier.models",
        "torch._dynamo",
    )


@pytest.mark.parametrize("more", [[], ["--model", "base"]])
def test_a_suggestion_imports_neither_torch_nor_numba(more):
    program = (
        f"from gocnn.commands import main\nmain(['go-suggest', '--moves', 'B D4', *{more}],"
        " standalone_mode=False)"
    )
    assert_never_imported(program, "torch", "numba", "matplotlib")
