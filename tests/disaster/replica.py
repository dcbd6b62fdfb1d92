"""A worker as a process of its own: it can be killed, and starts again at the same addresses."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.gateway_process import environment
from tests.real.upstream import Upstream
from tests.sockets import accepts, free_port
from tests.store.stores import eventually
from tests.waiting import DEADLINE

DRAIN = 5.0
"""Seconds that a replica has for what is in flight, unless the test says otherwise."""


class Replica:
    """One worker of a fleet. Settings are those of the gateway, by their names."""

    def __init__(self, directory: Path, **settings: object) -> None:
        self._log = directory / "log"
        self._settings = {f"GW_{name.upper()}": str(value) for name, value in settings.items()}
        self.http = free_port()
        self.grpc = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}/v1"

    @property
    def origin(self) -> str:
        return self.url.removesuffix("/v1")

    def log(self) -> str:
        return self._log.read_text()

    async def start(self) -> None:
        addresses = ("--http", f"127.0.0.1:{self.http}", "--grpc", f"127.0.0.1:{self.grpc}")
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gw_extproc.process", "gw_extproc.worker", *addresses],
                env=environment() | self._settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await eventually(self._serves, "a worker that serves")

    def kill(self) -> None:
        """As a crash ends it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE)

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    @property
    def lives(self) -> bool:
        return self.process is not None and self.process.poll() is None

    async def end(self) -> int:
        """Waits for the exit code; a fault must not be in its log."""
        assert self.process is not None
        await eventually(lambda: not self.lives, "the worker's end")
        assert "Traceback" not in self.log(), self.log()
        return int(self.process.returncode)

    def _serves(self) -> bool:
        assert self.lives, self.log()
        return accepts(("127.0.0.1", self.http)) and accepts(("127.0.0.1", self.grpc))


@asynccontextmanager
async def serving(store: str, upstream: Upstream, **settings: object) -> AsyncIterator[Replica]:
    """A replica that was started, with this store; nothing of it runs afterwards."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as directory:
        given = {"store": store, "upstream": f"{upstream.url}/v1", "drain_timeout": DRAIN, **settings}
        replica = Replica(Path(directory), **given)
        try:
            await replica.start()
            yield replica
        finally:
            if replica.process:
                replica.kill()
