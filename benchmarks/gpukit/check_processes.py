"""Checks that are processes of their own: compiling, CUDA graphs, several processes with torchrun,
and the tests with the marker `cuda`."""

import copy
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch.distributed import HashStore  # type: ignore[attr-defined]  # documented, yet not in __all__

from gocnn import devices
from gocnn.policy.network import PolicyNetwork
from gocnn.training import TrainConfig
from gocnn.training.batches import Again
from gocnn.training.distributed import Processes, join, wrap_model
from gpukit import common, facts, go
from gpukit.check import GAMES_OPEN, Bench, Check, LeftOut


def marked() -> list[str]:
    """The files with tests that have the marker `cuda`. Others are not even imported: they may want
    packages that are not here."""
    return [
        str(path)
        for path in sorted((common.ROOT / "tests").glob("test_*.py"))
        if "mark.cuda" in path.read_text(encoding="utf-8")
    ]


def commands(bench: Bench) -> dict[str, list[str]]:
    """The command of each check that is a process of its own, where its packages are there."""
    mine = [
        sys.executable,
        str(common.ROOT / "benchmarks" / "gpu.py"),
        "check",
        "--device",
        str(bench.device),
        "--child",
    ]
    count = min(2, torch.cuda.device_count()) if bench.cuda else 2
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(count),
    ]
    there = facts.there("pytest") and facts.there("hypothesis")
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "cuda",
        "-q",
        "-rs",
        "-p",
        "no:cacheprovider",
        *marked(),
    ]
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, (str(common.ROOT / "benchmarks"), os.environ.get("PYTHONPATH")))
    )
    if bench.tiny:
        return {}
    # all of them are on this machine, whose own name nobody may know
    for library in ("GLOO", "NCCL") if sys.platform == "linux" else ():
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", "lo")
    jobs = {
        NAMES["games"]: [*mine, "games", "--games", str(bench.store)],
        NAMES["compile"]: [*mine, "compile"],
        NAMES["graphs"]: [*mine, "graphs"],
        NAMES["processes"]: [*torchrun, *mine[1:], "processes"],
    }
    if not bench.cuda:
        del jobs[NAMES["graphs"]]
    return {**jobs, **({NAMES["tests"]: tests} if there else {})}


NAMES = {
    "compile": "torch.compile",
    "graphs": "torch.compile with CUDA graphs",
    "processes": "several processes: gradients, norms, NCCL",
    "tests": "pytest -m cuda",
    "games": GAMES_OPEN,
}


def _asked(name: str) -> Check:
    """The check that waits for the process of that name."""

    def check(bench: Bench) -> str:
        job = bench.jobs.get(name)
        if name == NAMES["graphs"]:
            bench.need_cuda()
        if job is None:
            raise LeftOut(
                "needs pytest and hypothesis"
                if name == NAMES["tests"] and not bench.tiny
                else "starts a process"
            )
        code, text = job.finish()
        if name == NAMES["tests"] and code == 5:
            raise AssertionError("pytest found no test with the marker cuda")
        if code:
            raise AssertionError(f"ended with {code}:\n{text[-6000:]}")
        lines = text.strip().splitlines()
        if name == NAMES["tests"] and re.search(r"\d skipped", lines[-1]) and bench.cuda:
            skipped = [line for line in lines if line.startswith("SKIPPED")]
            return f"{lines[-1]}; {'; '.join(skipped)[:300]}"
        return lines[-1] if lines else ""

    return check


def _compiled(device: torch.device, mode: str) -> int:
    """A tiny network's steps, compiled and not, side by side: the same losses, and no second
    compilation after the first steps."""
    torch.manual_seed(0)
    precision = (
        "bf16"
        if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        else "fp32"
    )
    net = devices.placed(PolicyNetwork(go.shape("tiny")), device)
    other = copy.deepcopy(net)
    began = time.perf_counter()
    losses: list[torch.Tensor] = []
    # A graph's gradients lie where its next run writes, so that no second part may be added to
    # them.
    parts = 1 if mode == "reduce-overhead" else 2
    compiled: torch.nn.Module = torch.compile(net, mode=mode)  # type: ignore[assignment]  # torch says a callable
    calls: tuple[tuple[PolicyNetwork, torch.nn.Module], ...] = ((net, compiled), (other, other))
    for each, call in calls:
        stepper = go.stepper(
            each,
            device,
            precision,
            TrainConfig(steps=1, batch=32 * parts, accumulate=parts, learning_rate=1e-3),
        )
        feeding = Again(go.dice(32, device))
        losses.append(
            torch.stack([stepper.step(call, feeding, 1.0) for _ in range(6)])[:, 0].cpu()
            / (32 * parts)
        )
        if call is not each:
            seconds = time.perf_counter() - began
    difference = float((losses[0] - losses[1]).abs().max())
    if not difference < 0.1:
        print(f"losses differ by {difference:.2e}: {losses[0].tolist()} and {losses[1].tolist()}")
        return 1
    del each, call, calls, compiled
    print(
        f"{precision}, mode {mode}: losses differ by {difference:.1e} over 6 steps, {seconds:.0f} s"
    )
    return 0


def _processes(device: torch.device) -> int:
    """Under torchrun: what is agreed on, and gradients over all processes against those of the
    whole batch in one."""
    processes, here = join(
        str(device) if int(os.environ.get("WORLD_SIZE", "1")) == 1 else device.type
    )
    rank, world = processes.rank, processes.world
    if world == 1:  # the same paths all the same, among "several" of which this is the only one
        if here.type == "cuda":
            torch.cuda.set_device(here)
        dist.init_process_group(
            "nccl" if here.type == "cuda" else "gloo", store=HashStore(), rank=0, world_size=1
        )
        processes = Processes(0, 2)
    try:
        if processes.broadcast(float(rank) + 3.0) != 3.0:
            raise AssertionError("process 0's word did not arrive")
        torch.manual_seed(0)
        net = devices.placed(PolicyNetwork(go.shape("tiny")), here)
        alone = copy.deepcopy(net)
        rows = 16
        whole = go.dice(rows * world, here)
        mine = tuple(t[rank * rows : (rank + 1) * rows] for t in whole)
        gradients = []
        for each, call, batch in (
            (alone, alone, whole),
            (net, wrap_model(net, processes, here, sync_norms=True), mine),
        ):
            stepper = go.stepper(
                each,
                here,
                "fp32",
                TrainConfig(
                    steps=1,
                    batch=rows,
                    clip=0.0,
                    optimiser="sgd",
                    learning_rate=0.1,
                    momentum=0.9,
                    weight_decay=0.0,
                    ema=0.0,
                ),
            )
            before = torch.cat([p.detach().flatten().clone() for p in each.parameters()])
            stepper.step(call, Again(batch), 1.0)
            gradients.append(before - torch.cat([p.detach().flatten() for p in each.parameters()]))
        error = float((gradients[0] - gradients[1]).norm() / gradients[0].norm())
        if not error < 2e-2:
            raise AssertionError(
                f"gradients of {world} processes differ from those of one by {error:.1e}"
            )
        if rank == 0:
            print(
                f"{'NCCL' if here.type == 'cuda' else 'Gloo'}, {world}"
                f" {'process' if world == 1 else 'processes'}: gradients differ by {error:.1e}",
                flush=True,
            )
    finally:
        dist.destroy_process_group()
    return 0


def _games(_device: torch.device, store: Path) -> int:
    """Import the games and compile the kernels, so that both are on disk for the check that asks
    for them."""
    go.source(go.games(store)[0], 256).batch(0)
    return 0


CHILDREN: dict[str, Callable[[torch.device, Path], int]] = {
    "compile": lambda device, _store: _compiled(device, "default"),
    "graphs": lambda device, _store: _compiled(device, "reduce-overhead"),
    "processes": lambda device, _store: _processes(device),
    "games": _games,
}

CHECKS = tuple((name, _asked(name)) for name in NAMES.values() if name != GAMES_OPEN)
