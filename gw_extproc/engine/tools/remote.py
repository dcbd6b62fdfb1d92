"""A server of MCP's, without the package that speaks to it: that is imported when a server is first used, as it takes a second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gw_extproc.engine.tools.guarded import Trust
from gw_extproc.engine.tools.tool import ToolFailure

if TYPE_CHECKING:
    from gw_extproc.engine.tools.mcp_client import Connection

Listed = Mapping[str, Any]
"""A tool as it stands in an `mcp_list_tools` item."""


@dataclass(frozen=True)
class Endpoint:
    """Where a server is, and what it is sent."""

    url: str
    headers: Mapping[str, str]
    trust: Trust


@dataclass(frozen=True)
class Result:
    """What a tool gave."""

    parts: Sequence[Mapping[str, Any]]
    """Each with its `type`; texts with `text`, images with `data` and `mime_type`."""
    structured: Mapping[str, Any] | None
    failed: bool

    def text(self) -> str:
        """All of it as a text: the model's tool messages are texts."""
        return "\n".join(part["text"] if part["type"] == "text" else f"({part['type']}, which is no text)" for part in self.parts)


class ProtocolFailure(ToolFailure):
    """The server answered with an error of the protocol's own."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Remote:
    """A server for one response: connected to when it is first used. Raises ToolFailure where that, or a call, comes to nothing."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._connection: Connection | None = None

    async def tools(self) -> Sequence[Listed]:
        """All tools of the server."""
        return await (await self._connected()).tools()

    async def call(self, name: str, arguments: dict[str, Any]) -> Result:
        return await (await self._connected()).call(name, arguments)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> Connection:
        made = await asyncio.to_thread(_load)
        if self._connection is None:
            self._connection = made(self._endpoint)
        return self._connection


def _load() -> type[Connection]:
    from gw_extproc.engine.tools.mcp_client import Connection

    return Connection
