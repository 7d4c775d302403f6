"""Checks of a step's parts: the prefetcher, numbers against the CPU's, every block with every
optimiser, Muon, and what waits for the device."""

import contextlib
import copy
import itertools
import random
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gocnn import devices
from gocnn.errors import UserError
from gocnn.nn import Block, Context
from gocnn.policy.network import PolicyConfig, PolicyNetwork
from gocnn.policy.task import PolicyTask
from gocnn.training import Prefetcher, TrainConfig, optim
from gocnn.training.batches import Again
from gocnn.training.config import Optimiser
from gocnn.training.precision import autocast
from gpukit import go, timing
from gpukit.check import GAMES_OPEN, Bench

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal")
"""Operators whose result the program waits for."""


def games_open(bench: Bench) -> str:
    """The games are imported, the kernels compiled (a process of its own has begun with that at
    once), and a batch is drawn."""
    job = bench.jobs.get(GAMES_OPEN)
    if job is not None:
        code, text = job.finish()
        if code:
            raise AssertionError(f"ended with {code}:\n{text[-3000:]}")
    chosen, held = bench.games
    go.source(chosen, 16).batch(0)
    return f"{len(chosen)} games, {chosen.positions} positions; {len(held)} games for validation"


def prefetcher(bench: Bench) -> str:
    """What arrives on the device is what was drawn, while the device is busy with something
    else."""
    batches, first = (3, 1) if bench.tiny else (40, 5)
    source = go.source(bench.games[0], 32 if bench.tiny else 256, 3)
    plain, feeding = copy.copy(source), Prefetcher(source, first, bench.device, feeders=3)
    side = 4096 if bench.cuda else 64
    busy = torch.randn(side, side, device=bench.device)
    kept = []
    try:
        for _ in range(batches):
            for _ in range(4):
                busy = busy @ busy / busy.norm()
            kept.append([t.clone() for t in feeding.next()])
    finally:
        feeding.close()
    for number, batch in enumerate(kept, first):
        for got, want in zip(batch, plain.batch(number), strict=True):
            if not np.array_equal(got.cpu().numpy(), want):
                raise AssertionError(f"batch {number} is not what was drawn")
    return f"{batches} batches of {len(kept[0][0])}, bit for bit"


def numbers(bench: Bench) -> str:
    """Loss and gradient on the device, in each precision, against float32 on the CPU."""
    torch.manual_seed(1)
    net = PolicyNetwork(size(bench))
    arrays = go.source(bench.games[0], 16 if bench.tiny else 64).batch(0)

    def measured(device: torch.device, precision: str) -> tuple[float, torch.Tensor]:
        mine = devices.placed(copy.deepcopy(net), device).train()
        with autocast(device, precision):
            kind = (torch.zeros(1, 1, device=device) @ torch.zeros(1, 1, device=device)).dtype
            loss, _ = PolicyTask().loss(mine, go.on(device, arrays))
        if kind is not timing.KINDS[precision]:
            raise AssertionError(f"precision {precision} computes in {kind}")
        scale = 4096.0 if precision == "fp16" else 1.0
        (loss * scale).backward()
        return float(loss.detach()), go.gradient(mine) / scale

    loss, gradient = measured(torch.device("cpu"), "fp32")
    said, wrong = [], []
    for precision, limit in (("fp32", 1e-2), ("bf16", 0.25), ("fp16", 0.1)):
        if (
            precision == "bf16"
            and bench.cuda
            and not torch.cuda.is_bf16_supported(including_emulation=False)
        ):
            said.append("bf16 not on this card")
            continue
        try:
            other, theirs = measured(bench.device, precision)
        except Exception as error:  # noqa: BLE001 - the other precisions are tried all the same
            wrong.append(f"{precision}: {error!r:.200}")
            continue
        error_of_gradient = float((theirs - gradient).norm() / gradient.norm())
        said.append(f"{precision} loss {other - loss:+.1e}, gradient {error_of_gradient:.1e}")
        if not (error_of_gradient < limit and abs(other - loss) < 0.05):
            wrong.append(f"{said[-1]} (at most {limit:g} and 0.05)")
    if wrong:
        raise AssertionError("; ".join(wrong))
    return "; ".join(said)


def every_block(bench: Bench) -> str:
    """Every block with every context trains a step with each optimiser; all weights stay finite and
    move."""
    batch, done = go.dice(8 if bench.tiny else 32, bench.device), 0
    bad: list[str] = []
    choices = (
        (("preact",), ("se", "bias"), ("muon",))
        if bench.tiny
        else (get_args(Block), get_args(Context), get_args(Optimiser))
    )
    combinations = list(itertools.product(*choices))
    # where there is time for some only, they are of all kinds
    random.Random(1).shuffle(combinations)
    for block, context, optimiser in combinations:
        if done + len(bad) and time.perf_counter() > bench.until:
            break
        try:
            _two_steps(
                replace(go.shape("tiny"), block=block, context=context, blocks=2, channels=16),
                optimiser,
                batch,
                bench,
            )
            done += 1
        except Exception as error:  # noqa: BLE001 - the others are tried all the same
            bad.append(f"{block}/{context}/{optimiser}: {error!r:.200}")
    if bad:
        raise AssertionError(f"{len(bad)} of {done + len(bad)}: {'; '.join(bad)}")
    return f"{done} of {len(combinations)}"


def _two_steps(shape: Any, optimiser: Optimiser, batch: Any, bench: Bench) -> None:
    net = devices.placed(PolicyNetwork(shape), bench.device)
    before = [p.detach().clone() for p in net.parameters()]
    stepper = go.stepper(
        net, bench.device, half(bench.device), TrainConfig(steps=1, optimiser=optimiser, ema=0.9)
    )
    felt: dict[int, torch.Tensor] = {}

    def feel(parameter: torch.Tensor) -> None:
        assert parameter.grad is not None
        now = torch.ne(parameter.grad, 0).any()
        felt[id(parameter)] = felt[id(parameter)] | now if id(parameter) in felt else now

    for parameter in net.parameters():
        parameter.register_post_accumulate_grad_hook(feel)
    for _ in range(4):  # gates that begin at zero let nothing through in the first
        sums = stepper.step(net, Again(batch), 1.0)
    averaged = list(stepper.averaged.parameters())
    finite = torch.stack([p.isfinite().all() for p in [*net.parameters(), *averaged, sums]]).all()
    moved = torch.stack([(p != b).any() for p, b in zip(net.parameters(), before, strict=True)])
    if not bool(finite):
        raise AssertionError("not finite")
    # Behind gates that begin at zero plain gradients are so small, some 1e-7, that adding them to
    # ones changes no bit; the other optimisers scale them. That gradients come there is all there
    # is to ask of SGD.
    if optimiser == "sgd":
        moved |= torch.stack([felt.get(id(p), moved.new_zeros(())) for p in net.parameters()])
    if not bool(moved.all()):
        raise AssertionError(f"{int((~moved).sum())} parameters did not move")


def size(bench: Bench) -> PolicyConfig:
    """The shape of the networks that are checked."""
    return (
        replace(go.shape("tiny"), blocks=1, channels=8, head=8) if bench.tiny else go.shape("tiny")
    )


def half(device: torch.device) -> str:
    """The precision that a run on this device would have, without a stopwatch."""
    return (
        "fp32"
        if device.type != "cuda"
        else "bf16"
        if torch.cuda.is_bf16_supported(including_emulation=False)
        else "fp16"
    )


def orthogonal(bench: Bench) -> str:
    """Muon's updates have singular values about 1, on the device."""
    low, high = np.inf, 0.0
    for shape in ((3, 128, 1152), (2, 72, 8), (4, 1, 32)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(bench.device)
        values = torch.linalg.svdvals(optim.orthogonal(matrix).cpu().float())
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if low < 0.3 or high > 1.5:
        raise AssertionError(f"singular values from {low:.2f} to {high:.2f}")
    return f"singular values {low:.2f} to {high:.2f}"


class _Waits(TorchDispatchMode):
    """Counts operators that wait, by the place in the project they come from. What torch's own
    optimisers read of their counters lies on the CPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it without
        self.seen: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        masked = name in ("index", "index_put", "index_put_") and any(
            getattr(i, "dtype", None) is torch.bool for i in args[1] or ()
        )
        if name in WAITING or masked:
            frames = traceback.extract_stack()
            if not any("/torch/optim/" in f.filename for f in frames[-12:]):
                self.seen[f"{name} in {_mine(frames)}"] += 1
        return func(*args, **(kwargs or {}))


def _mine(frames: Any) -> str:
    mine = [
        f
        for f in frames
        if "gocnn" in Path(f.filename).parts or "imagecls" in Path(f.filename).parts
    ]
    return f"{Path(mine[-1].filename).name}:{mine[-1].lineno} {mine[-1].line}" if mine else "torch"


@contextlib.contextmanager
def waits(device: torch.device) -> Iterator[Counter[str]]:
    """What waits for the device in between, by place: on a card torch's own watch over
    synchronisations, elsewhere a count of operators."""
    if device.type != "cuda":
        mode = _Waits()
        with mode:
            yield mode.seen
        return
    seen: Counter[str] = Counter()

    def show(message: Warning | str, *_rest: Any, **_named: Any) -> None:
        if "called a synchronizing" in str(message):
            seen[_mine(traceback.extract_stack())] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield seen
        finally:
            torch.cuda.set_sync_debug_mode("default")


def no_waiting(bench: Bench) -> str:
    """Nothing in a step waits for the device: a real prefetcher, each optimiser, accumulation."""
    bad, steps = [], 3
    for optimiser in ("muon",) if bench.tiny else get_args(Optimiser):
        config = TrainConfig(
            steps=1, batch=16 if bench.tiny else 32, accumulate=2, optimiser=optimiser, ema=0.9
        )
        net = devices.placed(PolicyNetwork(size(bench)), bench.device)
        stepper = go.stepper(net, bench.device, half(bench.device), config)
        feeding = Prefetcher(
            go.source(bench.games[0], config.batch // 2), 0, bench.device, feeders=1
        )
        try:
            for _ in range(3):  # states of optimisers are made in the first
                stepper.step(net, feeding, 1.0)
            bench.wait()
            with waits(bench.device) as seen:
                for _ in range(steps):
                    stepper.step(net, feeding, 0.9)
        finally:
            feeding.close()
        bad += [f"{optimiser}: {count} in {steps} steps, {where}" for where, count in seen.items()]
    if bad:
        raise AssertionError("; ".join(bad))
    return f"{steps} steps of each optimiser"


def watch_can_fail(bench: Bench) -> str:
    """The watch over synchronisations sees one that is there."""
    x = torch.ones(8, device=bench.device)
    with waits(bench.device) as seen:
        float(x.sum())
    if not seen:
        raise AssertionError("reading a number off the device was not noticed")
    return ""


def tensor_cores(bench: Bench) -> str:
    """A convolution of a trunk is faster in the run's precision than in float32, so that tensor
    cores are used."""
    bench.need_cuda()
    times = {}
    for precision in ("fp32", half(bench.device)):
        kind = timing.KINDS[precision]
        layer = nn.Conv2d(128, 128, 3, padding=1, bias=False, device=bench.device, dtype=kind)
        devices.placed(layer, bench.device, torch.channels_last)
        x = torch.randn(256, 128, 19, 19).to(
            device=bench.device, dtype=kind, memory_format=torch.channels_last
        )
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        with torch.no_grad():
            for i in range(13):
                if i == 3:
                    begin.record()
                layer(x)
            end.record()
        bench.wait()
        times[precision] = begin.elapsed_time(end) / 10
    text = ", ".join(f"{precision} {ms:.2f} ms" for precision, ms in times.items())
    if times[half(bench.device)] > times["fp32"]:
        raise AssertionError(f"no faster than float32: {text}")
    return text


def no_memory(bench: Bench) -> str:
    """Memory that is not enough is said in a sentence, as the trainer says it: a limit, and a batch
    that cannot fit."""
    from gpukit.check_trainer import trained

    net_out = bench.scratch / "memory"
    task_loss = PolicyTask.loss

    def full(*_arguments: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    try:
        if bench.cuda:
            total = torch.cuda.get_device_properties(bench.device).total_memory
            torch.cuda.empty_cache()
            reserved = torch.cuda.memory_reserved(bench.device)
            torch.cuda.set_per_process_memory_fraction(
                min(1.0, (reserved + 2e9) / total), bench.device
            )
        else:
            PolicyTask.loss = full  # type: ignore[assignment,method-assign]  # put back below
        try:
            trained(
                bench,
                net_out,
                steps=2,
                batch=1024 if bench.cuda else 8,
                shape=go.shape("base") if bench.cuda else None,
            )
        except UserError as error:
            said = str(error)
        else:
            raise AssertionError("a batch that cannot fit was no error")
    finally:
        PolicyTask.loss = task_loss  # type: ignore[method-assign]
        if bench.cuda:
            torch.cuda.set_per_process_memory_fraction(1.0, bench.device)
            torch.cuda.empty_cache()
    if (
        "memory" not in said
        or "\n" in said
        or ("choose" not in said and "--accumulate" not in said)
    ):
        raise AssertionError(f"not a sentence about memory and what to do: {said}")
    return said


BEFORE_GAMES = (
    ("every block, context and optimiser", every_block),
    ("Muon's orthogonal", orthogonal),
    ("tensor cores", tensor_cores),
    ("the watch over synchronisations sees one", watch_can_fail),
)
CHECKS = (
    (GAMES_OPEN, games_open),
    ("the feeder brings what was drawn", prefetcher),
    ("loss and gradient against the CPU", numbers),
    ("no step waits for the device", no_waiting),
    ("out of memory is a sentence", no_memory),
)
