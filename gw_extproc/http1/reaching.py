"""The way to a server: its addresses, one after the other, and the first that answers.

A name may have addresses that lead nowhere, and nobody says so: most often one of IPv6, on a network without it. So each attempt has a
moment, after which the next one begins beside it (RFC 8305).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from gw_extproc.http1.errors import Unreachable

TIMEOUT = 5.0
"""Seconds to reach a server, names and TLS included: Envoy's default."""

PAUSES = (0.0, 0.5)
"""Seconds before each further try: a server that is started again is soon back."""

_MOMENT = 0.25
"""Seconds that an address has for itself, as RFC 8305 proposes."""

_Protocol = TypeVar("_Protocol", bound=asyncio.Protocol)
_Address = tuple[int, int, int, str, Any]


@dataclass(frozen=True)
class Server:
    """Where it is: a host and port, or a unix socket. `tls` is given where it has to prove that it is `host`."""

    host: str
    port: int
    socket: str | None = None
    tls: ssl.SSLContext | None = None


async def reached(
    server: Server, protocol: Callable[[], _Protocol], patience: float = TIMEOUT, pauses: Sequence[float] = PAUSES
) -> _Protocol:
    """A connection to it; raises Unreachable."""
    for pause in (*pauses, None):
        try:
            async with asyncio.timeout(patience):
                return await _opened(server, protocol)
        except (OSError, UnicodeError) as error:
            if pause is None:
                raise Unreachable(str(error)) from error
        await asyncio.sleep(pause)
    raise AssertionError("after the last try there is no pause")


async def _opened(server: Server, protocol: Callable[[], _Protocol]) -> _Protocol:
    loop = asyncio.get_running_loop()
    if server.socket is not None:
        _, opened = await loop.create_unix_connection(protocol, server.socket)
        return opened
    way = await connected(await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM))
    name = None if server.tls is None else server.host
    _, opened = await loop.create_connection(protocol, sock=way, ssl=server.tls, server_hostname=name)
    return opened


async def connected(addresses: Sequence[_Address]) -> socket.socket:
    """A socket to the address that answers first; raises what the last one said where none does."""
    attempts: list[asyncio.Task[socket.socket]] = []
    answered: asyncio.Task[socket.socket] | None = None
    try:
        for address in addresses:
            attempts.append(asyncio.create_task(_attempted(address)))
            await asyncio.wait(_unanswered(attempts), timeout=_MOMENT, return_when=asyncio.FIRST_COMPLETED)
            if answered := _succeeded(attempts):
                break
        while answered is None and (waiting := _unanswered(attempts)):
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            answered = _succeeded(attempts)
        return (answered or attempts[-1]).result()
    finally:
        for attempt in attempts:
            if attempt is not answered:
                _given_up(attempt)


def _unanswered(attempts: Sequence[asyncio.Task[socket.socket]]) -> Sequence[asyncio.Task[socket.socket]]:
    return [attempt for attempt in attempts if not attempt.done()]


def _succeeded(attempts: Sequence[asyncio.Task[socket.socket]]) -> asyncio.Task[socket.socket] | None:
    return next((attempt for attempt in attempts if attempt.done() and attempt.exception() is None), None)


def _given_up(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancel() and attempt.exception() is None:
        attempt.result().close()


async def _attempted(address: _Address) -> socket.socket:
    family, kind, protocol, _, where = address
    attempt = socket.socket(family, kind, protocol)
    try:
        attempt.setblocking(False)
        await asyncio.get_running_loop().sock_connect(attempt, where)
    except BaseException:
        attempt.close()
        raise
    return attempt
