"""Station 4 of the lecture, against the little networks' files; and the lecture on machines that have
no torch."""

import json
import subprocess
import sys

import numpy as np
import pytest

import gocnn
from gocnn.policy.merging import merged
from gocnn.policy.runtime import OnnxPolicy
from gocnn.policy.suggestion import evaluate
from gocnn.serve.lesson.pooling import FOLDER, NETWORKS
from tests.conftest import ROOT
from tests.serving import serving

MOVES = ["Q16", "D4", "Q3", "D17", "C6", "R5", "O17", "K4", "R14"]
POSITION = {"moves": [["bw"[k % 2], move] for k, move in enumerate(MOVES)]}


def test_pooled_positions() -> None:
    """The boards are those of `gocnn.policy.merging`, the probabilities those of the files; their
    accuracy is what they bring with them."""
    board = gocnn.position(moves=MOVES).board
    with serving() as client:
        answer = client.post("/api/lesson/pooling", {"position": POSITION})
    assert answer.status == 200, answer.body
    found = answer.json()
    assert [each["merging"] for each in found["networks"]] == list(NETWORKS)
    for told, pooled in zip(found["networks"], found["boards"], strict=True):
        network = OnnxPolicy(str(FOLDER.joinpath(f"{NETWORKS[told['merging']]}.onnx")))
        expected = evaluate(network, board).probabilities
        assert np.allclose(told["policy"], expected, atol=1e-5)
        for name in ("samples", "positions"):
            assert told[name] == network.provenance[name]
        for name in ("top1", "top5"):
            assert told[name] == pytest.approx(network.provenance[name], abs=1e-4)
        assert told["low"] < told["top1"] < told["high"]
        stones = board.stones()
        for colour, name in ((1, "black"), (2, "white")):
            expected_board = merged(stones == colour, told["merging"])
            assert len(expected_board) == pooled["side"]
            assert pooled[name] == pytest.approx(expected_board.ravel().tolist())


def test_little_networks_are_little() -> None:
    for name in NETWORKS.values():
        assert FOLDER.joinpath(f"{name}.onnx").is_file()
        assert len(FOLDER.joinpath(f"{name}.onnx").read_bytes()) <= 300_000


def test_without_torch_pooling_is_shown_and_the_others_say_what_is_missing() -> None:
    code = """
import json, os, sys
sys.modules["torch"] = None
from tests.serving import serving
position = {"moves": [["b", "Q16"]]}
with serving() as client:
    told = [client.get("/api/lesson/network"), *(client.post(f"/api/lesson/{what}", {"position": position} | more)
        for what, more in (("field", {"layer": 0, "point": "Q16"}), ("maps", {"layer": 0}), ("shift", {}), ("pooling", {})))]
print(json.dumps([[each.status, each.json()] for each in told]), flush=True)
os._exit(0)  # as the command ends: onnxruntime may be at work in a thread
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *others, pooled = json.loads(done.stdout.splitlines()[-1])
    for status, said in others:
        assert status == 503
        assert "torch" in said["error"]
        assert "the extra train of gocnn" in said["error"]
    assert pooled[0] == 200
    assert len(pooled[1]["networks"]) == 5
    assert "failed unexpectedly" not in done.stderr
