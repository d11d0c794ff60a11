"""How much of a processor something took: seconds of CPU, by the kernel's own books. Linux only; elsewhere None."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def of_families(roots: Sequence[int]) -> float | None:
    """CPU seconds that the processes, their children, and their children that have ended have taken so far."""
    if not Path("/proc/self/stat").exists():
        return None
    entries = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    known = {int(entry.name): stat for entry in entries if (stat := _stat(entry))}
    found, waiting = set[int](), list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in known and pid not in found:
            found.add(pid)
            waiting += [child for child, stat in known.items() if int(stat[1]) == pid]
    # utime, stime, and the same of children that have ended (cutime, cstime): fields 14 to 17 of proc(5).
    return sum(int(ticks) for pid in found for ticks in known[pid][11:15]) / _TICKS


def _stat(entry: Path) -> list[str] | None:
    """The fields after the command's name, which may hold spaces and brackets itself."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def between(before: float | None, after: float | None, many: int) -> float | None:
    """Microseconds of CPU for each of `many`."""
    return None if before is None or after is None else (after - before) / many * 1e6
