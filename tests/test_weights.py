"""Pretrained weights: what loads, what is refused, and their download."""

import argparse
import hashlib
import http.server
import pickle
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gocnn import modelfile
from gocnn.errors import UserError
from imagecls.classifier import weights
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.resnet101 import FineTuner, ResNet101
from tests.classifiers import CLASSES, SMALL


def fine_tuner() -> FineTuner:
    model = build(ClassifierConfig("resnet101", CLASSES, **SMALL))
    assert isinstance(model, FineTuner)
    return model


def published(seed: int = 1) -> dict[str, torch.Tensor]:
    """A file like torchvision's: the same names (with the 1000 classes' layer), for the small
    network."""
    torch.manual_seed(seed)
    state = ResNet101(1000, **SMALL).state_dict()
    return {
        name: torch.randn_like(t) if t.is_floating_point() else t + 7 for name, t in state.items()
    }


@pytest.mark.parametrize("kind", ["pth", "old pth", "safetensors"])
def test_published_weights_load_strictly(tmp_path, kind):
    import safetensors.torch

    state = published()
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(
            (
                state
                if kind == "pth"
                else {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
            ),
            path,
        )
    model = fine_tuner()
    weights.load_backbone(model, str(path))
    for name, tensor in model.backbone().items():
        assert kind == "old pth" or torch.equal(tensor, state[name]), name
        assert name.endswith("num_batches_tracked") or torch.equal(tensor, state[name]), name
    head = list(model.fc.children())[-1]
    assert isinstance(head, nn.Linear)
    assert head.out_features == 3


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: {f"module.{name}": t for name, t in state.items()},
        lambda state: {
            "state_dict": {f"module.{name}": t for name, t in state.items()},
            "epoch": 3,
            "arch": "resnet101",
        },
        lambda state: {
            "model": state,
            "optimizer": {"state": {}},
            "args": argparse.Namespace(lr=0.1),
            "model_ema": {"n_averaged": torch.tensor(3)},
        },
        lambda state: {
            "model_state_dict": {f"module._orig_mod.{name}": t for name, t in state.items()}
        },
        lambda state: {
            "state_dict": {f"model.{name}": t for name, t in state.items()},
            "hyper_parameters": {"lr": 0.1},
        },
        lambda state: OrderedDict(
            (name, nn.Parameter(t) if t.is_floating_point() else t) for name, t in state.items()
        ),
    ],
    ids=["DataParallel", "script", "torchvision", "compiled", "Lightning", "parameters"],
)
def test_weights_inside_checkpoints_load(tmp_path, wrapped):
    state = published()
    torch.save(wrapped(state), tmp_path / "w.pth.tar")
    model = fine_tuner()
    weights.load_backbone(model, str(tmp_path / "w.pth.tar"))
    for name, tensor in model.backbone().items():
        assert torch.equal(tensor, state[name]), name


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/tmp/gocnn-evil-was-here"),))


def test_weights_files_that_are_refused(tmp_path):
    state = published()
    Path("/tmp/gocnn-evil-was-here").unlink(missing_ok=True)
    files = {}
    for name, content in {
        "missing": {k: v for k, v in state.items() if k != "layer3.1.conv1.weight"},
        "extra": state | {"aux.weight": torch.zeros(2)},
        "shape": state | {"layer1.0.conv1.weight": torch.zeros(8, 8, 3, 3)},
        "head": {k: v for k, v in state.items() if not k.startswith("fc.")},
        "evil": state | {"conv1.weight": Evil()},
        "nested": {"optimizer": {"lr": 0.1}, "epoch": 3},
        "other": nn.Linear(3, 3).state_dict(),
    }.items():
        torch.save(content, tmp_path / f"{name}.pth")
        files[name] = tmp_path / f"{name}.pth"
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Evil()))
    torch.save(state, tmp_path / "whole.pth")
    data = (tmp_path / "whole.pth").read_bytes()
    (tmp_path / "cut.pth").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "empty.pth").write_bytes(b"")
    for name, words in {
        "missing": r"lacks layer3\.1\.conv1\.weight",
        "extra": r"has aux\.weight",
        "shape": r"layer1\.0\.conv1\.weight of another shape",
        "head": "another last layer",
        "evil": "could run code",
        "plain": "could run code",
        "nested": "not a plain file",
        "other": "another architecture",
        "cut": "cut short",
        "text": "cut short or not|could run code",
        "empty": "cut short",
        "gone": "there is no weights file",
    }.items():
        model = fine_tuner()
        before = {k: v.clone() for k, v in model.state_dict().items()}
        with pytest.raises(UserError, match=words):
            weights.load_backbone(model, str(tmp_path / f"{name}.pth"))
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert not Path("/tmp/gocnn-evil-was-here").exists()


def test_weights_of_an_earlier_run(tmp_path):
    config = ClassifierConfig("resnet101", ("x", "y"), hidden=(5,), **SMALL)
    source = build(config)
    from dataclasses import asdict

    modelfile.save(
        tmp_path / "best.safetensors", "image-classifier", asdict(config), {}, source.state_dict()
    )
    model = fine_tuner()
    weights.load_backbone(model, str(tmp_path))
    assert all(torch.equal(t, source.state_dict()[name]) for name, t in model.backbone().items())
    other = build(ClassifierConfig("cnn", CLASSES, widths=(4,), hidden=(4,)))
    modelfile.save(tmp_path / "cnn.safetensors", "image-classifier", {}, {}, other.state_dict())
    with pytest.raises(UserError, match="another architecture"):
        weights.load_backbone(model, str(tmp_path / "cnn.safetensors"))


class Server:
    """Serves one file, ends some connections early, and remembers what was asked."""

    def __init__(self, content: bytes, break_after: list[int]) -> None:
        outer = self
        self.ranges: list[str | None] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.ranges.append(asked)
                start = int(asked.split("=")[1].rstrip("-")) if asked else 0
                body = content[start:]
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: break_after.pop(0)] if break_after else body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


def test_download_is_resumed_checked_and_cached(tmp_path, monkeypatch):
    content = np.random.default_rng(0).bytes(3_000_000)
    name = f"resnet101-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setitem(weights.PUBLISHED, "v1", name)
    server = Server(content, [1_000_000, 700_000])
    for _ in range(2):
        with pytest.raises(UserError, match="cannot download the pretrained weights"):
            weights.download("v1", tmp_path, server.url)
    path = weights.download("v1", tmp_path, server.url)
    assert path.read_bytes() == content
    assert server.ranges[0] is None
    assert server.ranges[1:] == ["bytes=1000000-", "bytes=1700000-"]
    assert weights.download("v1", tmp_path, server.url) == path
    assert len(server.ranges) == 3  # cached
    monkeypatch.setitem(weights.PUBLISHED, "v1", "resnet101-00000000.pth")
    with pytest.raises(UserError, match="another hash"):
        weights.download("v1", tmp_path, server.url)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_without_a_network_one_sentence(tmp_path):
    with pytest.raises(UserError, match="--weights none") as caught:
        weights.download("v2", tmp_path, "http://127.0.0.1:9/")
    assert "\n" not in str(caught.value)
