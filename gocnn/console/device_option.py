"""The option --device, the same for every command that has one."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from gocnn.console.shared_options import completed_by

KINDS = ("auto", "cpu", "cuda", "mps")

F = TypeVar("F", bound=Callable[..., Any])


def device_option(default: str = "cpu") -> Callable[[F], F]:
    """`--device`; what it names is found with `gocnn.devices.resolve`."""
    return click.option(
        "--device",
        default=default,
        show_default=True,
        metavar="auto|cpu|cuda|cuda:N|mps",
        callback=_device,
        shell_complete=completed_by(lambda: KINDS),
        help="What computes: CUDA if there is any (auto), or mps, Apple's GPU.",
    )


def _device(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    number = value.removeprefix("cuda:")
    if value not in KINDS and not (number != value and number.isascii() and number.isdecimal()):
        raise click.BadParameter(f"{value!r} is not a device; use auto, cpu, cuda, cuda:N or mps")
    return value
