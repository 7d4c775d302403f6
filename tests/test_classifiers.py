"""The three classifiers, pretrained weights, freezing, explaining, submissions."""

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

from gocnn.errors import UserError
from gocnn.training import TrainConfig, modelfile, optim
from imagecls import explain, submission, weights
from imagecls.collection import Photo
from imagecls.evaluation import Judged, confusion, figures, worst
from imagecls.model import VIEWS, Ensemble, Predictor, softmax
from imagecls.models import ClassifierConfig, build
from imagecls.models.resnet101 import FineTuner, ResNet101
from imagecls.training import class_weights

CLASSES = ("a", "b", "c")
SMALL = {"depths": (1, 1, 2, 1), "base": 8}


def predictor(config: ClassifierConfig, seed: int = 0) -> Predictor:
    torch.manual_seed(seed)
    network = build(config).eval()
    for module in network.modules():  # not the identity, so that mistakes in normalisation show
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, 0, 0.1)
    return Predictor(network, config, {}, Path("m"), torch.device("cpu"))


# --- networks ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", ["max", "min", "mean"])
def test_cnn_is_convolution_and_pooling_repeated(pool):
    model = build(ClassifierConfig("cnn", CLASSES, pool=pool))
    kinds = [type(m).__name__ for m in model.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d | nn.Linear)]
    name = {"max": "MaxPool2d", "min": "MinPool2d", "mean": "AvgPool2d"}[pool]
    assert kinds == ["Conv2d", name] * 5 + ["Linear"] * 3
    assert model.eval()(torch.randn(2, 3, 128, 128)).shape == (2, 3)
    x = torch.randn(2, 3, 128, 128)
    assert model.features(x).shape == (2, 512, 4, 4)
    with pytest.raises(ValueError, match="shrink 16 pixels to nothing"):
        build(ClassifierConfig("cnn", CLASSES, size=16))


def test_resnet_is_the_lectures():
    """Every convolution and linear layer, in order: channels, kernel, stride."""
    model = build(ClassifierConfig("resnet", tuple("abcdefghijk")))
    convolutions = [(m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0]) for m in model.modules() if isinstance(m, nn.Conv2d)]
    expected = [(3, 64, 3, 1)]
    for a, b in ((64, 128), (128, 256), (256, 512)):
        expected += [(a, b, 3, 2), (b, b, 3, 1), (a, b, 1, 2)]  # the last is the projection
    assert convolutions == expected
    assert [(m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)] == [(512, 1024), (1024, 512), (512, 11)]
    deeper = build(ClassifierConfig("resnet", CLASSES, widths=(16, 32, 64), blocks=3, stem_stride=2, context="se", hidden=()))
    assert sum(isinstance(m, nn.Conv2d) for m in deeper.modules()) == 1 + 2 * (3 + 2 * 2)
    assert deeper.eval()(torch.randn(2, 3, 64, 64)).shape == (2, 3)


def test_resnet101_has_torchvisions_names_and_sizes():
    """Facts of the published network: 44,549,160 parameters, 626 tensors, and the shape of each stage."""
    model = ResNet101()
    state = model.state_dict()
    assert sum(p.numel() for p in model.parameters()) == 44_549_160
    assert len(state) == 626
    assert [sum(1 for k in state if k.startswith(f"layer{i}.") and k.endswith("conv3.weight")) for i in (1, 2, 3, 4)] == [3, 4, 23, 3]
    shapes = {"conv1.weight": (64, 3, 7, 7), "layer1.0.downsample.0.weight": (256, 64, 1, 1), "layer2.0.conv2.weight": (128, 128, 3, 3),
              "layer3.22.bn3.running_var": (1024,), "layer4.0.downsample.1.bias": (2048,), "layer4.2.conv3.weight": (2048, 512, 1, 1),
              "fc.weight": (1000, 2048), "fc.bias": (1000,)}  # fmt: skip
    for name, shape in shapes.items():
        assert tuple(state[name].shape) == shape, name
    strides = {name: m.stride for name, m in model.named_modules() if isinstance(m, nn.Conv2d) and m.stride != (1, 1)}
    assert set(strides) == {"conv1", *(f"layer{i}.0.{part}" for i in (2, 3, 4) for part in ("conv2", "downsample.0"))}


def test_resnet101_equals_torchvisions():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    theirs = torchvision.models.resnet101(weights=None).eval()
    ours = ResNet101().eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        assert (ours(x) - theirs(x)).abs().max() < 1e-4


def test_fine_tuners_head_is_the_homeworks():
    model = build(ClassifierConfig("resnet101", tuple("abcdefghijk"), dropout=0.2, **SMALL))
    kinds = [(type(m).__name__, getattr(m, "out_features", getattr(m, "p", None))) for m in model.fc]
    hidden = [
        ("Linear", 1024),
        ("BatchNorm1d", None),
        ("ReLU", None),
        ("Dropout", 0.2),
        ("Linear", 512),
        ("BatchNorm1d", None),
        ("ReLU", None),
        ("Dropout", 0.2),
    ]
    assert kinds == [*hidden, ("Linear", 11)]


def test_frozen_parts_do_not_move_at_all():
    torch.manual_seed(0)
    model = build(ClassifierConfig("resnet101", CLASSES, dropout=0.2, hidden=(16, 8), **SMALL))
    assert isinstance(model, FineTuner)
    model.freeze(("layer4",))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimisers = optim.build(model, TrainConfig(steps=1, optimiser="adamw", learning_rate=0.01, weight_decay=0.1))
    for _ in range(3):
        model.train()
        nn.functional.cross_entropy(model(torch.randn(8, 3, 64, 64)), torch.arange(8) % 3).backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert all(name.startswith(("layer4.", "fc.")) for name in moved)
    # In layer4 and the head all moves, running statistics too.
    assert {name for name in before if name.startswith(("layer4.", "fc."))} == moved
    assert model.layer4.training
    assert not model.layer3.training
    assert not model.bn1.training
    model.freeze(("layer3", "layer4"))
    assert model.layer3.training
    with pytest.raises(ValueError, match="there is no part layer9; the parts are conv1, bn1, layer1"):
        model.freeze(("layer9",))


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_discriminative_learning_rates(optimiser):
    model = build(ClassifierConfig("resnet101", CLASSES, hidden=(8,), **SMALL))
    config = TrainConfig(steps=1, optimiser=optimiser, learning_rate=0.01, rate_factors=(("layer", 0.5), ("layer4", 0.1), ("conv1", 0.0)))
    rates: dict[int, float] = {}
    for o in optim.build(model, config):
        for group in o.param_groups:
            rates |= {id(p): group["initial_lr"] for p in group["params"]}
    for name, parameter in model.named_parameters():
        expected = 0.001 if name.startswith("layer4") else 0.005 if name.startswith("layer") else 0.0 if name.startswith("conv1") else 0.01
        assert rates[id(parameter)] == pytest.approx(expected), name
    assert len(rates) == len(list(model.parameters()))


# --- weights -------------------------------------------------------------------------------------------------------------------------


def fine_tuner() -> FineTuner:
    model = build(ClassifierConfig("resnet101", CLASSES, **SMALL))
    assert isinstance(model, FineTuner)
    return model


def published(seed: int = 1) -> dict[str, torch.Tensor]:
    """A file like torchvision's: the same names (with the 1000 classes' layer), for the small network."""
    torch.manual_seed(seed)
    state = ResNet101(1000, **SMALL).state_dict()
    return {name: torch.randn_like(t) if t.is_floating_point() else t + 7 for name, t in state.items()}


@pytest.mark.parametrize("kind", ["pth", "old pth", "safetensors"])
def test_published_weights_load_strictly(tmp_path, kind):
    import safetensors.torch

    state = published()
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pth")
    if kind == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state if kind == "pth" else {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}, path)
    model = fine_tuner()
    weights.load_backbone(model, str(path))
    for name, tensor in model.backbone().items():
        assert kind == "old pth" or torch.equal(tensor, state[name]), name
        assert name.endswith("num_batches_tracked") or torch.equal(tensor, state[name]), name
    assert model.fc[-1].out_features == 3


@pytest.mark.parametrize("wrapped", [
    lambda state: {f"module.{name}": t for name, t in state.items()},
    lambda state: {"state_dict": {f"module.{name}": t for name, t in state.items()}, "epoch": 3, "arch": "resnet101"},
    lambda state: {"model": state, "optimizer": {"state": {}}, "args": argparse.Namespace(lr=0.1), "model_ema": {"n_averaged": torch.tensor(3)}},
    lambda state: {"model_state_dict": {f"module._orig_mod.{name}": t for name, t in state.items()}},
    lambda state: {"state_dict": {f"model.{name}": t for name, t in state.items()}, "hyper_parameters": {"lr": 0.1}},
    lambda state: OrderedDict((name, nn.Parameter(t) if t.is_floating_point() else t) for name, t in state.items()),
], ids=["DataParallel", "script", "torchvision", "compiled", "Lightning", "parameters"])  # fmt: skip
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
        "missing": r"lacks layer3\.1\.conv1\.weight", "extra": r"has aux\.weight", "shape": r"layer1\.0\.conv1\.weight of another shape",
        "head": "another last layer", "evil": "could run code", "plain": "could run code", "nested": "not a plain file", "other": "another architecture",
        "cut": "cut short", "text": "cut short or not|could run code", "empty": "cut short", "gone": "there is no weights file",
    }.items():  # fmt: skip
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

    modelfile.save(tmp_path / "best.safetensors", "image-classifier", asdict(config), {}, source.state_dict())
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


# --- answers -------------------------------------------------------------------------------------------------------------------------


def test_views_of_test_time_augmentation():
    p = predictor(ClassifierConfig("resnet", CLASSES, size=32, store_size=40, widths=(8, 16), hidden=()))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 40, 40), dtype=np.uint8)
    logits = p.logits(pixels, len(VIEWS))
    assert len(VIEWS) == 12
    assert np.allclose(logits[1], p.logits(pixels[..., ::-1].copy(), 1)[0], atol=1e-4)
    assert len({part.tobytes() for part in logits}) == 12
    assert np.allclose(p.probabilities(pixels, 4), np.mean([softmax(part) for part in logits[:4]], 0), atol=1e-6)
    assert np.allclose(p.probabilities(pixels, 12).sum(1), 1, atol=1e-5)


def test_ensembles_average_and_must_agree_on_classes(tmp_path):
    a = predictor(ClassifierConfig("resnet", CLASSES, size=32, store_size=40, widths=(8, 16), hidden=()), 0)
    b = predictor(ClassifierConfig("cnn", CLASSES, size=16, store_size=16, widths=(8,), hidden=(4,)), 1)
    both = Ensemble([a, b])
    assert both.formats == ((40, "squash"), (16, "squash"))
    rng = np.random.default_rng(0)
    pixels = {key: rng.integers(0, 256, (3, 3, key[0], key[0]), dtype=np.uint8) for key in both.formats}
    mean = (a.probabilities(pixels[40, "squash"]) + b.probabilities(pixels[16, "squash"])) / 2
    assert np.allclose(both.probabilities(pixels), mean, atol=1e-6)
    with pytest.raises(UserError, match="different classes"):
        Ensemble([a, predictor(ClassifierConfig("cnn", ("x", "y"), size=16, store_size=16, widths=(8,), hidden=(4,)))])


def test_figures_against_counting_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2])
    answers = np.array([0, 1, 0, 1, 2, 0])
    probabilities = np.full((6, 4), 0.1, np.float32)
    probabilities[np.arange(6), answers] = [0.7, 0.9, 0.7, 0.7, 0.8, 0.7]
    judged = Judged(probabilities, labels)
    found = figures(judged, ("a", "b", "c", "d"))
    assert confusion(judged, 4).tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    assert found["accuracy"] == 0.5
    rows = {row["class"]: row for row in found["classes"]}
    assert (rows["a"]["precision"], rows["a"]["recall"]) == (2 / 3, 2 / 3)
    assert (rows["b"]["precision"], rows["b"]["recall"]) == (0.5, 0.5)
    assert (rows["c"]["precision"], rows["c"]["recall"]) == (0.0, 0.0)
    assert (rows["d"]["precision"], rows["d"]["recall"], rows["d"]["f1"]) == (None, None, None)
    assert worst(judged, 2).tolist() == [1, 4]


def test_grad_cam_of_a_linear_head_is_the_class_activation_map():
    """With global average pooling and one linear layer, the gradient is the layer's weight: Grad-CAM is CAM (Zhou et al. 2015)."""
    p = predictor(ClassifierConfig("resnet", CLASSES, size=48, store_size=48, widths=(8, 16, 24), hidden=()))
    pixels = np.random.default_rng(1).integers(0, 256, (3, 48, 48), dtype=np.uint8)
    heat, probabilities = explain.grad_cam(p, pixels, 2)
    with torch.no_grad():
        maps = p.network.features(p.view(pixels[None]))
        weight = p.network.head[-1].weight[2]
        cam = torch.relu((weight[None, :, None, None] * maps).sum(1, keepdim=True))
        cam = nn.functional.interpolate(cam, (48, 48), mode="bilinear", align_corners=False)[0, 0]
    assert heat.shape == (48, 48)
    assert np.allclose(heat, (cam / cam.max()).numpy(), atol=1e-4)
    assert np.allclose(probabilities, p.probabilities(pixels[None])[0], atol=1e-5)


def test_filters_and_feature_maps():
    p = predictor(ClassifierConfig("cnn", CLASSES, size=32, store_size=32, widths=(8, 16), hidden=(4,)))
    pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    drawn = explain.filters(p)
    assert drawn.shape == (8, 3, 3, 3)
    assert drawn.min() == 0.0
    assert drawn.max() == 1.0
    with torch.no_grad():
        expected = p.network.stages[1](p.network.stages[0](p.view(pixels[None])))[0]
    assert np.allclose(explain.feature_maps(p, pixels, "stages.1"), expected.numpy(), atol=1e-5)
    assert explain.layers(p)[:3] == ["stages.0.0", "stages.0.1", "stages.0.2"]
    with pytest.raises(UserError, match="there is no layer nothing"):
        explain.feature_maps(p, pixels, "nothing")


def test_submission(tmp_path):
    def photos(*names: str) -> list[Photo]:
        return [Photo("test", name, -1) for name in names]

    one = np.array([0.1, 0.9], np.float32)
    zero = np.array([0.8, 0.2], np.float32)
    keys = submission.ids(photos("0001.jpg", "0002.jpg", "0003.jpg", "0004.jpg"))
    submission.write(tmp_path / "out.csv", keys, [one, zero, "cut short", one], ["3", "7"])
    assert (tmp_path / "out.csv").read_text() == "Id,Category\n0001,7\n0002,3\n0003,7\n0004,7\n"
    assert submission.ids(photos("1.jpg", "23.jpg")) == ["0001", "0023"]
    assert submission.ids(photos("cat.jpg", "dog.jpg")) == ["cat", "dog"]
    with pytest.raises(UserError, match=r"2 of them are numbers, 1 not \(test/cat.jpg\)"):
        submission.ids(photos("1.jpg", "2.jpg", "cat.jpg"))
    with pytest.raises(UserError, match="both have the id 0001"):
        submission.ids(photos("1.jpg", "01.jpg"))
    with pytest.raises(UserError, match="none of the 1 pictures"):
        submission.write(tmp_path / "none.csv", ["0001"], ["broken"], ["a", "b"])
    assert not (tmp_path / "none.csv").exists()


def test_class_weights_are_one_on_average():
    labels = np.array([0] * 6 + [1] * 2 + [3])
    weight = class_weights(labels, 4)
    assert weight[2] == 0
    assert weight[labels].mean() == pytest.approx(1.0)
    assert weight[3] / weight[0] == pytest.approx(6.0)
