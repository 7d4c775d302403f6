"""Which precision the device trains fastest in: asked of it by a capability first, then by a stopwatch."""

import time
from typing import Literal

import torch
from torch import nn


def choose(device: torch.device, wanted: str = "auto", by_capability: bool = False) -> Literal["fp32", "bf16"]:
    """`fp32` or `bf16` for autocast. On CUDA bf16 where the chip has it; on a CPU bf16 only where it has bf16 instructions and convolutions
    then really train faster (without the instructions they are 10 to 40 times slower, so that is not even tried). `by_capability`: no stopwatch,
    whose word may change from one run to the next; the instructions alone decide."""  # fmt: skip
    if wanted in ("fp32", "bf16"):
        return "bf16" if wanted == "bf16" else "fp32"
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type != "cpu" or not _cpu_has_bf16():
        return "fp32"
    return "bf16" if by_capability or _seconds(True) < _seconds(False) else "fp32"


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
    """The best of three forward and backward passes of a 3x3 convolution over 32 boards of 64 channels."""
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(64, 64, 3, padding=1, bias=False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x = torch.randn(32, 64, 19, 19, generator=generator).to(memory_format=torch.channels_last).requires_grad_()
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
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
