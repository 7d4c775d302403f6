"""Erasing a part of a picture, and mixing two pictures and their labels."""

import torch
from torch import Tensor


def boxes(area: Tensor, aspect: Tensor, x: Tensor, y: Tensor, size: int) -> Tensor:
    """Masks, bool `(N, 1, size, size)`, of boxes with that share of the area and ratio of width to
    height, the centre at `(x, y)` (0 to 1)."""
    width, height = (area * aspect).sqrt(), (area / aspect).sqrt()
    centres = (torch.arange(size, device=area.device) + 0.5) / size
    columns = (centres[None] - x[:, None]).abs() < width[:, None] / 2
    rows = (centres[None] - y[:, None]).abs() < height[:, None] / 2
    return (rows[:, :, None] & columns[:, None, :])[:, None]


def erased(
    draws: Tensor, probability: float, size: int, *, low: float = 0.02, high: float = 0.25
) -> Tensor:
    """Masks, bool `(N, 1, size, size)`, of random boxes (2 to 25 % of the area) of some pictures,
    empty for the others. `draws`: uniform `(N, 5)`."""
    area = torch.where(draws[:, 0] < probability, low + (high - low) * draws[:, 1], 0.0)
    aspect = torch.exp((2 * draws[:, 2] - 1) * 1.2)
    return boxes(area, aspect, draws[:, 3], draws[:, 4], size)


def erase(x: Tensor, draws: Tensor, probability: float) -> Tensor:
    """Set the box of `erased` to zero, the mean colour of normalised pictures (Zhong et al. 2017,
    https://arxiv.org/abs/1708.04896). `draws` is on the device of `x`."""
    return x.masked_fill(erased(draws, probability, x.shape[-1]), 0.0)


def shares(
    count: int,
    mixup: float,
    cutmix: float,
    *,
    device: torch.device | None = None,
    hosted: bool = True,
) -> tuple[Tensor, Tensor]:
    """How much of each of `count` pictures stays as it is: two tensors `(count,)`, the share,
    float32 from 0 to 1, and whether the rest comes as a box (CutMix) or blended (mixup).

    Shares are drawn from Beta(a, a); where both are on, each picture gets one or the other at
    random. All numbers come from torch's default generator of the device; without `hosted` nothing
    waits for it.
    """
    cut = torch.rand(count, device=device) < (0.0 if not cutmix else 0.5 if mixup else 1.0)
    share = torch.ones(count, device=device)
    for alpha, where in ((mixup, ~cut), (cutmix, cut)):
        if alpha:
            a = torch.full((), alpha, device=device)
            drawn = (
                torch.distributions.Beta(a, a).sample((count,))
                if hosted
                else beta(alpha, count, device)
            )
            share = torch.where(where, drawn, share)
    return share, cut


ROUNDS = 8
"""Tries of `beta`: each is taken with a probability of 95 % or more, so that none is in fewer than
one draw of 10 to the 10th."""


def beta(alpha: float, count: int, device: torch.device | None = None) -> Tensor:
    """Draws from Beta(alpha, alpha), float32 `(count,)`, by operations that every kind of device
    has and that never wait: torch's own checks its arguments on the host, and Apple's GPUs have no
    gamma distribution.

    x / (x + y) of two gamma variables. Gamma(alpha) is Gamma(alpha + 1) times a uniform number to
    the power of 1 / alpha; the former by Marsaglia and Tsang's rejection (2000,
    https://doi.org/10.1145/358407.358414), with a fixed number of tries of which the first good one
    counts.
    """
    d = alpha + 2 / 3
    normal = torch.randn(ROUNDS, count, 2, device=device)
    cube = (1 + normal / (9 * d) ** 0.5) ** 3
    log_cube = cube.clamp(min=1e-30).log()
    good = (cube > 0) & (
        torch.log1p(-torch.rand(ROUNDS, count, 2, device=device))
        < 0.5 * normal**2 + d * (1 - cube + log_cube)
    )
    first = good.int().argmax(0, keepdim=True)
    logs = log_cube.gather(0, first)[0] + torch.log1p(-torch.rand(count, 2, device=device)) / alpha
    return torch.sigmoid(logs[:, 0] - logs[:, 1])


def mix(
    x: Tensor, partner: Tensor, share: Tensor, cut: Tensor, draws: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix each picture with another of the batch; returns the pictures and the true share that each
    kept of itself, `(N,)`.

    `partner`: indices `(N,)`; `draws`: uniform `(N, 2)`, the centres of the boxes. Mixup: Zhang et
    al. 2017, https://arxiv.org/abs/1710.09412; CutMix: Yun et al. 2019,
    https://arxiv.org/abs/1905.04899.
    """
    other = x[partner]
    masks = boxes(1 - share, torch.ones_like(share), draws[:, 0], draws[:, 1], x.shape[-1])
    weight = torch.where(
        cut[:, None, None, None], masks.to(x.dtype), (1 - share)[:, None, None, None].to(x.dtype)
    )
    # A box may reach over the edge: what counts is what is seen.
    seen = torch.where(cut, 1 - masks.float().mean((1, 2, 3)), share)
    return torch.lerp(x, other, weight), seen
