"""Runs of the toy task: their weights, and processes that train."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch

from gocnn.training import modelfile
from tests.conftest import ROOT


def weights(run: Path, name: str = "last.safetensors") -> dict[str, torch.Tensor]:
    return modelfile.load(run / name, "toy").tensors


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def spawn(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "tests.toy", *arguments], cwd=ROOT, text=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                            env={**os.environ, **environment})  # fmt: skip


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
