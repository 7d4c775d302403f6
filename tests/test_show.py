"""go-show: layers and pictures of a network, and what an answer depends on, against torch's own
outputs and the receptive field worked out by hand."""

import numpy as np
import pytest

from gocnn.board import Board
from gocnn.board.coords import from_gtp
from gocnn.policy import explain
from gocnn.policy.model import default_model, load
from gocnn.policy.suggestion import planes_of
from tests.typed import good, refused


@pytest.mark.slow
def test_layers_and_pictures(tiny_run, sample_files, tmp_path):
    listed = good("go-show", tiny_run, sample_files[0])
    assert [line.split()[1] for line in listed.splitlines()] == [
        "stem",
        "block",
        "block",
        "norm",
        "head",
    ]
    assert "5x5" in listed.splitlines()[0]
    assert "13x13" in listed.splitlines()[2]  # 5 + 4 convolutions of 3x3
    good(
        "go-show",
        tiny_run,
        sample_files[0],
        "--at",
        60,
        "--layer",
        1,
        "--picture",
        tmp_path / "m.png",
        "--filters",
        tmp_path / "f.svg",
        "--field",
        tmp_path / "r.png",
        "--point",
        "K10",
    )
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("m.png", "f.svg", "r.png"))
    assert "no layer 9" in refused(
        2, "go-show", tiny_run, "--layer", 9, "--picture", tmp_path / "m.png"
    )
    assert "'Z1'" in refused(2, "go-show", tiny_run, "--point", "Z1", "--field", tmp_path / "m.png")
    assert ".svg or .pdf" in refused(2, "go-show", tiny_run, "--picture", tmp_path / "m.gif")
    assert "--at needs" in refused(2, "go-show", tiny_run, "--at", 3)
    assert "does not exist" in refused(1, "go-show", tmp_path / "none")


def test_what_an_answer_depends_on_is_where_the_gradient_is():
    """Without context the influence ends where the receptive field ends; feature maps are what the
    layers compute."""
    import torch

    from gocnn.policy.network import PolicyConfig, PolicyNetwork

    policy = load(default_model())
    planes = planes_of(Board(19), [], policy.plane_groups)
    assert explain.influence(policy, planes, from_gtp("K10")).max() == pytest.approx(1)
    maps = explain.feature_maps(policy, planes, 0)
    with torch.inference_mode():
        expected = policy.network.stem(torch.from_numpy(planes).float())[0].numpy()
    assert np.abs(maps - expected).max() < 1e-4
    torch.manual_seed(0)
    policy.network = PolicyNetwork(
        PolicyConfig(blocks=2, channels=8, context="none", plane_groups=policy.plane_groups)
    ).eval()
    for part in policy.network.blocks:
        torch.nn.init.ones_(part.get_parameter("second.1.weight"))
    heat = explain.influence(policy, planes, from_gtp("K10"))
    side = explain.layers(policy)[-1].receptive_field
    assert side == 13
    rows, columns = np.nonzero(heat > 0)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (9 - 6, 9 + 6, 9 - 6, 9 + 6)
    filters, groups = explain.first_filters(policy)
    assert filters.shape == (8, len(groups), 5, 5)
    assert (
        np.abs(
            filters.sum(1) - policy.network.get_parameter("stem.0.weight").detach().numpy().sum(1)
        ).max()
        < 1e-5
    )
