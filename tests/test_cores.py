"""The number of cores, against made-up control groups and a system that has no affinity."""

import os
from pathlib import Path

import pytest

from gocnn import cores as module
from gocnn.cores import cores


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty tree of control groups on a machine of 64 cores."""
    monkeypatch.setattr(module, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(module, "MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    return tmp_path


def tell(root: Path, membership: str, **files: str) -> int:
    (root / "membership").write_text(membership, encoding="ascii")
    for name, text in files.items():
        path = root / "cgroup" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return cores()


def test_nothing_is_said(groups: Path) -> None:
    assert cores() == 64


def test_version_2_limits_count_at_every_level(groups: Path) -> None:
    assert tell(groups, "0::/user/session\n", user__session__cpu_dot_max="max 100000\n") == 64
    assert tell(groups, "0::/user/session\n", user__cpu_dot_max="350000 100000\n") == 4
    assert tell(groups, "0::/user/session\n", user__session__cpu_dot_max="50000 100000\n") == 1


def test_a_container_sees_its_group_as_the_root(groups: Path) -> None:
    assert tell(groups, "0::/\n", cpu_dot_max="200000 100000\n") == 2
    assert (
        tell(
            groups,
            "4:cpu,cpuacct:/docker/0123\n",
            **{
                "cpu,cpuacct__cpu_dot_cfs_quota_us": "300000\n",
                "cpu,cpuacct__cpu_dot_cfs_period_us": "100000\n",
            },
        )
        == 3
    )


def test_version_1_without_a_limit(groups: Path) -> None:
    assert (
        tell(
            groups,
            "1:cpu:/\n5:devices:/\n",
            cpu__cpu_dot_cfs_quota_us="-1\n",
            cpu__cpu_dot_cfs_period_us="100000\n",
        )
        == 64
    )


def test_nonsense_is_not_believed(groups: Path) -> None:
    assert tell(groups, "\n:\n0::/../..\nx", cpu_dot_max="0 0\n") == 64


def test_affinity_and_its_absence(groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5})
    assert cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1
