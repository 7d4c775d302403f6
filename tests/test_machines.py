"""Processes on two machines (both are this one), one of which is killed."""

from pathlib import Path

import pytest
import torch

from tests.conftest import needs_posix
from tests.toyruns import free_port, same, spawn, torchrun, weights

LONG = 300.0
"""Seconds in which whatever waits for a process that is gone must have ended, however busy the
machine is: NCCL and Gloo would take 600."""


def machines(jobs: str) -> list[tuple[int, str]]:
    """Exit codes and output of two torchruns with two processes each, one of the machines being the
    first."""
    launch = [
        "--nnodes",
        "2",
        "--nproc-per-node",
        "2",
        "--master-addr",
        "127.0.0.1",
        "--master-port",
        free_port(),
    ]
    agents = [
        torchrun(*launch, "--node-rank", str(number), "tests/toy.py", *jobs.split(" "))
        for number in (0, 1)
    ]
    try:
        return [agent.ended(LONG) for agent in agents]
    finally:
        for agent in agents:
            agent.end()


@needs_posix
@pytest.mark.slow
def test_killed_on_one_of_two_machines_all_end_and_the_resumed_run_has_the_same_bits(
    tmp_path: Path,
) -> None:
    """The first process hangs meanwhile, as one does that waits for NCCL: nothing but the pulse can
    end it. (Four processes go on without torchrun, which has no part in it and takes its time to
    start.)"""
    killed = machines(f"{tmp_path}/run 24 kill@3=13 wait@0=13 checkpoint_minutes=0.0")
    assert 0 not in [code for code, _ in killed]
    assert "Error: another process of this run has ended (killed" in killed[0][1]
    assert "Traceback" not in killed[0][1].partition("elastic")[0]
    step = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"]
    assert 6 <= step < 13
    jobs, port = f"{tmp_path}/run 24 --resume then {tmp_path}/whole 24".split(" "), free_port()
    plain = [
        spawn(*jobs, RANK=str(rank), WORLD_SIZE="4", MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
        for rank in range(4)
    ]
    ended = [process.ended(LONG) for process in plain]
    assert [code for code, _ in ended] == [0] * 4, ended
    assert same(weights(tmp_path / "run"), weights(tmp_path / "whole"))
