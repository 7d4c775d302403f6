"""Which precision the device trains fastest in: asked of it by a capability first, then by a
stopwatch."""

import time
from typing import Literal

import torch
from torch import nn

from gocnn.devices import placed
from gocnn.errors import UserError

PrecisionName = Literal["fp32", "bf16", "fp16"]
NAMES: tuple[PrecisionName, ...] = ("fp32", "bf16", "fp16")

TENSOR_CORES = (7, 0)
"""The compute capability from which on NVIDIA's chips multiply fp16 matrices faster (Volta). Pascal
has fp16, and is no faster with it."""

WITHOUT_TENSOR_CORES = "GTX 16"
"""Turing chips that were sold without what their capability promises."""


def choose_precision(
    device: torch.device, wanted: str = "auto", by_capability: bool = False
) -> PrecisionName:
    """`fp32`, `bf16` or `fp16` for autocast. On CUDA bf16 where the chip has it, else fp16 where it
    has tensor cores (V100, T4); on a CPU bf16 only where it has bf16 instructions and convolutions
    then really train faster (without the instructions they are 10 to 40 times slower, so that is
    not even tried). `by_capability`: no stopwatch, whose word may change from one run to the next;
    the instructions alone decide.

    Raises UserError if bf16 is `wanted` of a CUDA device that has none.
    """
    if wanted in NAMES:
        if wanted == "bf16" and device.type == "cuda" and not fits(device, "bf16"):
            raise UserError(
                f"--precision bf16: {torch.cuda.get_device_name(device)} cannot compute in it; use"
                " --precision fp16, or leave it out"
            )
        return wanted
    if device.type == "cuda":
        return "bf16" if fits(device, "bf16") else "fp16" if fits(device, "fp16") else "fp32"
    if device.type != "cpu" or not fits(device, "bf16"):
        return "fp32"
    return "bf16" if by_capability or _seconds(True) < _seconds(False) else "fp32"


def choose_again(
    device: torch.device,
    wanted: str,
    before: str,
    device_before: str | None,
    *,
    by_capability: bool = False,
) -> PrecisionName:
    """The precision of a resumed run: what is `wanted`; else what the run computed in `before`, if
    the kind of device is the same and this device is good at it; else chosen anew. `device_before`
    is None where the checkpoint does not say it."""
    if (
        wanted == "auto"
        and before in NAMES
        and device_before in (None, device.type)
        and fits(device, before)
    ):
        return before
    return choose_precision(device, wanted, by_capability)


def fits(device: torch.device, name: str) -> bool:
    """Whether the device has instructions for that precision, so that it is not slower than fp32 by
    far."""
    if name == "fp32":
        return True
    if device.type == "cuda":
        with torch.cuda.device(device):
            if name == "bf16":
                return bool(torch.cuda.is_bf16_supported(including_emulation=False))
            fast: bool = torch.cuda.get_device_capability(device) >= TENSOR_CORES
            return fast and WITHOUT_TENSOR_CORES not in torch.cuda.get_device_name(device)
    return device.type != "cpu" or (name == "bf16" and _cpu_has_bf16())


def _cpu_has_bf16() -> bool:
    capability = torch.backends.cpu.get_cpu_capability()
    if "AVX512" not in capability and "AMX" not in capability:
        return False
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as stream:
            flags = next((line for line in stream if line.startswith("flags")), "")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _seconds(bf16: bool) -> float:
    """The best of three forward and backward passes of a 3x3 convolution over 32 boards of 64
    channels."""
    generator = torch.Generator().manual_seed(0)
    layer = placed(nn.Conv2d(64, 64, 3, padding=1, bias=False), memory_format=torch.channels_last)
    x = (
        torch.randn(32, 64, 19, 19, generator=generator)
        .to(memory_format=torch.channels_last)
        .requires_grad_()
    )
    best = float("inf")
    for _ in range(4):
        began = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = layer(x)
        y.float().sum().backward()
        best = min(best, time.perf_counter() - began)
    return best


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The autocast context of that precision."""
    return torch.autocast(
        device.type,
        torch.float16 if precision == "fp16" else torch.bfloat16,
        enabled=precision in ("bf16", "fp16"),
    )
