"""Muon: momentum made orthogonal, in few kernels."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

A, B, C = 3.4445, -4.7750, 2.0315
"""Jordan's coefficients of the quintic Newton-Schulz iteration."""

TINY = 1e-7
"""Added to norms, so that a matrix of zeros stays one."""

PADDING_FLOPS = 1e9
"""How many operations may be wasted on zeros to spare a batch: its 18 kernels cost some 0.1 ms of
launches, and any GPU that trains does more."""


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each weight matrix is made orthogonal (Jordan et al. 2024,
    https://kellerjordan.github.io/posts/muon).

    A convolution's weight `(out, in, k, k)` is taken as `(out, in * k * k)`. The update is scaled
    by `0.2 * sqrt(max(rows, columns))`, which gives it the size of an AdamW update, so that rates
    and decays mean the same (Liu et al. 2025, https://arxiv.org/abs/2502.16982).

    As torch's fused optimisers do, it takes `grad_scale` and `found_inf` from a
    `torch.amp.GradScaler`: gradients are divided by the one, and where the other is not 0 nothing
    changes, neither weights nor momentum. It never waits for the device.
    """

    # Of the class, since copying and unpickling pass __init__ by. It tells GradScaler to set the
    # two attributes for each step.
    _step_supports_amp_scaling = True

    def __init__(
        self, params: Iterable[Any], lr: float, momentum: float = 0.95, *, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, _closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for number, group in enumerate(self.param_groups):
            apart: dict[tuple[torch.device, torch.dtype], list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    apart.setdefault((p.device, p.dtype), []).append(p)
            for parameters in apart.values():
                self._step(
                    self._workspace(number, parameters),
                    group["lr"],
                    group["momentum"],
                    group["weight_decay"],
                )

    def _step(self, workspace: "_Workspace", rate: float, momentum: float, decay: float) -> None:
        gradients = [p.grad for p in workspace.parameters if p.grad is not None]
        parameters: list[Tensor] = [*workspace.parameters]
        buffers = [self._momentum(p) for p in workspace.parameters]
        scale, overflow = getattr(self, "grad_scale", None), getattr(self, "found_inf", None)
        left: Any = 1 - rate * decay
        use: Tensor | None = None
        if scale is not None:
            gradients = list(torch._foreach_div(gradients, scale))
        if overflow is not None:
            skip = overflow != 0
            # from itself the momentum moves nowhere
            gradients = workspace.where(skip, buffers, gradients)
            left = torch.full_like(overflow, left).masked_fill_(skip, 1.0)
            use = (~skip).to(overflow.dtype)
        torch._foreach_lerp_(buffers, gradients, 1 - momentum)
        # Nesterov's
        torch._foreach_copy_(workspace.views, torch._foreach_lerp(gradients, buffers, momentum))
        torch._foreach_mul_(parameters, left)
        for kind, updates in workspace.updates(use):
            torch._foreach_add_([*kind.parameters], updates, alpha=-rate * kind.scale)

    def _momentum(self, p: nn.Parameter) -> Tensor:
        state = self.state[p]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(p)
        momentum: Tensor = state["momentum"]
        return momentum

    def _workspace(self, group: int, parameters: list[nn.Parameter]) -> "_Workspace":
        """The workspace of these parameters: the same one in every step, as long as they are the
        same."""
        Key = tuple[int, torch.device, torch.dtype]
        workspaces: dict[Key, _Workspace] = self.__dict__.setdefault("_workspaces", {})
        key = group, parameters[0].device, parameters[0].dtype
        if key not in workspaces or not workspaces[key].fits(parameters):
            workspaces[key] = _Workspace(parameters)
        return workspaces[key]


class _SameShape:
    """Parameters of one shape, as `(rows, columns)` matrices; `span`: their slice of a
    workspace."""

    def __init__(self, parameters: list[nn.Parameter], span: slice) -> None:
        self.parameters, self.span = parameters, span
        self.rows, self.columns = len(parameters[0]), parameters[0][0].numel()
        self.scale = 0.2 * max(self.rows, self.columns) ** 0.5

    def stack(self, flat: Tensor) -> Tensor:
        """Their matrices in `flat`, a workspace's memory: `(n, rows, columns)`."""
        return flat[self.span].view(-1, self.rows, self.columns)


class _Workspace:
    """Memory in which the updates of parameters of one device and type are computed, kept from step
    to step. `views`: parts of it in the shapes and strides of the parameters, in their order here.

    On a CPU a matrix has its columns in the order of the shape, and the parameters of each shape
    are made orthogonal by themselves, in float32. On other devices the columns lie as the
    parameter's numbers do in memory, so that one kernel copies all of them (the result is the
    same), and all shapes are made orthogonal by `orthogonal_together`.
    """

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        alike: dict[tuple[int, int], list[nn.Parameter]] = {}
        for p in parameters:
            alike.setdefault((len(p), p[0].numel()), []).append(p)
        self.kinds: list[_SameShape] = []
        size = 0
        for (rows, columns), those in alike.items():
            numbers = len(those) * rows * columns
            self.kinds.append(_SameShape(those, slice(size, size + numbers)))
            # aligned as a tensor of its own is, for the libraries' sake
            size += -(-numbers // 64) * 64
        self.parameters = [p for kind in self.kinds for p in kind.parameters]
        self._given = [id(p) for p in parameters]
        self.type = working_type(parameters[0].device)
        self._flat = parameters[0].new_zeros(size)
        self.views = self._views(self._flat)

    def fits(self, parameters: list[nn.Parameter]) -> bool:
        """Whether it was made for these parameters."""
        return self._given == [id(p) for p in parameters]

    def _views(self, flat: Tensor) -> list[Tensor]:
        views = []
        for kind in self.kinds:
            for p, matrix in zip(kind.parameters, kind.stack(flat).unbind(), strict=True):
                views.append(matrix.view(p.shape) if self.type is None else _lying_as(matrix, p))
        return views

    def where(self, condition: Tensor, these: list[Tensor], those: list[Tensor]) -> list[Tensor]:
        """`torch.where(condition, a, b)` of two lists in the order of `parameters`, in three
        kernels; the result is in this memory."""
        other = torch.zeros_like(self._flat)
        torch._foreach_copy_(self._views(other), these)
        torch._foreach_copy_(self.views, those)
        torch.where(condition, other, self._flat, out=self._flat)
        return self.views

    def updates(self, factor: Tensor | None = None) -> Iterable[tuple[_SameShape, list[Tensor]]]:
        """Makes orthogonal what is in this memory, times `factor`, 0-dimensional; yields each kind
        with the updates of its parameters. The memory is overwritten."""
        stacks = [kind.stack(self._flat) for kind in self.kinds]
        if self.type is not None:
            orthogonal_together(stacks, self.type, factor)
            views = iter(self.views)
            return [(kind, [next(views) for _ in kind.parameters]) for kind in self.kinds]
        made = (
            orthogonal(stack) if factor is None else orthogonal(stack) * factor for stack in stacks
        )
        return (
            (kind, [u.view_as(p) for p, u in zip(kind.parameters, each, strict=True)])
            for kind, each in zip(self.kinds, made, strict=True)
        )


def _lying_as(matrix: Tensor, p: Tensor) -> Tensor:
    """The contiguous matrix in the shape of `p`, with its strides if they are of channels last."""
    if p.ndim == 4 and p.is_contiguous(memory_format=torch.channels_last) and not p.is_contiguous():
        out, channels, height, width = p.shape
        return matrix.view(out, height, width, channels).permute(0, 3, 1, 2)
    return matrix.view(p.shape)


@lru_cache
def working_type(device: torch.device) -> torch.dtype | None:
    """What `orthogonal` computes in there, batched for few kernels; None for a CPU: float32, and
    not batched, so that runs repeat bit by bit.

    On CUDA bfloat16 from Ampere on, float16 on Volta and Turing, which have no fast bfloat16, and
    float32 before. On Apple's GPUs float32: older ones have no bfloat16.
    """
    if device.type == "cpu":
        return None
    if device.type != "cuda":
        return torch.float32
    # By the number of devices, not is_available(): tensors that only pretend to be on CUDA have
    # none to ask.
    major = torch.cuda.get_device_capability(device)[0] if torch.cuda.device_count() else 8
    return torch.bfloat16 if major >= 8 else torch.float16 if major == 7 else torch.float32


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrix with orthonormal rows (or columns), roughly: singular values come out
    between about 0.7 and 1.2. `(..., rows, columns)`.

    Five steps of the quintic Newton-Schulz iteration with Jordan's coefficients; in `working_type`,
    on a CPU in float32. Each step multiplies the matrix X from the left by a polynomial of X X^T,
    and these commute: where X is far from square, on a CPU the polynomials of the small X X^T are
    multiplied together first and applied once (3.5 times faster at 512 x 4608).
    """
    working = working_type(matrix.device)
    if working is not None:
        stack = matrix.clone(memory_format=torch.contiguous_format).view(-1, *matrix.shape[-2:])
        orthogonal_together([stack], working, steps=steps)
        return stack.view(matrix.shape)
    x = matrix.float()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + TINY)
    if x.shape[-1] >= 2 * x.shape[-2]:
        gram = x @ x.mT
        total: Tensor | None = None
        for _ in range(steps):
            polynomial = B * gram + C * gram @ gram
            polynomial.diagonal(dim1=-2, dim2=-1).add_(A)
            total = polynomial if total is None else polynomial @ total
            gram = polynomial @ gram @ polynomial
        x = x if total is None else total @ x
    else:
        for _ in range(steps):
            gram = x @ x.mT
            x = A * x + (B * gram + C * gram @ gram) @ x
    result: Tensor = (x.mT if tall else x).to(matrix.dtype)
    return result


def orthogonal_together(
    stacks: Sequence[Tensor], working: torch.dtype, factor: Tensor | None = None, *, steps: int = 5
) -> None:
    """Make the matrices of each stack `(n, rows, columns)` orthogonal, in place, then multiply them
    by `factor`, 0-dimensional.

    Computed in `working` in few batches, three products a step: tall matrices are turned, and small
    ones widened with zeros to the shape of others, which changes nothing, since rows and columns of
    zeros stay zeros.
    """
    for (rows, columns), members in _batches(tuple(tuple(stack.shape) for stack in stacks)):
        flat = [
            stacks[i].mT if stacks[i].shape[-2] > stacks[i].shape[-1] else stacks[i]
            for i in members
        ]
        full = all(tuple(each.shape[-2:]) == (rows, columns) for each in flat)
        shape = sum(len(each) for each in flat), rows, columns
        x = (torch.empty if full else torch.zeros)(shape, dtype=working, device=flat[0].device)
        for each, part in zip(flat, _parts(x, flat), strict=True):
            norm = torch.linalg.vector_norm(each, dim=(-2, -1), keepdim=True)
            # in the gradients' own type until here: their size may be any
            torch.div(each, norm.add_(TINY), out=part)
        for _ in range(steps):
            gram = torch.bmm(x, x.mT)
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=B, alpha=C), x, beta=A)
        for each, part in zip(flat, _parts(x, flat), strict=True):
            if factor is None:
                each.copy_(part)
            else:
                torch.mul(part, factor, out=each)


def _parts(batch: Tensor, stacks: list[Tensor]) -> list[Tensor]:
    """The inverse of batching: each stack's matrices, without the zeros that were added."""
    split = torch.split_with_sizes(batch, [len(stack) for stack in stacks])
    return [
        part[:, : stack.shape[-2], : stack.shape[-1]]
        for part, stack in zip(split, stacks, strict=True)
    ]


@lru_cache
def _batches(shapes: tuple[tuple[int, ...], ...]) -> list[tuple[tuple[int, int], list[int]]]:
    """Which stacks are computed in one batch, by their shapes: for each batch the shape of its
    matrices (rows at most columns) and the numbers of its stacks."""
    flat = [(n, min(rows, columns), max(rows, columns)) for n, rows, columns in shapes]
    batches: list[tuple[tuple[int, int], list[int]]] = []
    for i in sorted(range(len(flat)), key=lambda i: -_flops(*flat[i][1:])):
        n, rows, columns = flat[i]
        wide_enough = [
            ((r, c), members) for (r, c), members in batches if r >= rows and c >= columns
        ]
        waste = {
            j: n * (_flops(*shape) - _flops(rows, columns))
            for j, (shape, _) in enumerate(wide_enough)
        }
        best = min(waste, key=lambda j: waste[j], default=None)
        if best is not None and waste[best] <= PADDING_FLOPS:
            wide_enough[best][1].append(i)
        else:
            batches.append(((rows, columns), [i]))
    return batches


def _flops(rows: int, columns: int, steps: int = 5) -> int:
    """Floating-point operations for one wide matrix of that shape."""
    return steps * (4 * rows * rows * columns + 2 * rows**3)
