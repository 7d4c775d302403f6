"""The same of judging, answering and explaining: with fake tensors networks of every kind do so on
CUDA and mps, and what is done with a batch that has arrived waits for nothing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gocnn.policy.model import Policy
from gocnn.policy.network import PolicyNetwork
from gocnn.policy.task import PolicyTask
from gocnn.training.judging import evaluate
from gocnn.training.precision import autocast
from imagecls.augment import Augmenter
from imagecls.classifier import explain
from imagecls.classifier.model import Predictor
from imagecls.classifier.models.config import Kind
from imagecls.classifier.task import ImageTask
from tests.fakes import Trace, pretended
from tests.on_fakes import PLAIN, SIZES, TINY, built, classifier, photographs, positions


@pytest.fixture(params=["cuda", "mps"])
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    with pretended(request.param) as there:
        yield there


def judged(
    model: nn.Module, task: Any, batch: tuple[Tensor, ...], device: torch.device
) -> dict[str, float]:
    """The figures over two batches that come from the CPU; what is done with a batch that has
    arrived waits for nothing."""
    figures = evaluate(model, task, [batch, batch], device, "bf16")
    here = tuple(t.to(device) for t in batch)
    with Trace(device) as trace, torch.no_grad(), autocast(device, "bf16"):
        task.judge(model, here)
    assert trace.found == []
    return figures


@pytest.fixture
def numbers() -> Iterator[None]:
    """Numbers that are read are 1, in arrays too: fake tensors have none."""

    def numpy(self: Tensor, *, force: bool = False) -> Any:
        assert self.device.type == "cpu"
        return np.ones(tuple(self.shape), str(self.dtype).removeprefix("torch."))

    with patch("torch.Tensor.numpy", numpy):
        yield


@pytest.mark.parametrize("score", [False, True])
def test_policies_are_judged(device: torch.device, score: bool) -> None:
    config = replace(TINY, score=score)
    network = built(lambda: PolicyNetwork(config), device)
    with Trace(device):
        figures = judged(
            network, PolicyTask(), positions(replace(config, future=0), torch.device("cpu")), device
        )
    owned = {"owner", "owner_loss", "score_error", "score_loss"} if score else set()
    assert figures.keys() == {"loss", "top1", "top5", "value", "value_loss"} | owned


@pytest.mark.parametrize("kind", SIZES)
def test_classifiers_are_judged(device: torch.device, kind: Kind) -> None:
    network, config = classifier(kind, device)
    view = Augmenter(PLAIN, 32, config.mean, config.std)
    with Trace(device):
        figures = judged(network, ImageTask(view, view), photographs("cpu"), device)
    assert figures.keys() == {"loss", "accuracy", "top3"}


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize("kind", SIZES)
def test_classifiers_answer_and_explain(device: torch.device, kind: Kind) -> None:
    """Test-time augmentation by views of all kinds, Grad-CAM, filters and feature maps."""
    network, config = classifier(kind, device)
    predictor = Predictor(network.eval(), config, {}, Path("m"), device)
    pixels = np.zeros((3, 3, 40, 40), np.uint8)
    with Trace(device) as trace:
        assert predictor.probabilities(pixels, tta=3).shape == (3, 5)
        heat, answers = explain.grad_cam(predictor, pixels[0])
        assert (heat.shape, answers.shape) == ((32, 32), (5,))
        assert explain.filters(predictor)[1].shape[1] == 3
        assert explain.feature_maps(predictor, pixels[0], explain.layers(predictor)[0]).ndim == 3
    assert not any(
        "mps" in found and ("doubles" in found or "not to be had" in found) for found in trace.found
    )


@pytest.mark.usefixtures("numbers")
@pytest.mark.parametrize(("value", "score"), [(False, False), (True, False), (True, True)])
def test_policies_answer(device: torch.device, value: bool, score: bool) -> None:
    config = replace(TINY, future=0, value=value, score=score)
    policy = Policy(
        built(lambda: PolicyNetwork(config), device).eval(), config, {}, Path("m"), device
    )
    planes = positions(config, torch.device("cpu"))[0]
    with patch("torch.from_numpy", lambda array: planes), Trace(device):
        said = policy.outputs(np.zeros(planes.shape, np.uint8))
    assert (said.logits.shape, said.win.shape, said.owner.shape) == ((4, 362), (4,), (4, 361))
