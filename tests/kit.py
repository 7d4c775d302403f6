"""Calls of benchmarks/gpu.py: what it prints, or the one sentence of a refusal."""

import pytest
import torch

import gpu


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def called(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    try:
        code = gpu.main([str(a) for a in arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    got, out, err = called(capsys, *arguments)
    assert got == code, out + err
    assert "Traceback" not in out + err
    if code == 1:
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
    return err
