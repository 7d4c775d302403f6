"""Muon: against a plain twin, against torch's, in every way it computes, and under a gradient
scaler."""

import copy
import io
from itertools import cycle
from unittest.mock import patch

import pytest
import torch
from torch import Tensor, nn

from gocnn import devices
from gocnn.policy.network import PolicyNetwork, preset
from gocnn.training import TrainConfig, muon, optim
from gocnn.training.muon import Muon, orthogonal, orthogonal_together
from plainway import Operators, PlainMuon

SHAPES = (
    (8, 4, 3, 3),
    (16, 8, 1, 1),
    (8, 4, 3, 3),
    (8, 36),
    (8, 16),
    (16, 8),
    (1, 8),
    (24, 2, 3, 3),
)
WAYS = [None, torch.float32]
"""A CPU's way, and that of GPUs, which is computed here in float32 on the CPU."""


def weights(
    layout: torch.memory_format = torch.contiguous_format, seed: int = 0
) -> list[nn.Parameter]:
    torch.manual_seed(seed)
    return [
        nn.Parameter(t.to(memory_format=layout) if t.ndim == 4 else t)
        for t in map(torch.randn, SHAPES)
    ]


def give_gradients(*lists: list[nn.Parameter], size: float = 1.0) -> None:
    for alike in zip(*lists, strict=True):
        gradient = torch.randn(alike[0].shape) * size
        for p in alike:
            p.grad = torch.empty_like(p).copy_(gradient)


def way(working: torch.dtype | None):
    return patch.object(muon, "working_type", lambda device: working)


def scaled_by(
    optimiser: torch.optim.Optimizer, scale: torch.Tensor | None, *, found_inf: torch.Tensor
) -> None:
    """What torch's GradScaler leaves on an optimiser for its step; without a scale, nothing is left
    to divide by."""
    there = vars(optimiser)
    there["found_inf"] = found_inf
    if scale is None:
        there.pop("grad_scale", None)
    else:
        there["grad_scale"] = scale


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_on_a_cpu_every_bit_is_that_of_the_plain_way(layout: torch.memory_format) -> None:
    ours, plain = weights(layout), weights(layout)
    mine, twin = Muon(ours, lr=0.1, weight_decay=0.02), PlainMuon(plain, lr=0.1, weight_decay=0.02)
    for _ in range(4):
        give_gradients(ours, plain)
        mine.step()
        twin.step()
    assert all(
        torch.equal(p, q) and p.stride() == q.stride() for p, q in zip(ours, plain, strict=True)
    )


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("working", [torch.float32, torch.bfloat16, torch.float16])
def test_as_on_gpus_it_is_the_same_up_to_rounding(
    layout: torch.memory_format, working: torch.dtype
) -> None:
    ours, plain = weights(layout), weights(layout)
    mine, twin = Muon(ours, lr=0.1, weight_decay=0.02), PlainMuon(plain, lr=0.1, weight_decay=0.02)
    begun = [p.detach().clone() for p in ours]
    with way(working):
        for _ in range(4):
            give_gradients(ours, plain)
            mine.step()
            twin.step()
    for p, q, r in zip(ours, plain, begun, strict=True):
        assert (p - q).norm() / (q - r).norm() < {
            torch.float32: 1e-3,
            torch.float16: 0.01,
            torch.bfloat16: 0.03,
        }[working]


def test_every_matrix_could_be_alone() -> None:
    together, apart = weights(), weights()
    optimisers = [
        Muon(together, lr=0.1, weight_decay=0.01),
        *(Muon([p], lr=0.1, weight_decay=0.01) for p in apart),
    ]
    for _ in range(3):
        give_gradients(together, apart)
        for optimiser in optimisers:
            optimiser.step()
    assert all(torch.allclose(p, q, atol=1e-5) for p, q in zip(together, apart, strict=True))


@pytest.mark.parametrize("working", [None, torch.float32, torch.bfloat16, torch.float16])
def test_updates_are_orthogonal_and_of_the_stated_size(working: torch.dtype | None) -> None:
    """The shapes are those of the presets; gradients may be as small as a late step's, or as large
    as a bad one's."""
    torch.manual_seed(0)
    shapes = {
        (len(p), p[0].numel())
        for name in ("small", "base", "large")
        for p in _network(name).parameters()
        if p.ndim >= 2
    }
    sizes = cycle([1e-7, 1.0, 1e6])
    with way(working):
        for shape in sorted(shapes):
            (matrix,) = orthogonal(torch.randn(1, *shape) * next(sizes))
            singular = torch.linalg.svdvals(matrix.double())
            assert 0.5 < singular.min() <= singular.max() < 1.5, shape
        for size in (1e-7, 1.0, 1e6):
            p = nn.Parameter(torch.zeros(8, 4, 3, 3))
            p.grad = torch.randn_like(p) * size
            Muon([p], lr=1.0).step()
            assert 0.1 < p.detach().square().mean().sqrt() < 0.3


def test_zeros_around_a_matrix_change_nothing() -> None:
    torch.manual_seed(0)
    shapes = [(3, 8, 40), (2, 40, 8), (1, 8, 33), (4, 5, 7), (1, 1, 9), (2, 64, 64)]
    stacks = [torch.randn(shape) for shape in shapes]
    expected = [orthogonal(stack) for stack in stacks]
    orthogonal_together(stacks, torch.float32)
    for stack, each in zip(stacks, expected, strict=True):
        assert torch.allclose(stack, each, atol=1e-4)


def test_batches_hold_every_stack_once_and_waste_little() -> None:
    muon._batches.cache_clear()
    shapes = [
        (33, 64, 576),
        (6, 256, 64),
        (6, 64, 256),
        (1, 64, 147),
        (4, 512, 1024),
        (3, 2048, 512),
        (22, 256, 2304),
        (1, 1, 4),
    ]
    batches = muon._batches(tuple(shapes))
    assert sorted(i for _, members in batches for i in members) == list(range(len(shapes)))
    for (rows, columns), members in batches:
        for i in members:
            n, low, high = shapes[i][0], min(shapes[i][1:]), max(shapes[i][1:])
            assert low <= rows <= columns
            assert high <= columns
            assert n * (muon._flops(rows, columns) - muon._flops(low, high)) <= muon.PADDING_FLOPS


def _network(name: str) -> nn.Module:
    with torch.device("meta"):
        return devices.placed(PolicyNetwork(preset(name)), memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["small", "base", "large"])
@pytest.mark.parametrize("scaled", [False, True])
def test_a_step_starts_few_kernels_and_asks_the_device_nothing(name: str, scaled: bool) -> None:
    """Counted on tensors without contents, which go the way of GPUs."""
    network = _network(name)
    optimiser = optim.build_optimisers(network, TrainConfig(steps=1))[0]
    for p in network.parameters():
        p.grad = torch.empty_like(p)
    if scaled:
        scaled_by(
            optimiser, torch.ones((), device="meta"), found_inf=torch.zeros((), device="meta")
        )
    optimiser.step()
    with Operators() as operators:
        optimiser.step()
    assert operators.count < 90
    assert not operators.names.keys() & {
        "aten::_local_scalar_dense",
        "aten::nonzero",
        "aten::equal",
    }
    # none for each weight
    assert (
        max(
            operators.names[f"aten::{each}"]
            for each in ("mul_", "add", "copy_", "lerp", "lerp_", "clone")
        )
        <= 6
    )


@pytest.mark.parametrize("working", WAYS)
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_an_overflow_changes_nothing(working: torch.dtype | None, bad: float) -> None:
    ours = weights(torch.channels_last)
    optimiser = Muon(ours, lr=0.1, weight_decay=0.1)
    with way(working):
        give_gradients(ours)
        optimiser.step()
        before = [p.detach().clone() for p in ours]
        momenta = [optimiser.state[p]["momentum"].clone() for p in ours]
        give_gradients(ours)
        assert ours[3].grad is not None
        ours[3].grad[2, 5] = bad
        scaled_by(optimiser, torch.tensor(8.0), found_inf=torch.tensor(1.0))
        optimiser.step()
        assert all(torch.equal(p, q) for p, q in zip(ours, before, strict=True))
        assert all(
            torch.equal(optimiser.state[p]["momentum"], m)
            for p, m in zip(ours, momenta, strict=True)
        )
        # And the next one is as if it had never been.
        twins = weights(torch.channels_last)
        other = Muon(twins, lr=0.1, weight_decay=0.1)
        other.load_state_dict(optimiser.state_dict())
        for p, q in zip(twins, before, strict=True):
            p.data.copy_(q)
        give_gradients(ours, twins)
        scaled_by(optimiser, None, found_inf=torch.tensor(0.0))
        optimiser.step()
        other.step()
    assert all(torch.allclose(p, q, atol=1e-6) for p, q in zip(ours, twins, strict=True))
    assert not any(torch.equal(p, q) for p, q in zip(ours, before, strict=True))


@pytest.mark.parametrize("working", WAYS)
def test_under_torchs_scaler_it_steps_as_without_one(working: torch.dtype | None) -> None:
    scaled, plain = weights(), weights()
    mine, twin = Muon(scaled, lr=0.1, weight_decay=0.1), Muon(plain, lr=0.1, weight_decay=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12, growth_interval=100)
    with way(working):
        for step in range(4):
            factors = [torch.randn_like(p) for p in plain]
            scaler.scale(_loss(scaled, factors) * (float("inf") if step == 1 else 1.0)).backward()
            scaler.step(mine)
            scaler.update()
            mine.zero_grad()
            if step != 1:
                _loss(plain, factors).backward()
                twin.step()
                twin.zero_grad()
    assert scaler.get_scale() == 2.0**11
    assert all(torch.allclose(p, q, atol=1e-5) for p, q in zip(scaled, plain, strict=True))


def _loss(parameters: list[nn.Parameter], factors: list[Tensor]) -> Tensor:
    return torch.stack([(p * f).sum() for p, f in zip(parameters, factors, strict=True)]).sum()


@pytest.mark.parametrize("working", WAYS)
def test_a_run_goes_on_from_a_checkpoint_a_copy_and_with_other_gradients(
    working: torch.dtype | None,
) -> None:
    ours, theirs = weights(), weights()
    mine, twin = Muon(ours, lr=0.1), PlainMuon(theirs, lr=0.1)
    with way(working):
        give_gradients(ours, theirs)
        ours[0].grad = theirs[0].grad = None  # an unused branch: no gradient, no step
        mine.step()
        twin.step()
        file = io.BytesIO()
        # what earlier releases wrote: one tensor a weight, named so
        torch.save(twin.state_dict(), file)
        assert file.seek(0) == 0
        later = weights()
        for p, q in zip(later, ours, strict=True):
            p.data.copy_(q.detach())
        resumed = Muon(later, lr=0.1)
        resumed.load_state_dict(torch.load(file, weights_only=True))
        copied, copies = copy.deepcopy((mine, ours))
        give_gradients(ours, theirs, later, copies)
        for optimiser in (mine, twin, resumed, copied):
            optimiser.step()
    for p, q, r, s in zip(ours, theirs, later, copies, strict=True):
        assert torch.equal(p, s)
        assert torch.allclose(p, q, atol=1e-3)
        assert torch.allclose(p, r, atol=1e-3)
    assert all(set(state) == {"momentum"} for state in mine.state_dict()["state"].values())


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("shape", [(64, 256), (256, 64), (96, 96)])
def test_against_torchs_own(shape: tuple[int, int]) -> None:
    """torch's is for matrices only, one after another, in bfloat16 on every device: so alike, but
    for that rounding."""
    torch.manual_seed(0)
    start = torch.randn(shape)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    mine = Muon([ours], lr=0.02, momentum=0.95, weight_decay=0.1)
    reference = torch.optim.Muon(
        [theirs],
        lr=0.02,
        momentum=0.95,
        weight_decay=0.1,
        nesterov=True,
        adjust_lr_fn="match_rms_adamw",
    )
    for _ in range(5):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.clone()
        mine.step()
        reference.step()
    moved = (theirs - start).norm()
    assert (ours - theirs).norm() / moved < 0.03
    assert moved > 1
