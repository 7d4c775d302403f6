"""Devices: which one a name means, and what they differ in."""

import torch

from gocnn.errors import UserError


def resolve(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda`, `cuda:N` or `mps` means on this machine; `auto` is CUDA where there is any, else the CPU.

    Raises UserError for what this machine does not have and for any other name.
    """
    kind, _, number = name.partition(":")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UserError("--device mps: torch finds no Metal GPU here; leave the option out to compute on the CPU")
        return torch.device("mps")
    if name not in ("auto", "cuda") and not (kind == "cuda" and number.isdecimal() and number.isascii()):
        raise UserError(f"--device {name} is not a device; use auto, cpu, cuda, cuda:N or mps")
    if not torch.cuda.is_available():
        raise UserError(f"--device {name}: this machine has no CUDA device that torch can use; leave the option out to compute on the CPU")
    count, index = torch.cuda.device_count(), int(number or 0)
    if index >= count:
        raise UserError(f"--device {name}: this machine has {count} CUDA device{'s' if count > 1 else ''}, numbered from 0; choose another")
    return torch.device("cuda", index)


def layout(device: torch.device) -> torch.memory_format:
    """How feature maps lie in memory where they are computed fastest: channels last, but on Apple's GPUs contiguous, since there gradients of
    normalisations over channels-last maps are wrong in many releases (https://github.com/pytorch/pytorch/issues/175189)."""  # fmt: skip
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def title(device: torch.device) -> str:
    """What to call the device in a record."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
