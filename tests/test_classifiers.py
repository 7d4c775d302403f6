"""The three classifiers: their layers, names, freezing and learning rates."""

from typing import Any

import pytest
import torch
from torch import nn

from gocnn.training import TrainConfig, optim
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.resnet101 import FineTuner, ResNet101
from imagecls.classifier.rates import need_parts
from tests.classifiers import CLASSES, SMALL


@pytest.mark.parametrize("pool", ["max", "min", "mean"])
def test_cnn_is_convolution_and_pooling_repeated(pool):
    model = build(ClassifierConfig("cnn", CLASSES, pool=pool))
    kinds = [
        type(m).__name__
        for m in model.modules()
        if isinstance(m, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d | nn.Linear)
    ]
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
    convolutions = [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0])
        for m in model.modules()
        if isinstance(m, nn.Conv2d)
    ]
    expected = [(3, 64, 3, 1)]
    for a, b in ((64, 128), (128, 256), (256, 512)):
        expected += [(a, b, 3, 2), (b, b, 3, 1), (a, b, 1, 2)]  # the last is the projection
    assert convolutions == expected
    assert [
        (m.in_features, m.out_features) for m in model.modules() if isinstance(m, nn.Linear)
    ] == [(512, 1024), (1024, 512), (512, 11)]
    deeper = build(
        ClassifierConfig(
            "resnet", CLASSES, widths=(16, 32, 64), blocks=3, stem_stride=2, context="se", hidden=()
        )
    )
    assert sum(isinstance(m, nn.Conv2d) for m in deeper.modules()) == 1 + 2 * (3 + 2 * 2)
    assert deeper.eval()(torch.randn(2, 3, 64, 64)).shape == (2, 3)
    means = build(ClassifierConfig("resnet", CLASSES, widths=(8, 16, 32), shrink="mean"))
    assert sum(isinstance(m, nn.AvgPool2d) for m in means.modules()) == 2


def test_resnet101_has_torchvisions_names_and_sizes():
    """Facts of the published network: 44,549,160 parameters, 626 tensors, and the shape of each
    stage."""
    model = ResNet101()
    state = model.state_dict()
    assert sum(p.numel() for p in model.parameters()) == 44_549_160
    assert len(state) == 626
    assert [
        sum(1 for k in state if k.startswith(f"layer{i}.") and k.endswith("conv3.weight"))
        for i in (1, 2, 3, 4)
    ] == [3, 4, 23, 3]
    shapes = {
        "conv1.weight": (64, 3, 7, 7),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer2.0.conv2.weight": (128, 128, 3, 3),
        "layer3.22.bn3.running_var": (1024,),
        "layer4.0.downsample.1.bias": (2048,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
        "fc.weight": (1000, 2048),
        "fc.bias": (1000,),
    }
    for name, shape in shapes.items():
        assert tuple(state[name].shape) == shape, name
    strides = {
        name: m.stride
        for name, m in model.named_modules()
        if isinstance(m, nn.Conv2d) and m.stride != (1, 1)
    }
    assert set(strides) == {
        "conv1",
        *(f"layer{i}.0.{part}" for i in (2, 3, 4) for part in ("conv2", "downsample.0")),
    }


def test_resnet101_equals_torchvisions():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    # in fp64: untrained, its logits are in the thousands, where fp32 is off by hundredths
    theirs = torchvision.models.resnet101(weights=None).double().eval()
    ours = ResNet101().double().eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 96, 96, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-9, atol=1e-9)


def test_fine_tuners_head_is_the_homeworks():
    model = build(ClassifierConfig("resnet101", tuple("abcdefghijk"), dropout=0.2, **SMALL))
    kinds = [
        (type(m).__name__, getattr(m, "out_features", getattr(m, "p", None)))
        for m in model.get_submodule("fc").children()
    ]
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
    optimisers = optim.build_optimisers(
        model, TrainConfig(steps=1, optimiser="adamw", learning_rate=0.01, weight_decay=0.1)
    )
    for _ in range(3):
        model.train()
        nn.functional.cross_entropy(
            model(torch.randn(8, 3, 64, 64)), torch.arange(8) % 3
        ).backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
    moved = {
        name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert all(name.startswith(("layer4.", "fc.")) for name in moved)
    # In layer4 and the head all moves, running statistics too.
    assert {name for name in before if name.startswith(("layer4.", "fc."))} == moved
    assert model.get_submodule("layer4").training
    assert not model.get_submodule("layer3").training
    assert not model.bn1.training
    model.freeze(("layer3", "layer4"))
    assert model.get_submodule("layer3").training
    with pytest.raises(
        ValueError, match="there is no part layer9; the parts are conv1, bn1, layer1"
    ):
        model.freeze(("layer9",))


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_discriminative_learning_rates(optimiser):
    model = build(ClassifierConfig("resnet101", CLASSES, hidden=(8,), **SMALL))
    config = TrainConfig(
        steps=1,
        optimiser=optimiser,
        learning_rate=0.01,
        rate_factors=(("layer", 0.5), ("layer4", 0.1), ("conv1", 0.0)),
    )
    rates: dict[int, float] = {}
    for o in optim.build_optimisers(model, config):
        for group in o.param_groups:
            rates |= {id(p): group["initial_lr"] for p in group["params"]}
    for name, parameter in model.named_parameters():
        expected = (
            0.001
            if name.startswith("layer4")
            else 0.005
            if name.startswith("layer")
            else 0.0
            if name.startswith("conv1")
            else 0.01
        )
        assert rates[id(parameter)] == pytest.approx(expected), name
    assert len(rates) == len(list(model.parameters()))


def test_a_part_is_not_another_whose_name_begins_alike():
    factors = (("blocks.1.", 0.5), ("token.", 0.2), ("blocks.", 0.3), ("conv", 0.1))
    names = ("blocks.1.weight", "blocks.10.weight", "token", "tokens", "conv1.weight")
    assert [optim._factor(name, factors) for name in names] == [0.5, 0.3, 0.2, 1.0, 0.1]


@pytest.mark.parametrize("kind", ["resnet101", "resnet", "cnn"])
def test_rates_are_of_parts_that_are_there_and_learn(kind):
    """Each part by its own name; nothing else, neither a shorter nor a longer name."""
    rest: Any = {"widths": (4, 8)} if kind != "resnet101" else SMALL
    model = build(ClassifierConfig(kind, CLASSES, 32, hidden=(8,), **rest))
    parts = {name.split(".")[0] for name, _ in model.named_parameters()}
    need_parts(model, [(f"{part}.", 0.1) for part in parts])
    first = min(parts)
    for wrong in ("layer9", first[:-1], f"{first}1"):
        with pytest.raises(ValueError, match=f"there is no part {wrong}; the parts are") as caught:
            need_parts(model, [(f"{wrong}.", 0.1)])
        assert set(str(caught.value).split("parts are ")[1].split(", ")) == parts
    if isinstance(model, FineTuner):
        model.freeze(("layer4",))
        need_parts(model, [("layer4.0.", 0.1), ("fc.", 1.0)])
        with pytest.raises(ValueError, match="the part layer3 is frozen"):
            need_parts(model, [("layer4.", 0.1), ("layer3.", 0.1)])
