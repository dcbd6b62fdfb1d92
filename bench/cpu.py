"""What the system counts for a process: CPU time to the nanosecond, memory, descriptors."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil


def used(pids: Iterable[int]) -> float:
    """Seconds of CPU so far, of all threads."""
    return sum(map(_used, pids))


def _used(pid: int) -> float:
    return time.clock_gettime_ns(_clock(pid)) / 1e9


def _clock(pid: int) -> int:
    """Linux's clock of another process's CPU time; /proc would tell it in hundredths of a second, too coarse for one stream."""
    return (~pid << 3) | 2


def busy() -> float:
    """Seconds of CPU that all processes of the machine have used so far."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def memory(pids: Iterable[int]) -> int:
    """Bytes of it that are in memory."""
    return sum(int(psutil.Process(pid).memory_info().rss) for pid in pids)


def descriptors(pids: Iterable[int]) -> int:
    return sum(psutil.Process(pid).num_fds() for pid in pids)


def family(pid: int) -> list[int]:
    """The process and all below it."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
