"""A layer without the lecture's parameter sharing, to compare."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class LocallyConnected(nn.Module):
    """A convolution whose weights are each point's own, with batch normalisation and ReLU: `(N, in,
    size, size)` to `(N, out, size, size)`, `kernel` odd. It has `size * size` times the weights of
    `gocnn.nn.ConvNormAct`."""

    def __init__(self, inputs: int, outputs: int, size: int, *, kernel: int = 5) -> None:
        super().__init__()
        self.size, self.kernel = size, kernel
        weights = inputs * kernel**2
        self.weight = nn.Parameter(
            torch.randn(size * size, weights, outputs) * (2 / weights) ** 0.5
        )
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        fields = functional.unfold(x, self.kernel, padding=self.kernel // 2)
        y = torch.einsum("nkp,pko->nop", fields, self.weight.to(fields.dtype))
        return torch.relu(self.norm(y.reshape(*y.shape[:2], self.size, self.size)))
