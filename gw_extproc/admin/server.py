"""Serves the admin application: at the port that all workers share, and at a socket for the other workers."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

import uvicorn
from starlette.types import ASGIApp

from gw_extproc.serving import Server

logger = logging.getLogger("gw_extproc.admin")


class AdminServer:
    """Serves until it is stopped: longer than what it tells of."""

    def __init__(self, app: ASGIApp, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets
        config = uvicorn.Config(
            app, interface="asgi3", lifespan="off", log_config=None, access_log=False, proxy_headers=False, server_header=False
        )
        config.timeout_graceful_shutdown = 1  # seconds: a page that is open must not hold the process up
        self._server = Server(config)
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._serving = await self._server.begin(self._sockets)

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
