"""One gRPC stream as an exchange sees it: Envoy's messages in, replies out."""

from __future__ import annotations

from typing import Protocol

from gw_extproc.extproc.messages import Reply, Request


class Wire(Protocol):
    """Raises asyncio.CancelledError from either method when the client has left."""

    async def read(self) -> Request | object:
        """Envoy's next message, or something else where it has ended the stream."""

    async def write(self, reply: Reply) -> None:
        """Sends one reply; waits while Envoy cannot take more."""
