"""`resnet`: the homework's residual classifier from scratch."""

import itertools

from torch import Tensor, nn

from gocnn.nn import ClassHead, Context, ConvNormAct, ResidualBlock, Shrink
from imagecls.classifier.models.base import Classifier

WIDTHS = (64, 128, 256, 512)


class ResidualClassifier(Classifier):
    """A 3x3 stem of `widths[0]` channels; for each further width a residual block with stride 2 and
    a projection, and `blocks - 1` without; global average pooling; linear layers of the `hidden`
    widths with ReLU between.

    `shrink`: what the projections see, see `gocnn.nn.ResidualBlock`.

    The lecture's network is the default: 3 -> 64, then 64 -> 128 -> 256 -> 512, then 512 -> 1024 ->
    512 -> classes.
    """

    def __init__(
        self,
        classes: int,
        widths: tuple[int, ...] = (),
        *,
        blocks: int = 1,
        stem_stride: int = 1,
        context: Context = "none",
        shrink: Shrink = "stride",
        hidden: tuple[int, ...] = (1024, 512),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = widths or WIDTHS
        self.stem = ConvNormAct(3, widths[0], 3, stride=stem_stride)
        self.stages = nn.Sequential()
        for inputs, outputs in itertools.pairwise(widths):
            more = [ResidualBlock(outputs, context=context) for _ in range(blocks - 1)]
            first = ResidualBlock(inputs, outputs, 2, context=context, shrink=shrink)
            self.stages.append(nn.Sequential(first, *more))
        self.head = ClassHead(widths[-1], classes, hidden, dropout=dropout)

    def features(self, x: Tensor) -> Tensor:
        result: Tensor = self.stages(self.stem(x))
        return result

    def classify(self, maps: Tensor) -> Tensor:
        result: Tensor = self.head(maps)
        return result

    def head_layers(self) -> list[nn.Module]:
        return list(self.head)
