"""A launched `gw-extproc`, and the marks it must not leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

DEADLINE = 15.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Polls; fails where the condition does not come true in time."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


@dataclass
class Launched:
    """The launcher's process, what it printed so far, and the directory where it keeps temporary files."""

    process: subprocess.Popen[str]
    temporary: Path
    banner: list[str] = field(default_factory=list)
    family: list[psutil.Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return next(line.split()[1] for line in self.banner if line.startswith("  listening  "))

    def part(self, mark: str) -> psutil.Process:
        """The child process whose command line contains `mark`."""
        return next(child for child in self.family if mark in " ".join(child.cmdline()))

    def read_banner(self, lines: int) -> None:
        assert self.process.stdout is not None
        self.banner = [self.process.stdout.readline().rstrip("\n") for _ in range(lines)]
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> tuple[int, str]:
        """Waits for the exit code and the errors printed; checks that nothing is left behind."""
        _, errors = self.process.communicate(timeout=DEADLINE)
        until(lambda: not self.left_behind(), f"left behind: {self.left_behind()}")
        return self.process.returncode, errors

    def left_behind(self) -> list[str]:
        living = [str(process) for process in self.family if _lives(process)]
        return living + [str(path) for path in self.temporary.rglob("*")]


@contextmanager
def launched(*arguments: str, lines: int = 5, environment: dict[str, str] | None = None) -> Iterator[Launched]:
    """Starts `gw-extproc`, and waits for its banner of so many lines."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as temporary:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GW_", "MODEL_", "API_"))}
        process = subprocess.Popen(
            [sys.executable, "-m", "gw_extproc", *arguments],
            env=inherited | {"TMPDIR": temporary} | (environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        gateway = Launched(process, Path(temporary))
        try:
            gateway.read_banner(lines)
            yield gateway
        finally:
            family: list[subprocess.Popen[str] | psutil.Process] = [process, *gateway.family]
            for child in family:
                _kill(child)
            process.communicate()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(process: subprocess.Popen[str] | psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return
