"""What the three classifiers have in common."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Classifier(nn.Module):
    """Pictures, normalised float `(N, 3, S, S)`, to logits `(N, classes)`, by way of feature maps:
    explaining a decision looks at those."""

    channels_last = False
    """Whether maps lie within it as `(N, H, W, C)`, as Swin's do."""

    def features(self, x: Tensor) -> Tensor:
        """The last feature maps, `(N, C, H, W)`."""
        raise NotImplementedError

    def classify(self, maps: Tensor) -> Tensor:
        """Logits `(N, classes)` of feature maps."""
        raise NotImplementedError

    def head_layers(self) -> list[nn.Module] | None:
        """The layers that `classify` applies, one after the other; None if they are more than
        that."""
        return None

    def of_head(self, name: str) -> bool:
        """Whether the parameter or buffer of that name is one of the head, which depends on the
        classes."""
        return name.startswith("head.")

    def first_layer(self) -> nn.Conv2d:
        """The convolution that sees the picture itself."""
        return next(m for m in self.modules() if isinstance(m, nn.Conv2d))

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x))


def lies_last(network: Classifier, layer: nn.Module, output: Tensor) -> bool:
    """Whether a layer of the network has the channels of its output, `(N, ...)`, last. Pictures
    are square, and so are maps: the side that is another is the channels'. Where all are equal,
    only convolutions have them first."""
    if not network.channels_last or output.ndim != 4:
        return False
    _, first, second, third = output.shape
    return first == second and (second != third or not isinstance(layer, nn.Conv2d))


def maps_of(network: Classifier, layer: nn.Module, output: Tensor) -> Tensor:
    """The output of a layer of the network, its maps as `(N, C, H, W)` wherever it has the
    channels."""
    return output.permute(0, 3, 1, 2) if lies_last(network, layer, output) else output


def depth(name: str) -> int:
    """How deep a layer lies in a network; a part of it: 0. What holds all of a network of timm does
    not count."""
    return name.removeprefix("net.").count(".")


class FineTunable(Classifier):
    """A classifier whose body may come from a file of weights, and be frozen."""

    def freeze(self, learning: Sequence[str]) -> None:
        """Freeze all but these parts and the head. Raises ValueError if there is no such part."""
        raise NotImplementedError

    def backbone(self) -> dict[str, Tensor]:
        """The tensors of everything but the head, by name."""
        raise NotImplementedError


def need_size(model: Classifier, size: int) -> None:
    """Raise ValueError if the network cannot learn from pictures of so many pixels a side; it is
    left in training."""
    model.eval()
    try:
        with torch.no_grad():
            model(torch.zeros(1, 3, size, size))
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        why = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise ValueError(
            f"the network cannot see pictures of {size} pixels ({why[:160].rstrip('.')}): choose"
            " another --train-size or --grow-from, or leave it out"
        ) from error
    finally:
        model.train()
