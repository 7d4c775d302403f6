"""`cnn`: convolution and pooling, repeated, then flattened into fully connected layers, as the
lecture draws it."""

from torch import Tensor, nn

from gocnn.nn import ConvNormAct, Pool, pooling
from imagecls.classifier.models.base import Classifier

WIDTHS = (64, 128, 256, 512, 512)


class PlainCNN(Classifier):
    """A stage is a 3x3 convolution with batch normalisation and ReLU, then 2x2 pooling; each halves
    the picture."""

    def __init__(
        self,
        classes: int,
        size: int,
        *,
        pool: Pool = "max",
        widths: tuple[int, ...] = (),
        hidden: tuple[int, ...] = (1024, 512),
        dropout: float = 0.0,
    ) -> None:
        """Raises ValueError if the picture is too small to be halved that often."""
        super().__init__()
        widths = widths or WIDTHS
        side = size >> len(widths)
        if side < 1:
            raise ValueError(
                f"{len(widths)} poolings shrink {size} pixels to nothing: choose fewer --widths or"
                " a larger --size"
            )
        channels = 3
        stages: list[nn.Module] = []
        for width in widths:
            stages += [ConvNormAct(channels, width), pooling(pool)]
            channels = width
        self.stages = nn.Sequential(*stages)
        layers: list[nn.Module] = [nn.Flatten()]
        channels *= side * side
        for width in hidden:
            layers += [
                nn.Linear(channels, width),
                nn.ReLU(inplace=True),
                *([nn.Dropout(dropout)] if dropout else []),
            ]
            channels = width
        self.head = nn.Sequential(*layers, nn.Linear(channels, classes))

    def features(self, x: Tensor) -> Tensor:
        result: Tensor = self.stages(x)
        return result

    def classify(self, maps: Tensor) -> Tensor:
        result: Tensor = self.head(maps.contiguous())
        return result

    def head_layers(self) -> list[nn.Module]:
        return list(self.head)
