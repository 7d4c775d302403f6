"""Runs that stop early or are ruined: they end at the step that patience says, with a sentence, and
only finite weights are kept."""

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.training import Batch
from tests import toy


def test_an_early_stop_is_an_end_until_there_is_another_budget(tmp_path: Path) -> None:

    def train(steps: int, resume: bool) -> int:
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
        return toy.train(
            tmp_path / "run",
            resume,
            network,
            steps=steps,
            learning_rate=1e-12,
            weight_decay=0.0,
            ema=0.0,
            validations=8,
            patience=2,
        ).steps

    # the first validation is the best, the second and third are not better
    assert train(40, False) == 15
    assert train(40, True) == 15
    assert train(80, True) == 30


class Ruin(toy.ToyTask):
    """From the sixth step on the loss is no number; or that of the validation."""

    def __init__(self, where: str) -> None:
        self.where, self.calls = where, 0

    def loss(self, model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        loss, right = super().loss(model, batch)
        self.calls += model.training
        bad = self.calls > 5 and model.training == (self.where == "training")
        return (loss * torch.nan if bad else loss), right


@pytest.mark.parametrize("where", ["training", "validation"])
def test_a_loss_that_is_no_number_ends_the_run_and_keeps_what_is_good(
    tmp_path: Path, where: str
) -> None:
    with pytest.raises(
        UserError,
        match=(
            r"the loss is not a number any more, at step 8: .*--learning-rate.*best\.safetensors,"
            r" of step 4, is kept"
        ),
    ):
        toy.train(tmp_path / "run", task=Ruin(where), steps=16, validations=4)
    state = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 4
    for part in (
        state["model"],
        safetensors.torch.load_file(tmp_path / "run" / "best.safetensors"),
    ):
        assert all(bool(t.isfinite().all()) for t in part.values())


def test_weights_that_are_no_numbers_are_not_saved(tmp_path: Path) -> None:
    """The loss is only looked at every few steps; a checkpoint in between looks at the weights."""
    with pytest.raises(UserError, match="the network is not a number any more"):
        toy.train(
            tmp_path / "run", task=Ruin("training"), steps=16, validations=1, checkpoint_minutes=0.0
        )
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 5
