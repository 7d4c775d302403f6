"""What is slow once: compiling, and choosing algorithms. It happens in a step that is undone,
before the run's time begins to count."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gocnn.errors import UserError
from gocnn.training.batches import Batch
from gocnn.training.judging import ValidationBatches
from gocnn.training.memory import ran_out
from gocnn.training.stepping import Stepper
from gocnn.training.task import Guided


def warm(
    net: nn.Module,
    device: torch.device,
    *,
    mode: str | None,
    fixed: bool = False,
    moved: bool,
    rehearse: Callable[[nn.Module], None],
    say: Callable[[str], None],
) -> nn.Module:
    """The network to train: `net`, compiled in that `mode` (None: not compiled). `rehearse` is
    called with it, so that what is slow once is done; not on a CPU without compiling, where nothing
    is. `fixed`: it will see a few shapes, for each of which it is compiled apart, rather than once
    for all.

    Raises UserError if it cannot be compiled. A run that is allowed to (`moved`: it began on
    another kind of device, or compiling was not asked for) goes on without.
    """
    began = time.perf_counter()
    if mode:
        compiled: nn.Module = torch.compile(  # type: ignore[assignment]
            net, mode=mode, dynamic=False if fixed else None
        )
        try:
            rehearse(compiled)
        except Exception as error:
            if not _is_of_the_compiler(error):
                raise
            what = (
                "torch.compile does not work here"
                f" ({next(iter(str(error).splitlines()), type(error).__name__)[:200]})"
            )
            if not moved:
                raise UserError(
                    f"{what}; go on with --resume --no-compile, or leave out --compile in a new run"
                ) from error
            say(f"{what}: going on without it")
        else:
            say(f"compiled in {time.perf_counter() - began:.0f} s; the budget starts now")
            return compiled
    if device.type != "cpu":
        rehearse(net)
        say(f"warmed up in {time.perf_counter() - began:.0f} s; the budget starts now")
    return net


def _is_of_the_compiler(error: Exception) -> bool:
    """Whether the exception is one of torch.compile's own: no compiler, or an operation that it
    cannot translate."""
    parents = {f"{kind.__module__}.{kind.__name__}" for kind in type(error).__mro__}
    return any(
        name.startswith(("torch._dynamo.exc.", "torch._inductor.exc.")) for name in parents
    ) and not ran_out(error)


def one_of_each_shape(batches: ValidationBatches) -> list[Batch]:
    """The first batch, and the last if that is of another shape, as it often is: algorithms are
    chosen for each."""
    found = [
        batches[number] for number in sorted({0, len(batches) - 1}) if 0 <= number < len(batches)
    ]
    return (
        found
        if len({tuple(t.shape for t in batch) for batch in found}) == len(found)
        else found[:1]
    )


@contextmanager
def thrown_away(stepper: Stepper, device: torch.device) -> Iterator[None]:
    """Afterwards everything that a step changes is what it was, bit for bit: the model with its
    running statistics, the optimisers, the average, the scaler, the number of the step, what the
    task remembers, and the random generators."""
    models: list[nn.Module] = [stepper.model, *([stepper.ema.model] if stepper.ema else [])]
    tensors = [
        [(t, t.detach().to("cpu", copy=True)) for t in (*m.parameters(), *m.buffers())]
        for m in models
    ]
    modes = [[(module, module.training) for module in m.modules()] for m in models]
    optimisers = [_on_the_cpu(o.state_dict()) for o in stepper.optimisers]
    scaler, number = stepper.scaler.state_dict() if stepper.scaler else None, stepper.number
    random = torch.get_rng_state(), _device_state(device)
    task = stepper.task
    remembered = (
        {name: value.to("cpu", copy=True) for name, value in task.state().items()}
        if isinstance(task, Guided)
        else {}
    )
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, before in (pair for pairs in tensors for pair in pairs):
                tensor.copy_(before)
        for module, training in (pair for pairs in modes for pair in pairs):
            module.training = training
        for optimiser, state in zip(stepper.optimisers, optimisers, strict=True):
            optimiser.zero_grad()
            optimiser.load_state_dict(state)
        if stepper.scaler and scaler:
            stepper.scaler.load_state_dict(scaler)
        stepper.number = number
        if isinstance(task, Guided):
            task.restore(remembered)
        torch.set_rng_state(random[0])
        if random[1] is not None:
            (
                torch.cuda.set_rng_state(random[1], device)
                if device.type == "cuda"
                else torch.mps.set_rng_state(random[1])
            )


def _on_the_cpu(state: dict[str, Any]) -> dict[str, Any]:
    """A copy of an optimiser's state that costs the device no memory."""
    tensors = {
        number: {
            name: value.to("cpu", copy=True) if isinstance(value, Tensor) else value
            for name, value in values.items()
        }
        for number, values in state["state"].items()
    }
    return {"state": tensors, "param_groups": copy.deepcopy(state["param_groups"])}


def _device_state(device: torch.device) -> Tensor | None:
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None
