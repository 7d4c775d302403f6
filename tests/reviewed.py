"""Records that are reviewed."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def game(sample_files: list[Path]) -> Path:
    return sample_files[3]


RICH = (
    b"(;GM[1]FF[4]SZ[19]CA[GB18030]PB["
    + "黑方".encode("gb18030")
    + b"]PW[White \\] name]RE[B+R]XX[unknown][values]C["
    + "开局".encode("gb18030")
    + b"]\n"
    b";B[pd]C[first]LB[dd:A]TR[qq]BL[12.5](;W[dd]N[main];B[pp]BM[2](;W[dp];B[])(;W[dq]C[variation]))(;W[dp];B[dd]AB[aa]))"
)
