"""How much of the network's own speed go-train keeps: its convolutions alone, forward and backward
alone, and whole training steps, in one run.

    python benchmarks/training.py [GAMES-OR-STORE] [--preset small] [--batch 256] [--accumulate 1] \
        [--seconds 60] [--device cpu] [--convolution winograd]

`convolutions` runs each convolution of the network by itself, forward and backward, on inputs of
the right shape: what the hardware can do at most. `alone` is the loss, its gradient and nothing
else, on one batch that stays on the device. `training` is the trainer as go-train runs it, once it
is under way: samples drawn, moved, optimiser, average of the weights, reports; its shares of the
two follow. On CUDA the share of the bf16 peak is printed too, if `--peak` gives that in TFLOP/s
(989 for an H100 SXM without sparsity).
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gocnn import devices
from gocnn.features.planes import plane_count
from gocnn.games.selection import GameFilter
from gocnn.nn.describe import describe
from gocnn.policy import data
from gocnn.policy.network import PolicyNetwork, preset
from gocnn.policy.source import PositionSource
from gocnn.policy.task import PolicyTask
from gocnn.training.precision import autocast, choose_precision
from scripts import run_script
from steady import steady

ROUNDS = 3


def alone(
    network: PolicyNetwork,
    batch: tuple[torch.Tensor, torch.Tensor],
    device: torch.device,
    precision: str,
    seconds: float,
) -> float:
    """Samples a second of forward and backward."""
    task, count = PolicyTask(), 0
    network.train()
    for warm in (True, False):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < (2.0 if warm else seconds):
            with autocast(device, precision):
                loss, _ = task.loss(network, batch)
            loss.backward()
            network.zero_grad()
            count += len(batch[1])
            if device.type == "cuda":
                torch.cuda.synchronize()
    return count / (time.perf_counter() - began)


def convolutions(
    network: PolicyNetwork,
    batch: torch.Tensor,
    device: torch.device,
    precision: str,
    seconds: float,
) -> float:
    """Samples a second of the network's convolutions, one after the other: outputs, gradients of
    inputs (but the planes') and of weights."""
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    layers: list[tuple[nn.Conv2d, torch.Tensor]] = []

    def note(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        assert isinstance(layer, nn.Conv2d)
        x = (
            torch.randn_like(inputs[0], dtype=kind)
            .to(memory_format=torch.channels_last)
            .requires_grad_(len(layers) > 0)
        )
        layers.append((layer, x))

    hooks = [
        layer.register_forward_pre_hook(note)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    with torch.no_grad():
        network(batch.float())
    for hook in hooks:
        hook.remove()
    work = [(x, layer.weight.detach().to(kind).requires_grad_(), layer) for layer, x in layers]
    grads = [torch.randn_like(layer(x.float())).to(kind) for layer, x in layers]
    for warm in (True, False):
        began, count = time.perf_counter(), 0
        while time.perf_counter() - began < (2.0 if warm else seconds):
            for (x, weight, layer), grad in zip(work, grads, strict=True):
                y = nn.functional.conv2d(x, weight, None, layer.stride, layer.padding)
                torch.autograd.grad(y, [weight, x] if x.requires_grad else [weight], grad)
            count += len(batch)
            if device.type == "cuda":
                torch.cuda.synchronize()
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "games", nargs="?", default=str(Path(__file__).parents[1] / "data" / "games")
    )
    parser.add_argument("--preset", default="small")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of training in each round, after a warm-up"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--peak", type=float, help="bf16 peak in TFLOP/s")
    parser.add_argument(
        "--accumulate",
        type=int,
        default=1,
        help="parts of a batch; `convolutions` and `alone` have one part's size",
    )
    parser.add_argument(
        "--compile", action="store_true", help="train with torch.compile (`alone` is without)"
    )
    parser.add_argument(
        "--convolution",
        choices=["direct", "winograd"],
        default="direct",
        help="of `training` only, on a CPU in fp32",
    )
    options = parser.parse_args()
    device = devices.resolve(options.device)
    chosen, held = data.split(
        data.select_games(data.open_stores([options.games])[0], GameFilter()), 0.05
    )
    config, precision = preset(options.preset), choose_precision(device)
    source = PositionSource(
        chosen.games, config.plane_groups, options.batch // options.accumulate, 0
    )
    batch = tuple(torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in source.batch(0))
    pairs, waited, bounds = [], [], []
    for turn in range(ROUNDS):
        network = devices.placed(PolicyNetwork(config), device, torch.channels_last)
        bounds.append(convolutions(network, batch[0], device, precision, options.seconds / 4))
        free = alone(network, batch, device, precision, options.seconds / 4)  # type: ignore[arg-type]
        run = {
            "batch": options.batch,
            "accumulate": options.accumulate,
            "seed": turn,
            "precision": precision,
            "convolution": options.convolution,
        }
        rate, wait = steady(
            config, source, held.games, device, options.seconds, options.compile, **run
        )
        pairs.append((free, rate))
        waited.append(wait)
        shares = f"{rate / bounds[-1]:.1%} and {rate / free:.1%}"
        print(
            f"round {turn + 1}: convolutions {bounds[-1]:,.0f}, alone {free:,.0f}, training"
            f" {rate:,.0f} samples/s: {shares}; waited {wait:.2%}"
        )
    rate = statistics.median(b for _, b in pairs)
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    print(
        f"{options.preset}, batch {options.batch} in {options.accumulate} parts, {precision},"
        f" {options.convolution}, {name}, torch {torch.__version__}"
    )
    kept = statistics.median(b / a for a, b in pairs)
    print(
        f"training keeps {kept:.1%} of forward and backward alone (median of {ROUNDS}); waited"
        f" {max(waited):.2%} at most"
    )
    bound = statistics.median(b / c for (_, b), c in zip(pairs, bounds, strict=True))
    print(f"and {bound:.1%} of what its convolutions reach by themselves")
    macs = describe(
        options.preset, PolicyNetwork(config), (plane_count(config.plane_groups), 19, 19)
    ).macs
    flops = rate * macs * 6  # two operations a multiply-accumulate; backward costs twice forward
    print(
        f"{rate:,.0f} samples/s, {flops / 1e12:.3f} TFLOP/s in convolutions"
        + (f", {flops / options.peak / 1e12:.1%} of peak" if options.peak else "")
    )


if __name__ == "__main__":
    run_script(main)
