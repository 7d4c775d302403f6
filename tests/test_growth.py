"""Networks that grow: the same answers before and after, copies that part, and what go-train --from
says."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import nn

from gocnn import modelfile
from gocnn.errors import UserError
from gocnn.features.planes import DEFAULT_GROUPS, PLANES, offsets, plane_count
from gocnn.nn import Block, Context
from gocnn.nn.growing import Channels, grow
from gocnn.policy import growth
from gocnn.policy.model import load, named
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.shipped import file_of
from gocnn.training.config import TrainConfig
from gocnn.training.ema import Ema
from gocnn.training.optim import build_optimisers
from tests import go_trained
from tests.typed import good, refused

SMALL = PolicyConfig(blocks=2, channels=10, head=6, stem_kernel=3, future=1, value=True)
LARGE = replace(SMALL, blocks=3, channels=23, head=9)
SCORING, LARGE_SCORING = replace(SMALL, score=True), replace(LARGE, score=True)
BUDGET = [*go_trained.BUDGET, "--validations", "1"]
STILL = ["--learning-rate", "1e-9", "--weight-decay", "0", "--ema", "0"]


def trained(config: PolicyConfig, seed: int = 0) -> PolicyNetwork:
    """A network none of whose weights and statistics is where it began; in float64, so that sums in
    another order differ by nothing that counts, but for the score, which is computed in float32."""
    torch.manual_seed(seed)
    network = PolicyNetwork(config)
    if not config.score:
        network.double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.2)
        for name, buffer in network.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
            elif buffer.ndim:
                buffer.normal_()
    return network


def grown(old: PolicyNetwork, config: PolicyConfig) -> PolicyNetwork:
    torch.manual_seed(1)
    new = PolicyNetwork(config).to(next(old.parameters()).dtype)
    growth.check("it", old.config, config)
    growth.grow_into(old, new)
    return new


def planes(config: PolicyConfig, count: int = 4) -> torch.Tensor:
    """Random ones, the later the more of them set, for a mean over the board to tell them apart."""
    chosen = torch.rand(
        count, plane_count(config.plane_groups), 19, 19, generator=torch.Generator().manual_seed(5)
    )
    return (chosen < torch.linspace(0.1, 0.9, count)[:, None, None, None]).double()


def answers(network: PolicyNetwork, batch: torch.Tensor, training: bool) -> list[torch.Tensor]:
    result: Any = copy.deepcopy(network).train(training)(batch.to(next(network.parameters()).dtype))
    return list(result) if isinstance(result, tuple) else [result]


def assert_same(
    old: PolicyNetwork,
    new: PolicyNetwork,
    batch: torch.Tensor,
    shown: torch.Tensor | None = None,
    within: float = 1e-10,
) -> None:
    for training in (False, True):
        before, after = (
            answers(old, batch, training),
            answers(new, batch if shown is None else shown, training),
        )
        assert len(before) == len(after)
        assert before[0].std() > 1000 * within
        for one, other in zip(before, after, strict=True):
            assert torch.allclose(one, other, rtol=0, atol=within), (
                training,
                (one - other).abs().max(),
            )


@pytest.mark.parametrize("context", get_args(Context))
@pytest.mark.parametrize("block", get_args(Block))
def test_a_grown_network_answers_as_before(block: Block, context: Context) -> None:
    """With the statistics kept, and normalised by the batch; wider by a part and by several times;
    the statistics of a step are the same too."""
    old = trained(replace(SMALL, block=block, context=context))
    for larger in (LARGE, replace(SMALL, channels=41), replace(SMALL, blocks=4)):
        assert_same(
            old, grown(old, replace(larger, block=block, context=context)), planes(old.config)
        )


def test_heads_for_the_score_grow_too() -> None:
    old = trained(SCORING)
    assert_same(old, grown(old, LARGE_SCORING), planes(SCORING), within=2e-5)


def test_running_statistics_go_on_as_they_would_have() -> None:
    old = trained(SMALL)
    new = grown(old, LARGE)
    for _ in range(3):
        old.train()(planes(SMALL))
        new.train()(planes(SMALL))
    mine, theirs = (dict(network.blocks[0].named_buffers()) for network in (new, old))
    for name, tensor in theirs.items():
        assert torch.allclose(
            mine[name].flatten()[: tensor.numel()], tensor.flatten(), rtol=1e-9, atol=1e-10
        ), name
    assert_same(old, new, planes(SMALL))


def test_nothing_changes_where_nothing_grows() -> None:
    old = trained(SMALL)
    new = grown(old, SMALL)
    for (name, one), other in zip(old.state_dict().items(), new.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    assert growth.grown(SMALL, SMALL) == ""
    assert growth.grown(SMALL, LARGE) == "grown from 2x10 with heads of 6 to 3x23 with heads of 9"


def test_heads_that_come_and_go() -> None:
    """Heads for the winner and the score are new, those for later moves are more or fewer: the
    others answer as before."""
    for old, new in [
        (replace(SMALL, value=False), LARGE),
        (replace(SMALL, value=False), LARGE_SCORING),
        (SMALL, LARGE_SCORING),
        (SCORING, replace(LARGE_SCORING, future=0)),
        (replace(SMALL, future=0), replace(LARGE, future=3)),
    ]:
        before = trained(old)
        after = grown(before, new).to(
            next(before.parameters()).dtype if not new.score else torch.float32
        )
        one, other = (answers(network, planes(SMALL), False) for network in (before, after))
        assert (len(one), len(other)) == (
            1 + old.value + 2 * old.score,
            1 + new.value + 2 * new.score,
        )
        for mine, theirs in zip(one, other, strict=False):
            assert torch.allclose(mine, theirs.to(mine.dtype), atol=2e-5)


def test_more_planes_and_growth_at_once() -> None:
    """What new planes show changes nothing at first, wherever they stand among the others."""
    groups = tuple(DEFAULT_GROUPS[1:3])
    shown = tuple(reversed(PLANES))
    old = trained(replace(SMALL, plane_groups=groups))
    new = grown(old, replace(LARGE, plane_groups=shown))
    narrow = planes(old.config)
    wide = (torch.rand(len(narrow), plane_count(shown), 19, 19) < 0.3).double()
    at = [dict(zip(PLANES, offsets(names).tolist(), strict=True)) for names in (groups, shown)]
    for name in groups:
        count = plane_count([name])
        wide[:, at[1][name] : at[1][name] + count] = narrow[:, at[0][name] : at[0][name] + count]
    assert_same(old, new, narrow, wide)


def test_the_network_that_ships_grows() -> None:
    policy = load(named("small"))
    new = grown(policy.network, replace(policy.config, blocks=8, channels=96))
    assert_same(policy.network, new, planes(policy.config).float(), within=3e-4)


@pytest.mark.parametrize("optimiser", ["muon", "adamw", "sgd"])
def test_training_parts_the_copies(optimiser: Any) -> None:
    """Copies are alike, and must not stay so: after two steps each channel of the stem differs from
    those it was copied from, by more than rounding."""
    old = trained(SCORING)
    nn.init.ones_(old.get_parameter("stem.1.bias"))  # none of its channels is always zero
    new = grown(old, replace(LARGE_SCORING, channels=20))  # each channel twice
    torch.manual_seed(1)
    PolicyNetwork(replace(LARGE_SCORING, channels=20))
    source = Channels.widened(10, 20).source  # the first draw after the network, as in `begin`
    stem = new.get_parameter("stem.0.weight")
    pairs = [
        (int(channel), copied) for copied, channel in enumerate(source.tolist()) if copied >= 10
    ]
    assert all(torch.equal(stem[one], stem[other]) for one, other in pairs)
    before, ema = stem.detach().clone(), Ema(new, 0.9)
    optimisers = build_optimisers(
        new, TrainConfig(steps=1, optimiser=optimiser, learning_rate=0.01)
    )
    for _ in range(2):  # the first step of AdamW is the gradient's sign, which copies may share
        logits, *others = new.train()(planes(SMALL).float())
        sum(
            (other.square().mean() for other in others),
            (logits.logsumexp(-1) - logits[..., 7]).mean(),
        ).backward()
        for one in optimisers:
            one.step()
    ema.update(new, 1)
    moved = (stem.detach() - before).flatten(1).norm(dim=1)
    apart = torch.stack([(stem[one] - stem[other]).detach().norm() for one, other in pairs])
    assert bool((moved > 0).all())
    assert bool((apart > 0.05 * moved[:10].mean()).all()), apart / moved.mean()
    assert not torch.equal(ema.model.get_parameter("stem.0.weight"), before)


def test_shares_sum_to_the_whole() -> None:
    torch.manual_seed(2)
    channels = Channels.widened(5, 13)
    assert sorted(torch.bincount(channels.source).tolist()) == [2, 2, 3, 3, 3]
    weights = torch.randn(4, 5, 3, 3)
    wide = channels.read(weights)
    sums = torch.zeros_like(weights).index_add_(1, channels.source, wide)
    assert torch.allclose(sums, weights, atol=1e-6)
    assert not torch.allclose(wide[:, 0], weights[:, 0] / 3, atol=1e-3)
    with pytest.raises(ValueError, match="cannot become"):
        Channels.widened(5, 4)
    with pytest.raises(TypeError, match="not known"):
        grow(nn.Tanh(), nn.Tanh(), channels)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks": 1}, "2 blocks, and a network cannot grow to 1; give --blocks 2 or more"),
        (
            {"channels": 9},
            "10 channels, and a network cannot grow to 9; give --channels 10 or more",
        ),
        ({"head": 5}, "cannot grow to 5"),
        (
            {"block": "preact"},
            "--block residual, which growth keeps, and cannot become preact; leave --block out",
        ),
        ({"context": "none"}, "--context se, which growth keeps"),
        ({"stem_kernel": 5}, "stem_kernel 3"),
        ({"plane_groups": DEFAULT_GROUPS[:2]}, "is shown the planes"),
    ],
)
def test_what_cannot_grow(change: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match="^old has|^old is shown") as caught:
        growth.check("old", SMALL, replace(SMALL, **change))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_growing_from_the_command_line(tmp_path: Path, sample_store: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    good(
        "go-train",
        sample_store,
        "--out",
        first,
        "--blocks",
        "1",
        "--channels",
        "8",
        "--future",
        "1",
        "--value",
        *BUDGET,
    )
    good(
        "go-train",
        sample_store,
        "--out",
        second,
        "--from",
        first,
        "--blocks",
        "2",
        "--channels",
        "12",
        *BUDGET,
        *STILL,
    )
    before, after = load(first), load(second)
    assert (after.config.blocks, after.config.channels, after.config.value) == (2, 12, True)
    board = np.random.default_rng(3).integers(
        0, 2, (3, plane_count(before.plane_groups), 19, 19), dtype=np.uint8
    )
    # Two steps that learn next to nothing: weights are what they were, the statistics of two
    # batches are not.
    assert np.corrcoef(before.logits(board).ravel(), after.logits(board).ravel())[0, 1] > 0.9
    said = after.provenance["data"]
    assert said.endswith(
        f", begun from {before.name} (32 samples; {before.provenance['data']}), grown from 1x8 to"
        " 2x12"
    )
    good("go-train", "--out", second, "--resume", "--steps", "4", "--quiet")
    assert modelfile.load(second / "last.safetensors", "go-policy").provenance["data"] == said
    for words, extra in [
        ("cannot grow to 1; give --blocks 2", ["--blocks", "1"]),
        ("cannot grow to 11", ["--channels", "11"]),
        ("cannot become nested", ["--block", "nested"]),
        ("cannot become bias", ["--context", "bias", "--blocks", "5"]),
    ]:
        assert words in refused(
            1, "go-train", sample_store, "--out", tmp_path / "x", "--from", second, *BUDGET, *extra
        )
    assert "does not exist" in refused(
        1, "go-train", sample_store, "--out", tmp_path / "x", "--from", "smal", *BUDGET
    )
    assert not (tmp_path / "x").exists()


def test_the_network_that_ships_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert named("small") == file_of("small", ".safetensors")
    with pytest.raises(UserError, match=r"^\.\./weights/small does not exist"):
        named("../weights/small")
    (tmp_path / "small").mkdir()
    assert named("small") == Path("small")
