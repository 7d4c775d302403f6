"""What owners and scores teach, and what must not: losses and figures against plain twins and
torch's own cross-entropy."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gocnn.policy import owners, samples
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.predictions import predictions
from gocnn.policy.task import PolicyTask


def boards(n: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, scores and owners; the first board is not labelled, the second in part."""
    torch.manual_seed(1)
    owner = torch.randint(-1, 2, (n, 361), dtype=torch.int8)
    owner[0] = samples.UNKNOWN_OWNER
    owner[1, 100:] = samples.UNKNOWN_OWNER
    return torch.randn(n, 361), torch.randn(n, 2), owner


def test_losses_against_a_plain_twin() -> None:
    logits, score, owner = boards()
    total = 0.0
    for i in range(6):
        points = [p for p in range(361) if owner[i, p] != 2]
        losses = []
        for p in points:
            q = 1 / (1 + math.exp(-float(logits[i, p])))
            target = (int(owner[i, p]) + 1) / 2
            losses.append(-target * math.log(q) - (1 - target) * math.log(1 - q))
        total += owners.OWNER_WEIGHT * sum(losses) / max(len(points), 1)
        if len(points) == 361:
            margin = sum(int(o) for o in owner[i]) / 20
            scale = math.exp(float(score[i, 1])) * math.sqrt(3) / math.pi
            z = (margin - float(score[i, 0])) / scale
            total += owners.SCORE_WEIGHT * -math.log(
                math.exp(-z) / (scale * (1 + math.exp(-z)) ** 2)
            )
    assert float(owners.loss(logits, score, owner)) == pytest.approx(total / 6, rel=1e-4)


def test_what_is_not_known_teaches_nothing() -> None:
    logits, score, owner = boards()
    for t in (logits, score):
        t.requires_grad_()
    owners.loss(logits, score, owner).backward()
    assert logits.grad is not None
    assert score.grad is not None
    assert not logits.grad[0].any()
    assert logits.grad[1, :100].all()
    assert not logits.grad[1, 100:].any()
    assert not score.grad[:2].any()
    assert score.grad[2:].all()


def test_a_spread_that_has_gone_astray_comes_back() -> None:
    score = torch.tensor([[0.0, -9.0], [0.0, 9.0]], requires_grad=True)
    owners.loss(torch.zeros(2, 361), score, torch.zeros(2, 361, dtype=torch.int8)).backward()
    assert score.grad is not None
    assert score.grad[0, 1] < 0 < score.grad[1, 1]


class Said(nn.Module):
    """Says the same, whatever is shown."""

    def __init__(self, *parts: torch.Tensor) -> None:
        super().__init__()
        self.parts = parts

    def forward(self, planes: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.parts


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_moves_that_nobody_played_are_left_out(smoothing: float) -> None:
    """Loss and accuracy are those of torch over the others."""
    _, score, owner = boards()
    moves = torch.tensor([3, -1, 361, 17, -1, 0])
    logits, value = torch.randn(6, 362), torch.zeros(6)
    logits[0, 3] = 99.0
    keep = moves >= 0
    task, planes = PolicyTask(smoothing), torch.zeros(6, 3, 19, 19, dtype=torch.uint8)
    won = torch.full((6,), samples.UNDECIDED, dtype=torch.int8)
    loss, right = task.loss(
        Said(logits, value, torch.zeros(6, 361), score), (planes, moves, won, owner)
    )
    rest = owners.loss(torch.zeros(6, 361), score, owner)
    assert float(loss - rest) == pytest.approx(
        float(functional.cross_entropy(logits[keep], moves[keep], label_smoothing=smoothing)),
        rel=1e-5,
    )
    assert float(right) == pytest.approx(6 / 4 * float((logits.argmax(1) == moves)[keep].sum()))
    nothing, right = task.loss(
        Said(logits, value, torch.zeros(6, 361), score), (planes, torch.full((6,), -1), won, owner)
    )
    assert float(nothing) == pytest.approx(float(rest))
    assert float(right) == 0


def test_every_head_has_its_part_in_every_loss() -> None:
    """As several processes want it: also where a batch says nothing of a head."""
    network = PolicyNetwork(
        PolicyConfig(blocks=1, channels=8, head=8, future=1, value=True, score=True)
    )
    batch = (
        torch.randint(0, 2, (4, 21, 19, 19), dtype=torch.uint8),
        torch.full((4, 2), -1),
        torch.full((4,), -1, dtype=torch.int8),
        torch.full((4, 361), samples.UNKNOWN_OWNER, dtype=torch.int8),
    )
    loss, _ = PolicyTask().loss(network, batch)
    loss.backward()
    assert float(loss.detach()) == 0
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_figures_against_counting() -> None:
    logits, score, owner = boards()
    batch = (
        torch.zeros(6, 3, 19, 19, dtype=torch.uint8),
        torch.zeros(6, dtype=torch.long),
        torch.zeros(6, dtype=torch.int8),
        owner,
    )
    task = PolicyTask()
    figures = task.summary(
        {
            key: float(value)
            for key, value in task.judge(
                Said(torch.randn(6, 362), torch.zeros(6), logits, score), batch
            ).items()
        }
    )
    said = predictions(
        *(part.numpy() for part in (torch.zeros(6, 362), torch.zeros(6), logits, score))
    )
    true = owner.numpy().astype(float)
    owned = (true == 1) | (true == -1)
    assert figures["owner"] == pytest.approx(((said.owner > 0) == (true > 0))[owned].mean())
    head = 20 * score[:, 0].numpy()  # alone: what is told leans on the owners, too
    assert figures["score_error"] == pytest.approx(np.abs(head - true.sum(1))[2:].mean(), rel=1e-4)
    known = true != 2
    likelihoods = np.where(
        known,
        (1 + true) / 2 * np.log((1 + said.owner) / 2)
        + (1 - true) / 2 * np.log((1 - said.owner) / 2),
        0,
    )
    assert figures["owner_loss"] == pytest.approx(-likelihoods[known].mean(), rel=1e-4)
    unlabelled = (*batch[:3], torch.full_like(owner, samples.UNKNOWN_OWNER))
    none = task.summary(
        {
            key: float(value)
            for key, value in task.judge(
                Said(torch.randn(6, 362), torch.zeros(6), logits, score), unlabelled
            ).items()
        }
    )
    assert none.keys() == {"loss", "top1", "top5", "value", "value_loss"}
