"""The HTTP listener: the application served by uvicorn, in a loop that others share."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from math import ceil

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from gw_extproc.aftermath import LAST_SAVES, InFlight
from gw_extproc.serving import Server, unix_socket
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
        self._server = Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accepts connections; raises SettingsError where the address cannot be bound."""
        self._serving = await self._server.begin([self._bound()])
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
        with self._requests, self._begun(scope):
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
            return unix_socket(self._address.removeprefix("unix:")) if self._address.startswith("unix:") else self._tcp()
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
