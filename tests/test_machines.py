"""Processes on two machines (both are this one), one of which is killed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT, needs_posix
from tests.toyruns import free_port, same, spawn, weights

LONG = 300.0
"""Seconds in which whatever waits for a process that is gone must have ended, however busy the machine is: NCCL and Gloo would take 600."""


def machines(folder: Path, jobs: str) -> list[tuple[int, str]]:
    """Exit codes and standard error of two torchruns with two processes each, one of the machines being the first."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    launch += ["--master-port", free_port()]
    agents = []
    for number in (0, 1):
        with (folder / f"{number}.txt").open("w") as log:
            command = [*launch, "--node-rank", str(number), "-m", "tests.toy", *jobs.split(" ")]
            agents.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"}))
    try:
        return [(agent.wait(LONG), (folder / f"{number}.txt").read_text()) for number, agent in enumerate(agents)]
    finally:
        for agent in agents:
            agent.terminate()


@needs_posix
@pytest.mark.slow
def test_killed_on_one_of_two_machines_all_end_and_the_resumed_run_has_the_same_bits(tmp_path: Path) -> None:
    """The first process hangs meanwhile, as one does that waits for NCCL: nothing but the pulse can end it. (Four processes go on without torchrun,
    which has no part in it and takes its time to start.)"""
    killed = machines(tmp_path, f"{tmp_path}/run 24 kill@3=13 wait@0=13 checkpoint_minutes=0.0")
    assert 0 not in [code for code, _ in killed]
    assert "error: another process of this run has ended (killed" in killed[0][1]
    assert "Traceback" not in killed[0][1].partition("elastic")[0]
    step = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"]
    assert 6 <= step < 13
    jobs, port = f"{tmp_path}/run 24 --resume then {tmp_path}/whole 24".split(" "), free_port()
    plain = [spawn(*jobs, RANK=str(rank), WORLD_SIZE="4", MASTER_ADDR="127.0.0.1", MASTER_PORT=port) for rank in range(4)]
    said = [process.communicate(timeout=LONG)[1] for process in plain]
    assert [process.returncode for process in plain] == [0] * 4, said
    assert same(weights(tmp_path / "run"), weights(tmp_path / "whole"))
