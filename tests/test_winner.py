"""A network that foresees the winner: learnt where the result is known, against a plain logarithm,
and told by GTP as the network says it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.samples import UNDECIDED
from gocnn.policy.task import VALUE_WEIGHT, PolicyTask
from tests.conftest import ROOT
from tests.conversation import talk
from tests.go_trained import TRAIN
from tests.searches import Judge
from tests.typed import good


def test_value_is_learned_where_the_result_is_known() -> None:
    torch.manual_seed(0)
    network = PolicyNetwork(
        PolicyConfig(blocks=1, channels=8, plane_groups=("stones",), value=True)
    ).eval()
    planes, moves = (torch.rand(6, 2, 19, 19) > 0.7).to(torch.uint8), torch.arange(6)
    won = torch.tensor([1, 0, UNDECIDED, 1, 1, UNDECIDED], dtype=torch.int8)
    task = PolicyTask()
    logits, value = network(planes.float())
    assert value.shape == (6,)
    plain = torch.nn.functional.cross_entropy(logits, moves)
    known = won >= 0
    value = value.detach()
    wanted = -torch.log(
        torch.where(won[known] == 1, value[known].sigmoid(), 1 - value[known].sigmoid())
    ).sum()
    loss, _ = task.loss(network, (planes, moves, won))
    assert torch.allclose(loss, plain + VALUE_WEIGHT * wanted / 6)
    figures = task.summary(
        {key: total.item() for key, total in task.judge(network, (planes, moves, won)).items()}
    )
    assert figures["value_loss"] == pytest.approx(float(wanted) / 4)
    assert figures["value"] == float(((value[known] > 0) == (won[known] == 1)).float().mean())
    assert "value" not in task.summary(
        {key: total.item() for key, total in task.judge(network, (planes, moves)).items()}
    )


@pytest.mark.slow
def test_from_games_to_a_player_that_looks_ahead(tmp_path: Path, sample_store: Path) -> None:
    run, plain = tmp_path / "run", tmp_path / "plain"
    good("go-train", sample_store, "--out", plain, *TRAIN)
    good(
        "go-train",
        sample_store,
        "--out",
        run,
        "--from",
        plain,
        "--value",
        *TRAIN[: TRAIN.index("--blocks")],
        "--batch",
        "64",
    )
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0 <= last["value"] <= 1
    assert 0 < last["value_loss"] < 5
    out = good("go-export", run, "--onnx", tmp_path / "m.onnx")
    assert float(out.split()[-1]) < 1e-4
    for model in (run, tmp_path / "m.onnx"):
        command = [sys.executable, "cli.py", "go-gtp", "--model", str(model), "--visits", "20"]
        talk = subprocess.run(
            command,
            cwd=ROOT,
            input="genmove b\ngenmove w\nquit\n",
            capture_output=True,
            text=True,
            check=True,
        )
        assert talk.stdout.count("= ") == 3


def test_the_raw_network_says_who_wins_by_its_value_not_by_playouts() -> None:
    judge = Judge(lambda own, other: 0.75 if len(own) > len(other) else 0.25)
    one, two = talk(
        judge, "play b D4", "kata-raw-nn 0", "play w Q16", "play w C3", "kata-raw-nn 3"
    )[1::3]
    assert "whiteWin 0.250000\nwhiteLoss 0.750000" in one  # white to play, behind
    assert "whiteWin 0.750000\nwhiteLoss 0.250000" in two  # black to play, behind
