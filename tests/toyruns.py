"""Runs of the toy task: their weights, and processes that train.

Where there is fork, these are forks of one process that has imported everything and computed
nothing: importing torch takes two seconds each time.
"""

import multiprocessing
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gocnn import modelfile
from tests.conftest import ROOT

FORKS = "forkserver" in multiprocessing.get_all_start_methods()
CONTEXT: Any = multiprocessing.get_context("forkserver" if FORKS else "spawn")
if FORKS:
    # DistributedDataParallel imports the compiler.
    CONTEXT.set_forkserver_preload(["tests.toy", "torch._dynamo", "torch.distributed.run"])


def weights(run: Path, name: str = "last.safetensors") -> dict[str, torch.Tensor]:
    return modelfile.load(run / name, "toy").tensors


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


class Spawned:
    """A process of its own, with what it writes to standard output and standard error kept.
    `parent`: it starts others itself, and is to be ended in the end."""

    def __init__(
        self,
        program: Callable[[list[str]], None],
        arguments: list[str],
        environment: dict[str, str],
        parent: bool = False,
    ) -> None:
        handle, name = tempfile.mkstemp(suffix=".txt")
        os.close(handle)
        self._output = Path(name)
        environment = {**os.environ, **environment}
        self._process = CONTEXT.Process(
            target=_within, args=(program, arguments, environment, name), daemon=not parent
        )
        self._process.start()

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        code: int | None = self._process.exitcode
        return code

    def wait(self, seconds: float) -> int:
        """The same when it has ended. Raises TimeoutError if it has not after those seconds."""
        self._process.join(seconds)
        code = self.poll()
        if code is None:
            raise TimeoutError(
                f"had not ended after {seconds} s; it said: {self._output.read_text()}"
            )
        return code

    def ended(self, seconds: float) -> tuple[int, str]:
        """Exit code and what it has written, as `wait`."""
        return self.wait(seconds), self._output.read_text()

    def kill(self) -> None:
        self._process.kill()

    def end(self) -> None:
        """As a person would: by SIGTERM, and by SIGKILL if that does nothing; what it has written
        is gone."""
        self._process.terminate()
        self._process.join(40)
        self._process.kill()
        self._output.unlink(missing_ok=True)


def _within(
    program: Callable[[list[str]], None],
    arguments: list[str],
    environment: dict[str, str],
    output: str,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    with Path(output).open("w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    program(arguments)


def _toy(arguments: list[str]) -> None:
    from tests import toy

    toy.program(arguments)


def _torchrun(arguments: list[str]) -> None:
    from torch.distributed import run

    run.main(arguments)


def spawn(*arguments: str, **environment: str) -> Spawned:
    """`python -m tests.toy` with those arguments."""
    return Spawned(_toy, list(arguments), environment)


def torchrun(*arguments: str) -> Spawned:
    """torchrun with those arguments, of which the first after its options is a script."""
    method = "fork" if FORKS else "spawn"
    return Spawned(
        _torchrun,
        ["--start-method", method, "--run-path", *arguments],
        {"OMP_NUM_THREADS": "1"},
        parent=True,
    )


def on_two_processes(*arguments: str) -> str:
    """What the command of cli.py says that two processes of this machine carry out together; it has
    to succeed."""
    launched = torchrun(
        *("--nproc-per-node", "2", "--master-port", free_port(), "cli.py", *arguments)
    )
    try:
        code, said = launched.ended(300)
    finally:
        launched.end()
    assert code == 0, said
    return said


def free_port() -> str:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
