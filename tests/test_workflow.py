"""The workflow that runs these tests on other systems."""

import tomllib

import pytest

from tests.conftest import ROOT


def test_the_workflow_covers_the_systems_and_the_versions_of_python() -> None:
    yaml = pytest.importorskip("yaml")
    workflow = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["tests"]
    assert {name.partition("-")[0] for name in job["strategy"]["matrix"]["os"]} == {
        "ubuntu",
        "windows",
        "macos",
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    low, high = (int(part.rpartition(".")[2]) for part in project["requires-python"].split(","))
    assert job["strategy"]["matrix"]["python"] == [f"3.{minor}" for minor in range(low, high)]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert any("pytest" in command for command in commands)
    assert any(".[dev]" in command for command in commands)
