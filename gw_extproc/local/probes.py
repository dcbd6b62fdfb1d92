"""Looks at sockets: is this port free, does somebody listen there?"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from gw_extproc.local.addresses import split_address
from gw_extproc.settings import Upstream

PATIENCE = 2.0  # seconds; a server that needs longer to accept a connection is not reachable in any useful sense

_POLL = 0.01


def address_problem(address: str) -> str | None:
    """Why nobody can listen at `host:port` or `unix:/path`, or None where one can."""
    if not address.startswith("unix:"):
        host, port = split_address(address)
        return port_problem(host, port)
    path = Path(address.removeprefix("unix:"))
    if not path.parent.is_dir():
        return f"there is no directory {path.parent}"
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return None  # nothing there, or left over: the processor replaces it
    return f"another program listens at {path}"


def port_problem(host: str, port: int) -> str | None:
    """Why nobody can listen there, or None where one can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    except OSError as error:
        return _port_problems(host, port).get(error.errno or 0, f"cannot listen on {host}:{port}: {error.strerror}")
    return None


def _port_problems(host: str, port: int) -> dict[int, str]:
    return {
        errno.EADDRINUSE: f"port {port} is taken",
        errno.EACCES: f"port {port} is reserved for the administrator",
        errno.EADDRNOTAVAIL: f"{host} is not an address of this machine",
    }


async def upstream_problem(upstream: Upstream) -> str | None:
    """Why no connection to the upstream comes about, or None where one does."""
    where = f"{upstream.host}:{upstream.port}"
    try:
        async with asyncio.timeout(PATIENCE):
            _, writer = await asyncio.open_connection(upstream.host, upstream.port)
    except TimeoutError:
        return f"{where} does not answer within {PATIENCE:g} s"
    except socket.gaierror:
        return f"the name {upstream.host} is not known"
    except OSError:
        return f"{where} does not accept connections"
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return None


async def until_accepting(address: str) -> None:
    """Returns when somebody accepts connections at `host:port` or `unix:/path`."""

    async def accepts() -> bool:
        try:
            if address.startswith("unix:"):
                if not _is_there(address.removeprefix("unix:")):
                    return False  # most of the time, and much sooner said than by an attempt
                _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
            else:
                _, writer = await asyncio.open_connection(*split_address(address))
        except OSError:
            return False
        writer.close()
        return True

    await until(accepts)


def _is_there(path: str) -> bool:
    return Path(path).exists()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Returns when the condition holds; asks again and again, because another program cannot tell us."""
    while True:
        if await condition():
            return
        await asyncio.sleep(_POLL)
