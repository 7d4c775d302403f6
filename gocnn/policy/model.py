"""A trained policy network, ready to be asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gocnn import modelfile
from gocnn.devices import layout
from gocnn.policy import KIND, shipped
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.predictions import Floats, PolicyPredictions, predictions
from gocnn.structs import from_json, to_json

PART = 64
"""Positions that go through the network at once on a CPU: what lies between two layers stays in its
caches (twice as fast as 512)."""


@dataclass
class Policy:
    """A network in evaluation mode on its device, with where it comes from."""

    network: PolicyNetwork
    config: PolicyConfig
    provenance: dict[str, Any]
    path: Path
    device: torch.device

    @property
    def name(self) -> str:
        """What to call it in a line of text."""
        return self.path.name

    @property
    def plane_groups(self) -> tuple[str, ...]:
        """The groups of planes it is shown (`gocnn.features.planes`)."""
        return self.config.plane_groups

    def config_json(self) -> dict[str, Any]:
        """The configuration, as model files have it."""
        return to_json(self.config)

    @property
    def has_value_head(self) -> bool:
        """Whether it says who will win."""
        return self.config.value

    @property
    def scores(self) -> bool:
        """Whether it says whose each point will be, and by how many points the game is won."""
        return self.config.score

    def logits(self, batch: npt.NDArray[np.uint8]) -> Floats:
        """Logits, float32 `(N, 362)`, of planes, uint8 `(N, C, 19, 19)`."""
        return self.outputs(batch).logits

    @torch.inference_mode()
    def outputs(self, batch: npt.NDArray[np.uint8]) -> PolicyPredictions:
        """What it says of N positions, given their planes, uint8 `(N, C, 19, 19)`."""
        size = PART if self.device.type == "cpu" else max(len(batch), 1)
        parts = [self._run(part) for part in torch.split(torch.from_numpy(batch), size)]
        return predictions(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))

    def _run(self, planes: Tensor) -> tuple[Tensor, ...]:
        result = self.network(
            planes.to(self.device).to(torch.float32, memory_format=layout(self.device))
        )
        return tuple(
            part.float().cpu() for part in (result if isinstance(result, tuple) else (result,))
        )


def load(path: str | Path, device: str = "cpu") -> Policy:
    """Load a policy model: a file, or a run's folder. Raises UserError."""

    def build(config: dict[str, Any]) -> PolicyNetwork:
        return PolicyNetwork(from_json(config, PolicyConfig))

    network, file, chosen = modelfile.load_network(path, KIND, build, device)
    return Policy(network, network.config, file.provenance, file.path, chosen)


def named(model: str | Path) -> Path:
    """The file or folder `model`, or what ships under that name, for torch (`shipped.find`).
    Raises UserError if there is none."""
    return shipped.shelf().existing(model, ".safetensors")


def default_model() -> Path:
    """The model that is taken where none is named, for torch. Raises UserError if it is missing."""
    return shipped.find(None, ".safetensors")
