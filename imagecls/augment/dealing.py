"""Random operations for the pictures of a batch, drawn and applied without the host's knowing which
picture got which.

An accelerator must not be asked in the middle of a step who was drawn: the host would wait for it.
So pictures are dealt to operations like cards: each operation has the same number of slots, as
many as hold the batch together, and a random permutation says which picture sits where. Sizes are
known before anything is drawn. A picture gets each operation with the same probability; no
operation gets much more than its share of a batch.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional


def deal(
    operations: int, count: int, rounds: int, *, device: torch.device | None = None
) -> tuple[Tensor, Tensor]:
    """The operation of each picture in each round, int64 `(N, K)`, and who sits in each operation's
    slots, int64 `(K, operations, P)`: a picture's index, or `count` where the slot is empty.
    Drawn from torch's default generator of the device."""
    slots = -(-count // operations)
    chosen, seated = [], []
    for _ in range(rounds):
        order = torch.randperm(operations * slots, device=device)
        chosen.append(order.argsort()[:count] // slots)
        seated.append(order.clamp(max=count).view(operations, slots))
    return torch.stack(chosen, 1), torch.stack(seated)


def apply(
    x: Tensor,
    seated: Tensor,
    strength: Tensor,
    operations: Mapping[int, Callable[[Tensor, Tensor], Tensor]],
) -> Tensor:
    """Apply operations, by number, to pictures `(N, 3, H, W)`: in each round to those who were
    dealt it, with their strengths, `(N, K)`."""
    count = len(x)
    x = torch.cat([x, x[:1]])  # one more, which the empty slots take and spoil
    strength = functional.pad(strength, (0, 0, 0, 1), value=1.0)
    for k in range(len(seated)):
        for number, operation in operations.items():
            members = seated[k, number]
            x[members] = operation(x[members], strength[members, k])
    return x[:count]
