"""Options of small runs that are taught, and the photographs that they learn from."""

from pathlib import Path

import pytest

FAST = ["--size", "32", "--widths", "8,16", "--linear-head", "--batch", "8"]
FAST += ["--precision", "fp32", "--validations", "1", "--quiet"]


@pytest.fixture
def few(tiny_classifiers: Path) -> Path:
    return tiny_classifiers.parent / "few"
