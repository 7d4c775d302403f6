"""`--model timm:NAME`: networks of timm by the same trainer, commands and fine-tuning. Those that
need timm are skipped without it; the refusals without it are not."""

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from gocnn import modelfile
from gocnn.errors import UserError
from imagecls.classifier import KIND, weights
from imagecls.classifier import model as models
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.backbone import Backbone
from tests.img_runs import few
from tests.typed import good, refused

__all__ = ["few"]

SMALL = (
    "--model",
    "timm:test_resnet",
    "--size",
    48,
    "--batch",
    16,
    "--precision",
    "fp32",
    "--validations",
    1,
    "--quiet",
)


@pytest.fixture(scope="module")
def timm() -> Any:
    return pytest.importorskip("timm")


def network(name: str = "test_resnet", classes: int = 3, size: int = 48) -> Backbone:
    torch.manual_seed(0)
    built = build(ClassifierConfig("timm", tuple("abc")[:classes], size, backbone=name))
    assert isinstance(built, Backbone)
    return built


@pytest.fixture(scope="module")
def published(timm: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the right keys, for a thousand classes, as timm's are."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("timm") / "model.safetensors"
    safetensors.torch.save_file(
        timm.create_model("test_resnet", num_classes=1000).state_dict(), path
    )
    return path


@pytest.mark.parametrize(
    "name", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_mambaout"]
)
def test_it_is_the_network_of_timm(timm, name):
    """The same parameters under the same names, the same answers; features and head are its own."""
    ours = network(name).eval()
    theirs = timm.create_model(
        name, num_classes=3, **({"img_size": 48} if name == "test_vit" else {})
    )
    theirs.load_state_dict(ours.net.state_dict())
    x = torch.randn(2, 3, 48, 48)
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs.eval()(x), atol=1e-6)
        assert torch.allclose(ours.classify(ours.features(x)), ours(x), atol=1e-6)
    head = {name for name in ours.net.state_dict() if name not in ours.backbone()}
    assert sum(ours.net.state_dict()[name].ndim == 2 for name in head) == 1  # one linear layer


@pytest.mark.parametrize(
    ("learning", "moving"),
    [
        ((), ("fc",)),
        (("layer4",), ("layer4", "fc")),
        (("layer3.0", "layer4"), ("layer3", "layer4", "fc")),
        (("last",), ("layer4", "fc")),
        (("all",), ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc")),
    ],
)
def test_frozen_parts_and_their_normalisations_stay(timm, learning, moving):
    ours = network()
    ours.freeze(learning)
    ours.train()
    before = {name: tensor.clone() for name, tensor in ours.net.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in ours.parameters() if p.requires_grad], 0.1)
    loss = nn.functional.cross_entropy(ours(torch.randn(8, 3, 48, 48)), torch.arange(8) % 3)
    loss.backward()
    optimiser.step()
    changed = {
        name.split(".")[0]
        for name, tensor in ours.net.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert changed == set(moving)


def test_fine_tuning_by_the_command(few, published, tmp_path):
    """From a file: the head alone first, then the last stage, slower; the run answers, explains,
    is exported to another run, and goes on."""
    out = tmp_path / "r"
    good(
        "img-train",
        few,
        "--out",
        out,
        "--epochs",
        1,
        *SMALL,
        "--weights",
        published,
        "--head-epochs",
        1,
        "--rates",
        "layer4=0.1",
    )
    state = safetensors.torch.load_file(published)
    head = modelfile.load(out / "head" / "last.safetensors", "image-classifier").tensors
    final = modelfile.load(out / "last.safetensors", "image-classifier").tensors
    for name, tensor in state.items():
        if not name.startswith("fc."):
            assert torch.equal(head[f"net.{name}"], tensor), name
            assert torch.equal(final[f"net.{name}"], tensor) or name.startswith("layer4"), name
    assert any(not torch.equal(final[n], head[n]) for n in head if n.startswith("net.layer4"))
    wishes = json.loads((out / "run.json").read_text())["wishes"]
    assert wishes["train"]["optimiser"] == "adamw"
    assert wishes["network"]["backbone"] == "test_resnet"
    assert wishes["network"]["mean"] == [0.5, 0.5, 0.5]
    assert wishes["train"]["rate_factors"] == [["net.layer4.", 0.1]]
    assert "accuracy" in good("img-eval", few, "--model", out)
    photo = few / "validation" / "soup" / "000.jpg"
    good("img-explain", photo, "--model", out, "--picture", tmp_path / "e.png")
    good("img-features", few, "--model", out, "--picture", tmp_path / "f.png", "--layer", "middle")
    good("img-train", "--out", out, "--resume", "--epochs", 2, "--quiet")
    good("img-export", out, "--onnx", tmp_path / "r.onnx")
    answers = [
        json.loads(good("img-predict", photo, "--model", each, "--json"))
        for each in (out, tmp_path / "r.onnx")
    ]
    (first, second) = ([c["probability"] for c in each[0]["classes"]] for each in answers)
    assert first == pytest.approx(second, abs=1e-4)
    shutil.copytree(few, tmp_path / "fewer")
    for part in ("training", "validation"):
        shutil.rmtree(tmp_path / "fewer" / part / "sushi")
    good(
        "img-train",
        tmp_path / "fewer",
        "--out",
        tmp_path / "r2",
        "--steps",
        1,
        *SMALL,
        "--weights",
        out,
    )
    predictor = models.load(tmp_path / "r2")
    assert len(predictor.config.classes) == 5


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_training_begins_with_one_of_timm(timm, few, tmp_path, name):
    """With a head for other classes; a vision transformer keeps the size that it can see."""
    source, given = tmp_path / "s.safetensors", network(name)
    config = ClassifierConfig("timm", tuple("abc"), 48, 60, backbone=name)
    modelfile.save(source, KIND, asdict(config), {}, given.state_dict())
    still = ["--steps", "1", "--batch", "8", "--precision", "fp32", "--validations", "1", "--quiet"]
    still += ["--learning-rate", "1e-30", "--weight-decay", "0", "--ema", "0"]
    good("img-train", few, "--from", source, "--out", tmp_path / "r", *still)
    found = modelfile.load(tmp_path / "r", KIND)
    assert (found.config["backbone"], found.config["size"]) == (name, 48)
    assert len(found.config["classes"]) == 6
    before, body = given.state_dict(), [*given.backbone()]
    assert body
    for key in body:
        if "running" not in key and "num_" not in key:
            kept = found.tensors[f"net.{key}"]
            assert torch.allclose(kept, before[f"net.{key}"], rtol=0, atol=1e-20), key
    larger = ("img-train", few, "--from", source, "--out", tmp_path / "l", "--size", 64, *still)
    if name == "test_vit":
        assert "do not fit pictures of 64 pixels" in refused(1, *larger)
    else:
        good(*larger)


def test_what_is_refused(few, published, tmp_path, monkeypatch):
    out = tmp_path / "x"
    call = ("img-train", few, "--out", out, "--steps", 1, *SMALL[2:])
    text = refused(1, *call, "--model", "timm:resnet_18")
    assert "has no network 'resnet_18'; near names are resnet18" in text
    assert "fetched from elsewhere" in refused(1, *call, "--model", "timm:hf-hub:timm/resnet18")
    assert "nonsense" in refused(1, *call, "--model", "timm:resnet18.nonsense")
    mine = (*call, "--model", "timm:test_resnet")
    # 127.0.0.1:9 answers nobody
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    text = refused(1, *mine)
    assert "the weights of timm:test_resnet cannot be had" in text
    assert "--weights none" in text
    assert "no part layer9 in timm:test_resnet; the parts are conv1" in refused(
        1, *mine, "--weights", "none", "--unfreeze", "layer9"
    )
    assert "--rates: there is no part layer9; the parts are conv1" in refused(
        1, *mine, "--weights", "none", "--rates", "layer9=0.1"
    )
    assert "no weights file gone.pth" in refused(1, *mine, "--weights", "gone.pth")
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "other.pth")
    text = refused(1, *mine, "--weights", tmp_path / "other.pth")
    assert "of another architecture" in text
    assert "give a file of timm:test_resnet" in text
    (tmp_path / "cut.safetensors").write_bytes(published.read_bytes()[:500])
    assert "cut.safetensors" in refused(1, *mine, "--weights", tmp_path / "cut.safetensors")
    assert "is of --model cnn, and" in refused(2, *mine, "--pool", "max")
    assert "is not of timm:test_resnet" in refused(2, *mine, "--weights", "v1")
    assert "choose another --size" in refused(
        1, *call[:-5], "--model", "timm:test_vit", "--weights", "none", "--size", 50, "--batch", 8
    )
    assert not out.exists()


def test_a_vision_transformer_has_no_grad_cam(timm, few, tmp_path):
    """It trains and answers; what needs feature maps says so in a sentence."""
    out = tmp_path / "v"
    good(
        "img-train",
        few,
        "--out",
        out,
        "--steps",
        1,
        "--model",
        "timm:test_vit",
        "--weights",
        "none",
        *SMALL[2:],
    )
    photo = few / "validation" / "soup" / "000.jpg"
    good("img-predict", photo, "--model", out)
    text = good(
        "img-features",
        few,
        "--model",
        out,
        "--picture",
        tmp_path / "f.png",
        "--layer",
        "net.blocks.1",
    )
    assert "averaged over its" in text
    assert "no feature maps" in refused(
        1, "img-explain", photo, "--model", out, "--picture", tmp_path / "e.png"
    )


def test_without_timm_it_is_one_sentence(few, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    for name in ("test_resnet", "nothing"):
        text = refused(1, "img-train", few, "--out", tmp_path / "x", "--model", f"timm:{name}")
        assert "pip install timm" in text
        assert "the extra timm" in text
    with pytest.raises(UserError, match="pip install timm"):
        build(ClassifierConfig("timm", ("a", "b"), backbone="test_resnet"))
    assert "is of --model cnn" in refused(
        2, "img-train", few, "--out", tmp_path / "x", "--model", "timm:x", "--pool", "min"
    )
    call = ("img-train", few, "--out", tmp_path / "x", "--model")
    for name, said in (
        ("resnet18", "is not cnn, resnet or resnet101; networks of the package timm are called"),
        ("resnet18", "such as timm:resnet18"),
        (
            "timm/vit_tiny_patch16_224.augreg_in21k",
            "such as timm:vit_tiny_patch16_224.augreg_in21k",
        ),
        ("EfficientNet_B0", "such as timm:efficientnet_b0"),
        ("ResNet", "is not cnn, resnet or resnet101; write resnet"),
        ("", "are called timm:NAME"),
        ("my net", "are called timm:NAME"),
    ):
        text = refused(2, *call, name)
        assert "Invalid value for '--model'" in text
        assert said in text
        assert ("such as" in text) == ("such as" in said or name == "resnet18")
    with pytest.raises(TypeError):
        weights.load_backbone(nn.Linear(1, 1), "x")  # type: ignore[arg-type]
