"""Files of other versions: refused in one sentence that says which version wrote them and what to
do; files from before the version was written are read."""

import json
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from gocnn import __version__, modelfile
from gocnn.errors import UserError
from gocnn.games import store, store_writer
from gocnn.games.store import Store
from gocnn.policy import model as policy
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.shipped import file_of
from gocnn.training import RunFolder
from gocnn.versions import unreadable
from tests import toy
from tests.conftest import ROOT
from tests.headers import header, with_header
from tests.typed import good, refused

OLD = ROOT / "tests" / "cases" / "old"
LATER = "9.1.0"


def sentence(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as error:
        call()
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("9.1.0", "(why); gocnn 9.1.0 wrote it: update gocnn or train it again"),
        ("9.1", "(why); gocnn 9.1 wrote it: update gocnn or train it again"),
        ("10.0.0rc1", "(why); gocnn 10.0.0rc1 wrote it: update gocnn or train it again"),
        ("0.0.9", "(why); gocnn 0.0.9 wrote it: read it with that version or train it again"),
        (__version__, f"(why); gocnn {__version__} wrote it: train it again"),
        *(
            (odd, "(why); which version wrote it was not recorded: update gocnn or train it again")
            for odd in (None, "", 3, ["0.1.0"], "new", "1.2\n3", "1.2.3" + "x" * 50, "\x1b[1m")
        ),
    ],
)
def test_who_wrote_it_and_what_to_do(program: object, words: str) -> None:
    said = str(unreadable("a/file", "why", program, "train it again"))
    assert said == f"a/file cannot be read by gocnn {__version__} {words}"


# --- models


def altered(target: Path, source: Path, **metadata: str | None) -> Path:
    """A model file with other metadata; None: without."""
    head, rest = header(source)
    held: dict[str, Any] = head["__metadata__"]  # type: ignore[assignment]
    held |= metadata
    head["__metadata__"] = {key: value for key, value in held.items() if value is not None}
    target.write_bytes(with_header(json.dumps(head).encode(), rest))
    return target


def test_models(tmp_path: Path) -> None:
    old, new = OLD / "go-run" / "best.safetensors", tmp_path / "x.safetensors"
    assert "program" not in modelfile.read_metadata(old)
    loaded = policy.load(old)
    modelfile.save(
        new, "go-policy", loaded.config_json(), loaded.provenance, loaded.network.state_dict()
    )
    assert modelfile.read_metadata(new)["program"] == __version__
    later = altered(tmp_path / "later.safetensors", new, version="2", program=LATER)
    assert sentence(lambda: policy.load(later)) == (
        f"{later} cannot be read by gocnn {__version__} (it is a model file of version 2, not 1);"
        " gocnn 9.1.0 wrote it: update gocnn or train it again"
    )
    config = json.dumps(loaded.config_json() | {"rooms": 2})
    unknown = altered(tmp_path / "unknown.safetensors", new, config=config, program=LATER)
    said = sentence(lambda: policy.load(unknown))
    assert "(rooms is not known); gocnn 9.1.0 wrote it: update gocnn" in said
    # before the metadata named the program, its provenance did
    asked = altered(tmp_path / "asked.safetensors", old, config=config)
    assert f"gocnn {__version__} wrote it: train it again" in sentence(lambda: policy.load(asked))
    silent = altered(tmp_path / "silent.safetensors", old, config=config, provenance="{}")
    assert "which version wrote it was not recorded" in sentence(lambda: policy.load(silent))


def test_onnx_models(tmp_path: Path) -> None:
    for changes, words in [
        ({"version": "2", "program": LATER}, "model file of version 2, not 1); gocnn 9.1.0 wrote"),
        ({"config": '{"groups": ["rooms"]}', "program": LATER}, "; gocnn 9.1.0 wrote it: update"),
        ({"config": '{"groups": ["rooms"]}'}, f"; gocnn {__version__} wrote it: export it again"),
        (
            {"config": "{}", "provenance": "{}", "program": ""},
            "which version wrote it was not recorded",
        ),
    ]:
        graph: Any = onnx.load(file_of("small"))
        held = {prop.key: prop.value for prop in graph.metadata_props} | changes
        onnx.helper.set_model_props(graph, held)
        target = tmp_path / "x.onnx"
        onnx.save(graph, target)
        said = sentence(lambda: OnnxPolicy(target))  # noqa: B023
        assert said.startswith(f"{target} cannot be read by gocnn {__version__} (")
        assert words in said


# --- stores


def with_head(source: bytes, version: int, program: bytes) -> bytes:
    """A store with another header, whole: its last four bytes are the checksum of the others."""
    head = source[:8] + struct.pack("<I", version) + source[12:40] + program.ljust(20, b"\0")
    return head + struct.pack("<I", zlib.crc32(head)) + source[64:]


def test_stores(tmp_path: Path) -> None:
    old = (OLD / "games.games").read_bytes()
    assert old[40:60] == bytes(20)
    target = tmp_path / "x.games"
    target.write_bytes(with_head(old, 3, LATER.encode()))
    assert sentence(lambda: Store(target)) == (
        f"{target} cannot be read by gocnn {__version__} (it is a game store of version 3, not 1"
        " or 2); gocnn 9.1.0 wrote it: update gocnn or import the games again"
    )
    target.write_bytes(with_head(old, 3, b"\xff\xfe"))
    assert "which version wrote it was not recorded" in sentence(lambda: Store(target))
    target.write_bytes(with_head(old, 2, LATER.encode()))  # a later version that changed nothing
    assert len(Store(target)) == 4
    target.write_bytes(old)
    with store_writer.writing(target):
        store_writer.append(target, iter(()))
    assert target.read_bytes()[40:60] == __version__.encode().ljust(20, b"\0")
    assert target.read_bytes()[64:] == old[64:]
    Store(target).verify()
    assert len(__version__) <= 20
    assert store.HEADER.size == 64


# --- runs and their checkpoints


def rewrite(path: Path, **changes: Any) -> None:
    """run.json with other entries; None: without."""
    value = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: v for key, v in value.items() if v is not None}))


def resave(path: Path, **changes: Any) -> None:
    """A checkpoint with other entries; None: without."""
    state = torch.load(path, weights_only=True) | changes
    torch.save({k: v for k, v in state.items() if v is not None or k not in changes}, path)


def test_runs_and_checkpoints(tmp_path: Path) -> None:
    run = tmp_path / "run"
    description, checkpoint = run / "run.json", run / "checkpoint.pt"
    toy.train(run, steps=4)
    for value in (json.loads(description.read_text()), torch.load(checkpoint, weights_only=True)):
        assert (value["version"], value["program"]) == (1, __version__)

    rewrite(description, version=2, program=LATER)
    assert sentence(lambda: toy.train(run, resume=True, steps=8)) == (
        f"{description} cannot be read by gocnn {__version__} (it is of format version 2, not 1);"
        " gocnn 9.1.0 wrote it: update gocnn or start a new run in another folder with --out"
    )
    rewrite(description, version=None, program=None)  # as it was before
    cases: list[tuple[dict[str, Any], str]] = [
        ({"version": 2, "program": LATER}, "(it is of format version 2, not 1); gocnn 9.1.0 wrote"),
        ({"version": None, "program": LATER, "best": None}, "(it lacks best); gocnn 9.1.0 wrote"),
        ({"program": None}, "(it lacks best); which version wrote it was not recorded: update"),
        ({"step": None}, "(it does not say its step); which version wrote it was not recorded"),
    ]
    for changes, words in cases:
        resave(checkpoint, **changes)
        said = sentence(lambda: toy.train(run, resume=True, steps=8))
        assert said.startswith(f"{checkpoint} cannot be read by gocnn {__version__} (")
        assert words in said

    checkpoint.write_bytes(b"as a later torch writes it")
    for program, words in [
        (LATER, "(it is no checkpoint); gocnn 9.1.0 wrote it: update gocnn or start a new run"),
        (__version__, "checkpoint.pt is damaged; start a new run in another folder with --out ("),
    ]:
        rewrite(description, program=program)
        assert words in sentence(lambda: toy.train(run, resume=True, steps=8))

    for text in ("{", "[]", "[" * 100_000, "\xff"):
        description.write_bytes(text.encode("latin-1"))
        said = sentence(lambda: RunFolder.read_description(run))
        assert said == f"{description} is damaged; start a new run in another folder with --out"


def test_a_run_from_before_versions_goes_on_and_says_who_wrote_it_last(tmp_path: Path) -> None:
    run = shutil.copytree(OLD / "go-run", tmp_path / "run")
    assert "program" not in RunFolder.read_description(run)
    options = ["go-train", OLD / "games.games", "--out", run, "--resume", "--steps", "3", "--quiet"]
    good(*options)
    assert RunFolder.read_description(run)["program"] == __version__
    config = RunFolder.read_description(run)["wishes"]
    rewrite(run / "run.json", program=LATER, wishes=config | {"rooms": 2})
    assert refused(1, *options) == (
        f"Error: {run / 'run.json'} cannot be read by gocnn {__version__} (it does not describe a go-train"
        " run: rooms is not known); gocnn 9.1.0 wrote it: update gocnn or start a new run in"
        " another folder with --out"
    )
