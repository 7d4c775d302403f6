"""How many processor cores this process may use: not how many the machine has."""

import math
import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def cores() -> int:
    """Cores that this process may keep busy, at least 1.

    The fewest of: the cores it is bound to (`taskset`), the processor time that its control group
    or container may have (rounded up), both on Linux only, and the cores of the machine.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    try:
        bound = len(affinity(0)) if affinity else os.cpu_count()
    except OSError:
        bound = os.cpu_count()
    return max(1, min(bound or 1, math.ceil(_allowance(GROUPS, MEMBERSHIP))))


def _allowance(root: Path, membership: Path) -> float:
    """Processor time, in cores, that control groups allow: the least of the groups in `membership`
    and those above them; a large number if there is no limit."""
    allowed = [float(1 << 20)]
    for line in _read(membership).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Version 1 has a tree for each controller, version 2 one for all. A container sees its own
        # group as the root of the tree.
        folder = root / controllers / path.lstrip("/")
        for group in (folder, *folder.parents):
            if not group.is_relative_to(root):
                break
            quota, period, *_ = [*_read(group / "cpu.max").split(), "", ""]
            if controllers:
                quota, period = (
                    _read(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")
                )
            if quota.isdecimal() and period.isdecimal() and int(quota) and int(period):
                allowed.append(int(quota) / int(period))
    return min(allowed)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
