"""The policy network as the kit trains it: its games, its planes, its step."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.games.selection import GameFilter
from gocnn.policy import data
from gocnn.policy.network import PolicyConfig, preset
from gocnn.policy.samples import UNKNOWN_OWNER, Games
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.training import Batch, TrainConfig
from gocnn.training.stepping import Stepper

MORE = ("handicap", "style", "black", "many_liberties", "liberties_after")
"""Planes beside the default ones: those that docs/experiments.md found worth their while."""

GROUPS = (*DEFAULT_GROUPS, *MORE)
FUTURE = 2
MOVES = 362


def shape(name: str, channels: int | None = None) -> PolicyConfig:
    """A preset as the project trains it: all planes; two later moves, the winner, and whose each
    point will be as further targets."""
    return replace(
        preset(name, channels=channels), plane_groups=GROUPS, future=FUTURE, value=True, score=True
    )


def games(source: Path, share: float = 0.02) -> tuple[Games, Games]:
    """Training and validation games of a store or a folder of records. Raises UserError."""
    chosen, held = data.split(
        data.select_games(data.open_stores([str(source)], quiet=True)[0], GameFilter()), share
    )
    return chosen.games, held.games


def source(chosen: Games, batch: int, seed: int = 1) -> PositionSource:
    """Training batches of those games: planes, moves, winners and owners."""
    return PositionSource(chosen, GROUPS, batch, seed, future=FUTURE, outcome=True, score=True)


def on(device: torch.device, arrays: Sequence[object]) -> Batch:
    """A batch of arrays, on the device."""
    return tuple(torch.as_tensor(a).to(device) for a in arrays)


def dice(batch: int, device: torch.device, seed: int = 0) -> Batch:
    """A batch of nothing in particular with the shapes and types of a real one, on the device."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.randint(
        0, 2, (batch, plane_count(GROUPS), 19, 19), dtype=torch.uint8, generator=generator
    )
    moves = torch.randint(0, MOVES, (batch, 1 + FUTURE), generator=generator)
    won = torch.randint(0, 2, (batch,), dtype=torch.int8, generator=generator)
    owners = torch.randint(-1, 2, (batch, 361), generator=generator)
    owners[::3] = UNKNOWN_OWNER  # as where a game has no label
    return on(device, (pictures, moves, won, owners.to(torch.int8)))


def stepper(
    net: nn.Module, device: torch.device, precision: str, config: TrainConfig | None = None
) -> Stepper:
    """A step of the trainer's own for `net`, which is on the device already."""
    made = Stepper(net, PolicyTask(), config or TrainConfig(steps=1), device)
    made.precision = precision
    return made


def gradient(net: nn.Module) -> Tensor:
    """All gradients in one vector, float32, on the CPU."""
    return torch.cat(
        [p.grad.flatten().float().cpu() for p in net.parameters() if p.grad is not None]
    )
