"""A whole gateway as a process: `gw-extproc run`, its address and its log."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.real.upstream import DEADLINE

_ADDRESS = "  listening  "


def until(condition: Callable[[], bool], what: str) -> None:
    """Polls; fails where the condition does not come true in time."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


@dataclass
class Gateway:
    """The launcher's process, the base URL to call, its log, and the processes under it."""

    process: subprocess.Popen[bytes]
    directory: Path
    url: str = ""
    family: Sequence[psutil.Process] = ()

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def part(self, mark: str) -> psutil.Process:
        """The process under it whose command line contains `mark`."""
        return next(child for child in self.family if mark in " ".join(child.cmdline()))

    def await_ready(self) -> None:
        printed = self.directory / "printed"
        until(lambda: self.process.poll() is not None or "\n" in printed.read_text().partition(_ADDRESS)[2], "the address")
        assert self.process.poll() is None, self.log()
        self.url = printed.read_text().partition(_ADDRESS)[2].splitlines()[0].strip()
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> int:
        """Waits for the exit code; checks that no process and no temporary file is left behind."""
        code = self.process.wait(DEADLINE)
        until(lambda: not any(map(_lives, self.family)), "the end of all processes")
        assert list((self.directory / "tmp").iterdir()) == []
        return code


@contextmanager
def started(*options: str) -> Iterator[Gateway]:
    """Starts `gw-extproc run`; whatever the test does, nothing runs afterwards."""
    with tempfile.TemporaryDirectory(prefix="real-", dir="/tmp") as name:
        directory = Path(name)
        (directory / "tmp").mkdir()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("GW_", "MODEL_", "API_"))}
        with (directory / "printed").open("wb") as printed, (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gw_extproc", "run", "--port", "0", *options],
                env=inherited | {"TMPDIR": str(directory / "tmp")},
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=log,
            )
        gateway = Gateway(process, directory)
        try:
            gateway.await_ready()
            yield gateway
        finally:
            process.kill()
            process.wait()
            until(lambda: not any(map(_lives, gateway.family)), "the end of all processes")


@contextmanager
def running(*options: str) -> Iterator[Gateway]:
    """A gateway that must end well: no trace in its log, exit status 0 on SIGTERM, nothing left behind."""
    with started(*options) as gateway:
        yield gateway
        gateway.process.terminate()
        assert gateway.end() == 0
        assert "Traceback" not in gateway.log()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
