"""Ports and sockets of this machine, for tests."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.waiting import DEADLINE

Address = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def listening(path: str) -> Iterator[None]:
    """Another program's unix socket."""
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(path)
        taken.listen()
        yield


def accepts(address: Address) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as probe:
        probe.settimeout(DEADLINE)
        try:
            probe.connect(address)
        except (ConnectionError, FileNotFoundError):
            return False
    return True
