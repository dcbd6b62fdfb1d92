"""Starts `gw-extproc` as a user would: what it prints and logs, the processes under it, and the marks it must not leave."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.sockets import accepts
from tests.waiting import DEADLINE, until

_ADDRESS = "  listening  "
_BANNER = 8  # lines that `run` and `http` print when they are ready


def environment() -> dict[str, str]:
    """This process's own, without settings of a gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GW_", "MODEL_", "API_"))}


@dataclass
class Gateway:
    """The launcher's process, the directory with what it wrote, and the processes under it."""

    process: subprocess.Popen[bytes]
    directory: Path
    family: Sequence[psutil.Process] = ()

    @property
    def banner(self) -> Sequence[str]:
        return (self.directory / "printed").read_text().splitlines()

    @property
    def url(self) -> str:
        """The base URL to call, with /v1."""
        return next(line.split()[1] for line in self.banner if line.startswith(_ADDRESS))

    @property
    def metrics(self) -> str:
        """Where they are."""
        return next(line.split()[1] for line in self.banner if line.startswith("  metrics  "))

    @property
    def inspector(self) -> str:
        """The page that shows what goes on."""
        return next(line.split()[1] for line in self.banner if line.startswith("  inspector  "))

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    @property
    def temporary(self) -> Path:
        return self.directory / "tmp"

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def part(self, mark: str) -> psutil.Process:
        """The process under it whose command line contains `mark`."""
        return next(child for child in self.family if mark in " ".join(child.cmdline()))

    @property
    def data(self) -> Path:
        """Where it keeps what it stores, unless the test says otherwise."""
        return self.directory / "data"

    def accepts(self) -> bool:
        return accepts(("127.0.0.1", self.port))

    def await_banner(self, lines: int) -> None:
        printed = self.directory / "printed"
        until(lambda: self.process.poll() is not None or printed.read_text().count("\n") >= lines, f"{lines} lines")
        assert self.process.poll() is None, f"it did not start:\n{self.log()}"
        self.meet_family()

    def meet_family(self) -> None:
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> int:
        """Waits for the exit code; checks that no process and no temporary file is left behind."""
        code = self.process.wait(DEADLINE)
        until(lambda: not self.left_behind(), f"left behind: {self.left_behind()}")
        return code

    def left_behind(self) -> Sequence[str]:
        living = [str(process) for process in self.family if _lives(process)]
        unknown = ["a process that holds the log"] if _is_locked(self.directory / "log") else []
        return [*living, *unknown, *map(str, self.temporary.rglob("*"))]


@contextmanager
def launched(*arguments: str, lines: int, env: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """Starts `gw-extproc` and waits until it has printed so many lines; whatever the test does, nothing runs afterwards.

    Its paths are short, because those of unix sockets must be. Unless the test says otherwise, what it stores goes with it.
    """
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as name:
        directory = Path(name)
        (directory / "tmp").mkdir()
        with (directory / "printed").open("wb") as printed, (directory / "log").open("ab") as log:
            fcntl.flock(log, fcntl.LOCK_EX)  # held until the last process that inherits this descriptor has ended
            process = subprocess.Popen(
                [sys.executable, "-m", "gw_extproc", *arguments],
                env=environment() | _own_places(directory, arguments) | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=log,
            )
        gateway = Gateway(process, directory)
        try:
            if lines:
                gateway.await_banner(lines)
            yield gateway
        finally:
            process.kill()
            process.wait()
            try:
                until(lambda: not any(map(_lives, gateway.family)), "the end of all processes")
            finally:
                for child in gateway.family:
                    with suppress(psutil.NoSuchProcess):
                        child.kill()


def started(
    *options: str, command: str = "run", lines: int = _BANNER, env: Mapping[str, str] | None = None
) -> AbstractContextManager[Gateway]:
    """`gw-extproc run`, or `http`, on any free port, unless the options name one."""
    return launched(command, "--port", "0", *options, lines=lines, env=env)


@contextmanager
def running(*options: str, command: str = "run", env: Mapping[str, str] | None = None) -> Iterator[Gateway]:
    """A gateway that must end well: no trace in its log, exit status 0 on SIGTERM, nothing left behind."""
    with started(*options, command=command, env=env) as gateway:
        yield gateway
        gateway.process.terminate()
        code = gateway.end()
        assert code == 0, f"it ended with {code}:\n{gateway.log()}"
        assert "Traceback" not in gateway.log(), gateway.log()


def _own_places(directory: Path, arguments: Sequence[str]) -> dict[str, str]:
    """So that gateways of parallel tests do not meet."""
    places = {"TMPDIR": f"{directory}/tmp", "GW_DATA_DIR": f"{directory}/data"}
    if arguments[:1] == ("serve",):
        places |= {"GW_STORE": "embedded", "GW_HTTP": f"unix:{directory}/tmp/http.sock", "GW_ADMIN_PORT": "0"}
    return places


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_locked(path: Path) -> bool:
    with path.open("rb") as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
