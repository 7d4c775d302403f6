"""A network of your own, written in torch, trained on games and measured as ours is.

python examples/own_network.py my-games/ --test other-games/ --steps 2000
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import gocnn
from gocnn.features.planes import DEFAULT_GROUPS, plane_count
from gocnn.games.selection import GameFilter
from gocnn.policy import data
from gocnn.policy.source import PositionSource


class Own(nn.Module):
    """Three plain convolutions; planes `(N, C, 19, 19)` to logits `(N, 362)`, the pass last."""

    def __init__(self, planes: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(planes, channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
        )
        self.points = nn.Conv2d(channels, 1, 1)
        self.passing = nn.Linear(channels, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits."""
        seen = self.body(planes)
        return torch.cat([self.points(seen).flatten(1), self.passing(seen.mean((2, 3)))], 1)


def main() -> None:
    """Train on batches that the project draws, then the same benchmark as for its own network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("games", nargs="+", help="SGF files, folders, archives or stores")
    parser.add_argument("--test", nargs="+", required=True, help="other games, to measure on")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--channels", type=int, default=48)
    parser.add_argument("--positions", type=int, default=10_000, help="to measure on")
    given = parser.parse_args()

    stores, _ = data.open_stores(given.games)
    source = PositionSource(
        data.select_games(stores, GameFilter()).games, DEFAULT_GROUPS, given.batch, seed=1
    )
    network = Own(plane_count(DEFAULT_GROUPS), given.channels)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for step in range(given.steps):
        planes, moves = (torch.from_numpy(part) for part in source.batch(step))
        loss = functional.cross_entropy(network(planes.float()), moves)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    network.eval()

    @torch.inference_mode()
    def logits(planes: np.ndarray) -> np.ndarray:
        answer: torch.Tensor = network(torch.from_numpy(planes).float())
        return answer.numpy()

    for net in (gocnn.wrap(logits, name="three convolutions"), gocnn.load()):
        figures = gocnn.benchmark(net, given.test, positions=given.positions)["all"]
        low, high = figures["top1_interval"]
        print(f"{net.name}: top-1 {figures['top1']:.2%} [{low:.1%}, {high:.1%}]")


if __name__ == "__main__":
    main()
