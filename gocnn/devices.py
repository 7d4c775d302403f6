"""Devices: which one a name means, and what they differ in."""

import os
import warnings
from typing import TypeVar

import torch
from torch import nn

from gocnn.errors import UserError

Network = TypeVar("Network", bound=nn.Module)


def resolve(
    name: str, otherwise: str = "leave the option out to compute on the CPU"
) -> torch.device:
    """The device that `auto`, `cpu`, `cuda`, `cuda:N` or `mps` means on this machine; `auto` is
    CUDA where there is any, else the CPU. `otherwise`: what a person can do where it is not there,
    for the sentence.

    Raises UserError for what this machine does not have and for any other name.
    """
    name = str(name)  # of a script that says 0 or None too
    kind, _, number = name.partition(":")
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UserError(f"--device mps: torch finds no Metal GPU here; {otherwise}")
        return torch.device("mps")
    if name not in ("auto", "cuda") and not (
        kind == "cuda" and number.isdecimal() and number.isascii()
    ):
        raise UserError(f"--device {name} is not a device; use auto, cpu, cuda, cuda:N or mps")
    why = _why_no_cuda()
    if why:
        raise UserError(
            f"--device {name}: this machine has no CUDA device that torch can use ({why});"
            f" {otherwise}"
        )
    count, index = torch.cuda.device_count(), int(number or 0)
    if index >= count:
        raise UserError(
            f"--device {name}: this machine has {count} CUDA device{'s' if count > 1 else ''},"
            " numbered from 0; choose another"
        )
    return torch.device("cuda", index)


def _why_no_cuda() -> str:
    """What keeps torch from using CUDA, in its own words where it has some; empty where nothing
    does."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return ""
    if not (torch.version.cuda or torch.version.hip):
        return f"torch {torch.__version__} was built without CUDA"
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return f"CUDA_VISIBLE_DEVICES is {visible!r}"
    try:
        torch.cuda.init()
        words = next((str(warning.message) for warning in said), "no device is found")
    except (RuntimeError, AssertionError) as error:
        words = str(error)
    sentence = (
        " ".join(words.split()).removeprefix("CUDA initialization: ").split(". ")[0].rstrip(".")
    )
    return f"torch says: {sentence[:200]}"


def take(device: torch.device) -> torch.device:
    """The device, made this process's own: its kernels, streams and random numbers go there unless
    told otherwise. Nothing to do but on CUDA.

    Raises UserError if it cannot compute: a chip that this torch has no kernels for, or one that
    another program keeps for itself.
    """
    if device.type == "cuda":
        # Torch looks at this once, when cuBLAS is first used, and a later run in this process may
        # want it (see `repeatable.deterministic`).
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        try:
            torch.cuda.set_device(device)
            torch.ones(1, device=device).add_(1).sum().item()
        except RuntimeError as error:
            first = next(iter(str(error).splitlines()), "")[:200]
            raise UserError(
                f"--device {device}: {title(device)} cannot be used (torch says: {first}); choose"
                " another, or cpu"
            ) from error
    return device


def layout(device: torch.device) -> torch.memory_format:
    """How feature maps lie in memory where they are computed fastest: channels last, but on Apple's
    GPUs contiguous, since there gradients of normalisations over channels-last maps are wrong in
    many releases (https://github.com/pytorch/pytorch/issues/175189)."""
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def placed(
    network: Network,
    device: torch.device | str | None = None,
    memory_format: torch.memory_format | None = None,
) -> Network:
    """The same network, its weights moved to `device` (None: where they are) and those of four
    dimensions laid out by `memory_format` (None: as `layout` says for the device)."""
    if memory_format is None:
        memory_format = layout(torch.device("cpu" if device is None else device))
    # torch's annotations of Module.to know no layout, its documentation does.
    network.to(device=device, memory_format=memory_format)  # type: ignore[call-overload]
    return network


def title(device: torch.device) -> str:
    """What to call the device in a record."""
    try:
        return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    except (RuntimeError, AssertionError):  # of a card that cannot be used, or a torch without CUDA
        return str(device)
