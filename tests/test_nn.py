"""Blocks, pooling, heads and descriptions: shapes, gradients, torch's own operators, brute
force."""

import subprocess
import sys
from typing import get_args

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.nn import (
    Block,
    Bottleneck,
    ClassHead,
    ConvNormAct,
    GlobalBias,
    MinPool2d,
    PointHead,
    ResidualBlock,
    SqueezeExcite,
    initialise,
    pooling,
    trunk,
)
from gocnn.nn.describe import describe
from gocnn.policy.network import PRESETS, PolicyConfig, PolicyNetwork, preset
from gocnn.policy.task import FUTURE_WEIGHT, PolicyTask
from tests.conftest import ROOT

SMALL = PolicyConfig(blocks=2, channels=16, head=8)


def modules() -> dict[str, tuple[nn.Module, tuple[int, ...], tuple[int, ...]]]:
    """Name: module, input shape, output shape."""
    return {
        "conv": (ConvNormAct(3, 8, 5), (2, 3, 19, 19), (2, 8, 19, 19)),
        "conv stride": (ConvNormAct(3, 8, 3, stride=2), (2, 3, 20, 20), (2, 8, 10, 10)),
        "residual": (ResidualBlock(8), (2, 8, 19, 19), (2, 8, 19, 19)),
        "residual down": (ResidualBlock(8, 16, 2), (2, 8, 20, 20), (2, 16, 10, 10)),
        "residual mean": (ResidualBlock(8, 16, 2, shrink="mean"), (2, 8, 19, 19), (2, 16, 10, 10)),
        "residual se": (ResidualBlock(8, context="se"), (2, 8, 19, 19), (2, 8, 19, 19)),
        "residual bias": (ResidualBlock(8, context="bias"), (2, 8, 19, 19), (2, 8, 19, 19)),
        **{
            f"trunk {kind}": (trunk(kind, 2, 8, "se"), (2, 8, 19, 19), (2, 8, 19, 19))
            for kind in get_args(Block)
        },
        "bottleneck": (Bottleneck(16, 8, 2), (2, 16, 20, 20), (2, 32, 10, 10)),
        "bottleneck same": (Bottleneck(32, 8), (2, 32, 10, 10), (2, 32, 10, 10)),
        "point head": (PointHead(8, 361), (2, 8, 19, 19), (2, 362)),
        "class head": (ClassHead(8, 11, (32, 16), norm=True, dropout=0.2), (2, 8, 5, 5), (2, 11)),
        "policy": (PolicyNetwork(SMALL), (2, 21, 19, 19), (2, 362)),
    }


@pytest.mark.parametrize("name", modules())
def test_shapes_no_nan_and_a_gradient_for_every_parameter(name: str) -> None:
    module, shape, expected = modules()[name]
    torch.manual_seed(0)
    out = module(torch.randn(shape))
    assert out.shape == expected
    assert out.isfinite().all()
    out.square().sum().backward()
    for key, parameter in module.named_parameters():
        assert parameter.grad is not None, key


def test_the_residual_block_is_the_lectures_formula() -> None:
    block = ResidualBlock(4, 6, 2).eval()
    x = torch.randn(3, 4, 8, 8)
    f = nn.functional
    part, weight = block.get_submodule, block.get_parameter
    y = part("first.1")(f.conv2d(x, weight("first.0.weight"), stride=2, padding=1))
    y = part("second.1")(f.conv2d(torch.relu(y), weight("second.0.weight"), padding=1))
    shortcut = part("shortcut.1")(f.conv2d(x, weight("shortcut.0.weight"), stride=2))
    assert torch.allclose(block(x), torch.relu(y + shortcut), atol=1e-6)


def test_a_shortcut_of_means_passes_nothing_over() -> None:
    """The mean of each 2x2 window, of fewer points at an odd edge, then 1x1; the rest as ever."""
    block = ResidualBlock(4, 6, 2, shrink="mean").eval()
    x = torch.randn(3, 4, 7, 8)
    part, weight = block.get_submodule, block.get_parameter
    means = torch.stack(
        [
            torch.stack([x[:, :, i : i + 2, j : j + 2].mean((2, 3)) for j in range(0, 8, 2)], 2)
            for i in range(0, 7, 2)
        ],
        2,
    )
    shortcut = part("shortcut.1.1")(nn.functional.conv2d(means, weight("shortcut.1.0.weight")))
    y = block.second(block.first(x))
    assert torch.allclose(block(x), torch.relu(y + shortcut), atol=1e-6)
    assert (
        ResidualBlock(4, 4, shrink="mean").state_dict().keys()
        == ResidualBlock(4).state_dict().keys()
    )


def test_pooling_against_torch() -> None:
    x = torch.randn(2, 3, 9, 9)
    windows = x.unfold(2, 3, 2).unfold(3, 3, 2).flatten(4)
    assert torch.equal(pooling("min", 3, 2)(x), windows.amin(4))
    assert torch.equal(pooling("max", 3, 2)(x), windows.amax(4))
    assert torch.allclose(pooling("mean", 3, 2)(x), windows.mean(4), atol=1e-6)
    assert torch.equal(MinPool2d(3, 1, padding=1)(torch.ones(1, 1, 3, 3)), torch.ones(1, 1, 3, 3))
    with pytest.raises(ValueError, match="max, min or mean"):
        pooling("median")  # type: ignore[arg-type]


def test_bottleneck_has_torchvisions_parameter_names() -> None:
    names = {n for n, _ in Bottleneck(64, 64).named_parameters()}
    assert names == {
        f"{layer}.{part}"
        for layer, parts in (
            ("conv1", ("weight",)),
            ("conv2", ("weight",)),
            ("conv3", ("weight",)),
            *((f"bn{i}", ("weight", "bias")) for i in (1, 2, 3)),
            ("downsample.0", ("weight",)),
            ("downsample.1", ("weight", "bias")),
        )
        for part in parts
    }


def test_contexts_keep_the_picture_and_see_all_of_it() -> None:
    for module in (SqueezeExcite(8), GlobalBias(8)):
        x = torch.randn(1, 8, 19, 19, requires_grad=True)
        out = module(x)
        assert out.shape == x.shape
        gradient = torch.autograd.grad(out[0, :, 9, 9].sum(), x)[0]
        assert (gradient.abs().sum(1) > 0).float().mean() > (
            0.9 if isinstance(module, SqueezeExcite) else 0.001
        )


@pytest.mark.parametrize("kind", get_args(Block))
def test_residual_branches_begin_silent(kind: Block) -> None:
    block = trunk(kind, 1, 8, "none")[0]
    initialise(block)
    x = torch.rand(2, 8, 5, 5)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("name", PRESETS)
def test_every_activation_is_19x19_until_the_head(name: str) -> None:
    """The board may not be shrunk: no pooling and no stride anywhere, and every map keeps its 19x19
    points."""
    network = PolicyNetwork(preset(name, blocks=2, channels=16)).eval()
    banned = nn.MaxPool2d | nn.AvgPool2d | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d
    seen = []
    for key, module in network.named_modules():
        assert not isinstance(module, banned), key
        if isinstance(module, nn.Conv2d):
            assert module.stride == (1, 1), key
        if not key.startswith("head"):
            module.register_forward_hook(lambda m, i, out, key=key: seen.append((key, out.shape)))
    network(torch.zeros(1, 21, 19, 19))
    maps = [(key, shape) for key, shape in seen if len(shape) == 4]
    assert len(maps) > 20
    assert all(shape[2:] == (19, 19) for _, shape in maps)
    contexts = [
        key + "."
        for key, module in network.named_modules()
        if isinstance(module, SqueezeExcite | GlobalBias)
    ]
    flat = [key for key, shape in seen if key and len(shape) != 4]
    assert all(key.startswith(tuple(contexts)) for key in flat), flat


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        *(
            (
                PolicyNetwork(PolicyConfig(blocks=3, channels=8, context="none", block=kind)),
                (21, 19, 19),
            )
            for kind in get_args(Block)
        ),
        (
            nn.Sequential(
                ConvNormAct(3, 4, 5, stride=2),
                nn.MaxPool2d(2),
                ResidualBlock(4, 8, 2),
                ConvNormAct(8, 8, 3),
            ),
            (3, 64, 64),
        ),
        (
            nn.Sequential(
                ConvNormAct(3, 8, 7, stride=2),
                nn.MaxPool2d(3, 2, 1),
                Bottleneck(8, 4),
                Bottleneck(16, 4, 2),
            ),
            (3, 96, 96),
        ),
    ],
)
def test_receptive_field_is_the_support_of_the_gradient(
    network: nn.Module, shape: tuple[int, int, int]
) -> None:
    described = describe("x", network, shape)
    maps = network.eval()
    if isinstance(network, PolicyNetwork):
        maps = nn.Sequential(network.stem, network.blocks)
    # ReLU and maximum hide part of the support: make every path carry a positive gradient
    for module in maps.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.01)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    side = described.receptive_field()[0]
    x = torch.rand(1, *shape, requires_grad=True) + 1
    x.retain_grad()
    if any(isinstance(m, nn.MaxPool2d) for m in maps.modules()):
        maps = nn.Sequential(
            *[
                (
                    nn.AvgPool2d(m.kernel_size, m.stride, m.padding)
                    if isinstance(m, nn.MaxPool2d)
                    else m
                )
                for m in maps.children()
            ]
        )
    out = maps(x)
    out[0, :, out.shape[2] // 2, out.shape[3] // 2].sum().backward()
    assert x.grad is not None
    rows = torch.nonzero(x.grad[0].abs().sum((0, 2)) > 0).ravel()
    assert int(rows[-1] - rows[0]) + 1 == min(side, shape[1])


@pytest.mark.parametrize("name", ["policy", "residual down", "bottleneck", "class head"])
def test_macs_are_torchs_own_count(name: str) -> None:
    module, shape, _ = modules()[name]
    described = describe(name, module, shape[1:] if len(shape) == 4 else shape)  # type: ignore[arg-type]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module.eval()(torch.zeros(1, *shape[1:]))
    assert counter.get_total_flops() == 2 * described.macs
    assert described.parameters == sum(p.numel() for p in module.parameters())


def test_the_lectures_number() -> None:
    described = describe("lecture", ConvNormAct(3, 64, 3), (3, 100, 100))
    assert described.dense_first_layer == 3 * 10**7
    assert described.layers[0].parameters == 3 * 3 * 3 * 64
    assert described.layers[0].fully_connected == 30000 * 640000


def test_presets_cover_the_board_as_described() -> None:
    small = describe("small", PolicyNetwork(preset("small")), (21, 19, 19)).to_json()
    assert small["receptive_field"] == 29
    assert small["covers_input_from_centre"]
    assert not small["covers_input_from_corner"]
    assert small["context_sees_all"]
    assert describe("base", PolicyNetwork(preset("base")), (21, 19, 19)).to_json()[
        "covers_input_from_corner"
    ]


def test_bad_shapes_are_refused() -> None:
    for wrong in (
        {"blocks": 0},
        {"channels": -1},
        {"stem_kernel": 4},
        {"plane_groups": ("nothing",)},
    ):
        with pytest.raises(ValueError):
            PolicyConfig(**wrong)


def test_a_network_that_foresees_later_moves() -> None:
    torch.manual_seed(0)
    network = PolicyNetwork(PolicyConfig(blocks=1, channels=8, future=2))
    shown = torch.randint(0, 2, (4, plane_count(DEFAULT_GROUPS), 19, 19), dtype=torch.uint8)
    moves = torch.tensor([[3, 361, -1], [4, 5, 6], [0, -1, -1], [360, 2, 1]])
    logits = network(shown.float())
    assert logits.shape == (4, 3, 362)
    nats = -logits.log_softmax(2)
    wanted = (
        sum(
            nats[i, 0, moves[i, 0]]
            + FUTURE_WEIGHT * sum(nats[i, k, moves[i, k]] for k in (1, 2) if moves[i, k] >= 0)
            for i in range(4)
        )
        / 4
    )
    assert torch.isclose(PolicyTask().loss(network, (shown, moves))[0], torch.as_tensor(wanted))
    # Without the later heads, the same weights give the same answer.
    plain = PolicyNetwork(PolicyConfig(blocks=1, channels=8))
    plain.load_state_dict(
        {k: v for k, v in network.state_dict().items() if not k.startswith("later.")}
    )
    assert network.eval()(shown.float()).shape == (4, 362)
    assert torch.equal(network(shown.float()), plain.eval()(shown.float()))


CONVOLUTIONS = """
import torch
from torch import nn
from gocnn.nn import Bottleneck, ConvNormAct, Pointwise, ResidualBlock
torch.set_num_threads(1)
torch.manual_seed(0)
worst = 0.0
for make in (lambda c, s: Pointwise(c, 2 * c, s), lambda c, s: ConvNormAct(c, 2 * c, 1, stride=s), lambda c, s: ResidualBlock(c, 2 * c, s), lambda c, s: Bottleneck(c, c, s)):
    for channels in (1, 3, 6, 8):
        for stride, side in ((2, 16), (2, 56), (3, 32)):
            ours, plain = make(channels, stride), make(channels, stride)
            plain.load_state_dict(ours.state_dict())
            for part in plain.modules():
                part.__class__ = nn.Conv2d if type(part) is Pointwise else part.__class__
            ours, plain = ours.eval().to(memory_format=torch.channels_last), plain.eval().double()
            x = torch.randn(4, channels, side, side)
            inputs = x.to(memory_format=torch.channels_last).requires_grad_(), x.double().requires_grad_()
            weight = torch.randn_like(plain(inputs[1]))
            for net, given, kind in ((ours, inputs[0], torch.float32), (plain, inputs[1], torch.float64)):
                (net(given) * weight.to(kind)).sum().backward()
            pairs = [(inputs[0].grad, inputs[1].grad), *((p.grad, q.grad) for p, q in zip(ours.parameters(), plain.parameters()))]
            for mine, true in pairs:
                error = float((mine.double() - true).abs().max() / true.abs().max().clamp(min=1e-3))
                assert error < 1e-3, (type(ours).__name__, channels, stride, side, error)
"""


def test_convolutions_of_few_channels_with_a_stride_have_the_right_gradients() -> None:
    """Against torch's own in double precision and the other layout. In a process of its own, since
    what this guards against can end the process."""
    result = subprocess.run(
        [sys.executable, "-c", CONVOLUTIONS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, (result.returncode, result.stderr[-800:])
