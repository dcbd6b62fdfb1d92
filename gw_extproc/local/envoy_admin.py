"""Envoy's admin interface on a unix socket: is it ready, where does it listen, drain it."""

from __future__ import annotations

import asyncio
import json
import socket
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from gw_extproc.local.envoy_names import LISTENER
from gw_extproc.local.probes import until

_TIMEOUT = 2.0


class EnvoyAdmin:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def until_ready(self) -> None:
        await until(self._is_ready)

    async def listening_port(self) -> int:
        """The port of the listener, which may have been chosen by the system."""
        listing = json.loads(await self._text("GET", "/listeners?format=json"))
        addresses = {entry["name"]: entry["local_address"] for entry in listing["listener_statuses"]}
        return int(addresses[LISTENER]["socket_address"]["port_value"])

    async def drain(self) -> None:
        """Closes the clients' listener, lets open connections end with their answers, and returns when none is in flight.

        The gateway's own model calls go on, because those answers may need more of them.
        """
        await self._text("POST", "/healthcheck/fail")
        await self._text("POST", "/drain_listeners?inboundonly")
        await until(self._is_idle)

    async def _is_idle(self) -> bool:
        """Whether none is left but WebSockets, which have no end of their own: the workers end them."""
        text = await self._text("GET", f"/stats?filter=^http.{LISTENER}.downstream_(rq_active|cx_upgrades_active)$&format=json")
        numbers = {stat["name"].rpartition(".")[2]: int(stat["value"]) for stat in json.loads(text)["stats"]}
        return numbers.get("downstream_rq_active", 0) <= numbers.get("downstream_cx_upgrades_active", 0)

    async def _is_ready(self) -> bool:
        try:
            await self._text("GET", "/ready")
        except (OSError, HTTPException):
            return False
        return True

    async def _text(self, method: str, path: str) -> str:
        return await asyncio.to_thread(self._exchange, method, path)

    def _exchange(self, method: str, path: str) -> str:
        with socket.socket(socket.AF_UNIX) as connected:
            connected.settimeout(_TIMEOUT)
            connected.connect(str(self._path))
            connection = HTTPConnection("envoy")
            connection.sock = connected
            connection.request(method, path, headers={"connection": "close"})
            response = connection.getresponse()
            text = response.read().decode()
        if response.status != 200:
            raise HTTPException(f"{method} {path}: {response.status}")
        return text
