"""Trained classifiers for prediction, computed by torch."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gocnn import modelfile
from gocnn.devices import layout
from gocnn.errors import UserError
from imagecls.augment import RECIPES, Augmenter, geometry
from imagecls.classifier import KIND
from imagecls.classifier.ensemble import Ensemble
from imagecls.classifier.models import ClassifierConfig, build
from imagecls.classifier.models.base import Classifier
from imagecls.classifier.views import VIEWS, Floats, Pixels, softmax

__all__ = ["VIEWS", "Ensemble", "Floats", "Pixels", "Predictor", "load", "softmax"]


@dataclass
class Predictor:
    """A network in evaluation mode on its device, with where it comes from."""

    network: Classifier
    config: ClassifierConfig
    provenance: dict[str, Any]
    path: Path
    device: torch.device

    def __post_init__(self) -> None:
        self._view = Augmenter(RECIPES["none"], self.config.size, self.config.mean, self.config.std)

    def at(self, size: int) -> "Predictor":
        """The same network, which is shown pictures of `size` pixels a side, cut from decoded ones
        that are larger by as much. Random crops make things look larger in training than they are
        in judging, and a network that was trained with them often tells larger pictures better
        (Touvron et al. 2019, https://arxiv.org/abs/1906.06423); time goes as the square.

        Raises UserError if it is a network for one size only.
        """
        if self.config.model == "cnn":
            raise UserError(
                f"{self.path} is a cnn, which sees pictures of {self.config.size} pixels only;"
                " leave out --eval-size"
            )
        other = replace(self, config=self.config.at(size))
        store = other.config.store_size
        try:
            other.probabilities(np.zeros((1, 3, store, store), np.uint8))
        except (AssertionError, RuntimeError, ValueError) as error:  # another's network (timm)
            raise UserError(
                f"{self.path} does not bear pictures of {size} pixels"
                f" ({' '.join(str(error).split())[:200]}); leave out --eval-size"
            ) from error
        return other

    def view(self, pixels: Pixels | Tensor) -> Tensor:
        """What the network sees of pictures, uint8 `(N, 3, S, S)`: float32 `(N, 3, size, size)` on
        the device."""
        here = torch.as_tensor(pixels).to(self.device)
        return self._view.plain(here).to(memory_format=layout(self.device))

    @torch.inference_mode()
    def logits(self, pixels: Pixels, tta: int = 1) -> list[Floats]:
        """Logits, float32 `(N, classes)`, of each of the first `tta` views of pictures, uint8 `(N,
        3, S, S)`."""
        return list(self.answers(torch.as_tensor(pixels).to(self.device), tta).cpu().numpy())

    def answers(self, pixels: Tensor, tta: int) -> Tensor:
        """The same as `logits` for pictures that are on the device: float32 `(tta, N, classes)`,
        there; the host does not wait."""
        n, out = len(pixels), []
        for mirrored, side, x, y in VIEWS[:tta]:
            if side == 1.0:
                seen = self.view(pixels)
                seen = seen.flip(3) if mirrored else seen
            else:
                part = geometry.crop(
                    *(torch.full((n,), v, device=self.device) for v in (x, y, side, side))
                )
                maps = geometry.compose(
                    part, geometry.flip(torch.full((n,), mirrored, device=self.device))
                )
                seen = self._view.normalise(
                    geometry.resample(pixels.float() / 255, maps, self.config.size)
                )
            out.append(self.network(seen.to(memory_format=layout(self.device))).float())
        return torch.stack(out)

    def probabilities(self, pixels: Pixels, tta: int = 1) -> Floats:
        """Probabilities, float32 `(N, classes)`, averaged over the views."""
        mean: Floats = np.mean(
            [softmax(part) for part in self.logits(pixels, tta)], 0, dtype=np.float32
        )
        return mean

    def attention(self, pixels: Pixels, labels: Sequence[int]) -> Floats:
        """Grad-CAM: see `imagecls.classifier.ensemble.Asked`."""
        with torch.enable_grad():
            maps = self.network.features(self.view(pixels[None])).detach().requires_grad_()
            if maps.ndim != 4:
                raise UserError(
                    f"{self.path} has no feature maps at its end, but tokens, which Grad-CAM cannot"
                    " weigh; explain with a convolutional network"
                )
            return weighed(maps, self.network.classify(maps), labels, self.config.size)


def weighed(maps: Tensor, logits: Tensor, labels: Sequence[int], size: int) -> Floats:
    """Grad-CAM: the maps, `(1, C, h, w)`, of which a graph leads to the logits, `(1, classes)`,
    each weighted by the mean gradient of a label's logit by it, summed, what is below zero cut off,
    enlarged: float32 `(labels, size, size)`."""
    heats = []
    for label in labels:
        (gradient,) = torch.autograd.grad(logits[0, label], maps, retain_graph=True)
        heats.append((gradient.mean((2, 3), keepdim=True) * maps).sum(1, keepdim=True))
    heat = torch.relu(torch.cat(heats)).detach().float()
    large = nn.functional.interpolate(heat, (size, size), mode="bilinear", align_corners=False)
    result: Floats = large[:, 0].cpu().numpy()
    return result


def load(path: str | Path, device: str = "cpu") -> Predictor:
    """Load a classifier: a model file, or a run's folder. Raises UserError."""

    def built(config: dict[str, Any]) -> Classifier:
        return build(ClassifierConfig.from_json(config))

    network, file, chosen = modelfile.load_network(path, KIND, built, device)
    return Predictor(
        network, ClassifierConfig.from_json(file.config), file.provenance, file.path, chosen
    )
