"""Checks of the machine itself: packages, the card, wrong names of devices, memory."""

import os
import platform

import torch

from gocnn import devices
from gocnn.errors import UserError
from gpukit import facts
from gpukit.check import Bench, LeftOut


def packages(_bench: Bench) -> str:
    """The project's modules can be imported; what is missing is said."""
    import click  # noqa: F401
    import filelock  # noqa: F401
    import numba
    import numpy as np
    import PIL  # noqa: F401
    import safetensors  # noqa: F401

    import gocnn.policy.training  # noqa: F401
    import imagecls.classifier.training  # noqa: F401

    versions = (
        f"python {platform.python_version()}, torch {torch.__version__}, numpy {np.__version__},"
        f" numba {numba.__version__}"
    )
    lacks = ", ".join(facts.missing()) or "nothing"
    return f"{versions}, {os.cpu_count()} cores; missing: {lacks}"


def properties(bench: Bench) -> str:
    """What the card is."""
    f = facts.machine(bench.device)
    if not bench.cuda:
        return str(f["name"])
    if not torch.backends.cudnn.is_available():
        raise RuntimeError("torch has no cuDNN here: convolutions would be many times slower")
    free, total = torch.cuda.mem_get_info(bench.device)
    used = (total - free) / 1e9
    return (
        f"{f['name']}, {f['memory_gb']} GB ({used:.1f} GB of them in use), capability"
        f" {f['capability']}, {f['multiprocessors']} multiprocessors, CUDA {f['cuda']}, driver"
        f" {f['driver'] or 'unknown'}, cuDNN {f['cudnn']}, bf16 {'yes' if f['bf16'] else 'no'}"
    )


def sums(bench: Bench) -> str:
    """A product of matrices is right on the device: the driver, the libraries and the card fit
    together."""
    generator = torch.Generator().manual_seed(0)
    # whole numbers, so that any order of adding is exact
    a, b = (torch.randint(-8, 9, (256, 256), generator=generator).float() for _ in range(2))
    want = a.double() @ b.double()
    for kind in (torch.float32, torch.bfloat16, torch.float16):
        got = a.to(bench.device, kind) @ b.to(bench.device, kind)
        error = float((got.cpu().double() - want).abs().max() / want.abs().max())
        if error > (1e-6 if kind is torch.float32 else 1e-2):
            raise AssertionError(f"a product of matrices in {kind} is wrong by {error:.1e}")
    return ""


def wrong_device(bench: Bench) -> str:
    """A card that is not there is refused in one sentence."""
    try:
        devices.resolve("cuda:99")
    except UserError as error:
        said = str(error)
    else:
        raise AssertionError("cuda:99 was taken for a device")
    if "\n" in said or "cuda:99" not in said:
        raise AssertionError(f"not a sentence about cuda:99: {said}")
    if not facts.there("click"):
        raise LeftOut("needs click")
    from click.testing import CliRunner

    from gocnn.commands import main

    outcome = CliRunner().invoke(
        main,
        [
            "go-train",
            str(bench.store),
            "--out",
            str(bench.scratch / "nowhere"),
            "--steps",
            "1",
            "--device",
            "cuda:99",
        ],
    )
    if (
        outcome.exit_code not in (1, 2)
        or "cuda:99" not in outcome.output
        or "Traceback" in outcome.output
    ):
        raise AssertionError(
            f"go-train --device cuda:99 ended with {outcome.exit_code}: {outcome.output[-500:]}"
            f" {outcome.exception!r}"
        )
    if (bench.scratch / "nowhere").exists():
        raise AssertionError("go-train --device cuda:99 left a folder behind")
    return said


CHECKS = (
    ("imports, versions, what is missing", packages),
    ("the device", properties),
    ("products of matrices", sums),
    ("a device that is not there", wrong_device),
)
