"""The HTTP listener: the application served by uvicorn, in a loop that others share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Iterator
from math import ceil
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gw_extproc.aftermath import LAST_SAVES, InFlight
from gw_extproc.session.gateway import Gateway
from gw_extproc.settings import SettingsError
from gw_extproc.telemetry.record import ELSEWHERE, NOBODY, Door, Exchange

logger = logging.getLogger("gw_extproc.http")

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: longer than clients keep theirs (the SDKs' five are uvicorn's own default), so that it is
the client who closes, and no request meets a connection that is just being closed."""


class HttpServer:
    """Serves HTTP and WebSocket at one address."""

    def __init__(self, gateway: Gateway, app: ASGIApp, address: str) -> None:
        self._gateway = gateway
        self._app = app
        self._address = address
        self._requests = InFlight()
        settings = gateway.settings
        config = uvicorn.Config(
            self._serve,
            ws_max_size=settings.max_body,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._server = _Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accepts connections; raises SettingsError where the address cannot be bound."""
        listening = self._bound()
        self._serving = asyncio.create_task(self._server.serve([listening]))
        started = asyncio.create_task(self._server.accepting.wait())
        await asyncio.wait((self._serving, started), return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._serving.done():
            self._serving.result()
        logger.info("serving HTTP on %s", self._address)

    async def stop(self) -> None:
        """No new connections, then the end of what is in flight, within the settings' drain_timeout. WebSockets end with their turn.

        What is cut off then may still save what it has.
        """
        end = time.monotonic() + self._gateway.settings.drain_timeout
        for listening in self._server.servers:
            listening.close()
        if self._gateway.sockets:
            await asyncio.wait(self._gateway.sockets, timeout=self._gateway.settings.drain_timeout)
        self._server.config.timeout_graceful_shutdown = ceil(max(0, end - time.monotonic()))
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        await self._requests.ended(LAST_SAVES)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, for uvicorn, which cancels what takes longer than the drain timeout: that is no fault."""
        with self._requests.listed(), self._begun(scope):
            try:
                await self._app(scope, receive, send)
            except asyncio.CancelledError:
                logger.warning("an answer was cut off: it took longer than the drain timeout")

    def _begun(self, scope: Scope) -> Exchange:
        """The record of a request; of a WebSocket each turn is one."""
        if scope["type"] != "http":
            return NOBODY
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return self._gateway.telemetry.begin(Door.HTTP, scope["method"], ELSEWHERE, headers)

    def _bound(self) -> socket.socket:
        try:
            return _unix(self._address.removeprefix("unix:")) if self._address.startswith("unix:") else self._tcp()
        except OSError as error:
            raise SettingsError(f"--http (GW_HTTP): {self._address} cannot be bound: {error.strerror}") from None

    def _tcp(self) -> socket.socket:
        host, _, port = self._address.rpartition(":")
        host = host.strip("[]")
        family, kind, protocol, _, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._gateway.settings.workers > 1:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(where)
        return listening


class _Server(uvicorn.Server):
    """Says when it accepts connections, and leaves signals to the worker."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _unix(path: str) -> socket.socket:
    """A socket that only this user can connect to."""
    Path(path).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(path)
    finally:
        os.umask(before)
    return listening
