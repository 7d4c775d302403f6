"""`resnet101`: ResNet-101 from the shared bottleneck blocks, with torchvision's names, and the
fine-tuner on top of it.

He et al. 2015, https://arxiv.org/abs/1512.03385. The lecture's slide calls the weights by the name
of ResNet-50's enumeration (`ResNet50_Weights`); ResNet-101 has its own, `ResNet101_Weights`, and
that is what is meant and used here.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gocnn.nn import Bottleneck, ClassHead
from imagecls.classifier.models.base import Classifier, FineTunable

RESNET101 = (3, 4, 23, 3)
STAGES = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc")
"""The parts that can be frozen, by torchvision's names, from the picture to the answer."""


class ResNet101(Classifier):
    """torchvision's network `resnet101`: it has the same parameters under the same names and
    computes the same function. depths: bottleneck blocks of each stage; base: channels of the
    first; smaller ones make a smaller network."""

    def __init__(
        self, classes: int = 1000, depths: Sequence[int] = RESNET101, base: int = 64
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, base, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = base
        for number, depth in enumerate(depths):
            width = base << number
            blocks = [Bottleneck(inputs, width, 1 if number == 0 else 2)]
            inputs = width * Bottleneck.expansion
            blocks += [Bottleneck(inputs, width) for _ in range(depth - 1)]
            self.add_module(f"layer{number + 1}", nn.Sequential(*blocks))
        self.channels = inputs
        self.stages = len(depths)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc: nn.Module = nn.Linear(inputs, classes)

    def features(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        for number in range(self.stages):
            x = self.get_submodule(f"layer{number + 1}")(x)
        return x

    def classify(self, maps: Tensor) -> Tensor:
        result: Tensor = self.fc(torch.flatten(self.avgpool(maps), 1))
        return result

    def head_layers(self) -> list[nn.Module]:
        last = list(self.fc) if isinstance(self.fc, nn.Sequential) else [self.fc]
        return [self.avgpool, nn.Flatten(), *last]


class FineTuner(ResNet101, FineTunable):
    """ResNet-101 whose last layer is the homework's head: 2048 -> 1024 -> 512 -> classes, each
    hidden layer with batch normalisation, ReLU and dropout.

    Frozen parts do not learn, and their batch normalisations keep their running statistics:
    `train()` leaves them in evaluation mode, since statistics of a few photographs would overwrite
    those of the million that the weights have seen.
    """

    def __init__(
        self,
        classes: int,
        depths: Sequence[int] = RESNET101,
        base: int = 64,
        *,
        hidden: tuple[int, ...] = (1024, 512),
        dropout: float = 0.2,
    ) -> None:
        super().__init__(1, depths, base)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        head = ClassHead(self.channels, classes, hidden, norm=True, dropout=dropout)
        # pooling and flattening are above
        self.fc = nn.Sequential(
            OrderedDict((str(i), layer) for i, layer in enumerate(list(head)[2:]))
        )
        self.frozen: tuple[str, ...] = ()

    def freeze(self, learning: Sequence[str]) -> None:
        """Freeze all but these parts (of STAGES) and the head. Raises ValueError if there is no
        such part."""
        known = [name for name, _ in self.named_children() if name in STAGES]
        unknown = [name for name in learning if name not in known]
        if unknown:
            raise ValueError(
                f"there is no part {', '.join(unknown)}; the parts are {', '.join(known)}"
            )
        self.frozen = tuple(name for name in known if name not in (*learning, "fc"))
        for name, part in self.named_children():
            part.requires_grad_(name not in self.frozen)
        self.train(self.training)

    def train(self, mode: bool = True) -> "FineTuner":
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self

    def of_head(self, name: str) -> bool:
        return name.startswith("fc.")

    def backbone(self) -> dict[str, Tensor]:
        """The tensors of everything but the head, by name."""
        return {name: t for name, t in self.state_dict().items() if not self.of_head(name)}
