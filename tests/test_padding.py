"""Planes of zeros that a convolution adds as it computes."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from gocnn.training import padding
from tests import toy
from tests.toyruns import weights


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(26, 8, 5, padding=2, bias=False),
        nn.Conv2d(3, 4, 3, 2, 1),
        nn.Conv2d(1, 2, 1),
        nn.Conv2d(9, 4, 3, dilation=2),
    ],
)
def test_the_same_result_and_the_same_gradients(layer: nn.Conv2d) -> None:
    padded = copy.deepcopy(layer)
    assert padding.pad_planes(nn.Sequential(padded)) == ["0"]
    assert padded.state_dict().keys() == layer.state_dict().keys()
    x = torch.randn(2, layer.in_channels, 9, 9).to(memory_format=torch.channels_last)
    results = []
    for module in (layer, padded):
        here = x.clone().requires_grad_()
        y = module(here)
        y.square().sum().backward()
        results.append([y, here.grad, *(p.grad for p in module.parameters())])
    for a, b in zip(*results, strict=True):
        assert torch.allclose(a, b, atol=1e-4, rtol=1e-4)
    assert results[1][0].is_contiguous(memory_format=torch.channels_last)


def test_what_needs_no_padding_is_left_alone() -> None:
    model = nn.Sequential(
        nn.Conv2d(8, 4, 3), nn.Conv2d(64, 8, 3), nn.Conv2d(6, 6, 3, groups=6), nn.Linear(3, 3)
    )
    assert padding.pad_planes(model) == []


def test_a_run_with_padded_planes_learns_and_its_files_are_as_ever(tmp_path: Path) -> None:
    for name, wanted in (("padded", True), ("plain", False)):
        assert toy.train(tmp_path / name, steps=40, pad_planes=wanted).best["accuracy"] > 0.8
    assert {k: v.shape for k, v in weights(tmp_path / "padded").items()} == {
        k: v.shape for k, v in weights(tmp_path / "plain").items()
    }
