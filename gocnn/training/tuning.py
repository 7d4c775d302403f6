"""How CUDA computes while a run goes on: the fastest way for shapes that stay the same."""

import contextlib
import warnings
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def tuned(device: torch.device, wanted: bool) -> Iterator[None]:
    """Within, if `wanted` and on CUDA: cuDNN tries its algorithms for each shape and keeps the
    fastest, and float32 matrices are multiplied in TF32 (10 bits of mantissa), as convolutions are
    anyhow. A run with `--deterministic` does not want it: what is fastest may differ each time.

    TF32 is asked for through the old interface: reading it raises in torch 2.9 and later if
    somebody has set the new one, and so does torch.compile
    (https://github.com/pytorch/pytorch/pull/189955). Where somebody has, theirs stays.
    """
    if not wanted or device.type != "cuda":
        yield
        return
    benchmark, matrices = torch.backends.cudnn.benchmark, _float32_matrices()
    torch.backends.cudnn.benchmark = True
    if matrices:
        torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = benchmark
        if matrices:
            torch.set_float32_matmul_precision(matrices)


def _float32_matrices() -> str | None:
    """The setting, by torch's old interface, of how float32 matrices are multiplied; None if it was
    set through the new one, since reading the old one raises then."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the old interface will go
        try:
            return torch.get_float32_matmul_precision()
        except RuntimeError:
            return None
