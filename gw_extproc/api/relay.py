"""An answer as ASGI: what the session says goes out at once, and a client that leaves is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from types import MappingProxyType
from typing import Literal

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from gw_extproc.aftermath import Aftermath
from gw_extproc.session.answers import Body, Head, Part
from gw_extproc.telemetry.record import current

OnDisconnect = Literal["cancel", "finish"]


class Relay(Response):
    """Sends parts; `on_disconnect` says what becomes of their maker when the client has left."""

    def __init__(
        self, parts: AsyncGenerator[Part], aftermath: Aftermath, on_disconnect: OnDisconnect, body_read: asyncio.Event | None = None
    ) -> None:
        """`body_read` is set when the request's body has been read, where that is not yet so: until then nobody else may `receive`."""
        self.background = None
        self._parts = parts
        self._aftermath = aftermath
        self._on_disconnect = on_disconnect
        self._body_read = body_read
        self._whole = False
        """Whether the last piece has been handed over: who leaves then has not left in the middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        speaking = self._aftermath.go_on(self._speak(send))
        leaving = asyncio.create_task(self._left(receive))
        try:
            await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not (speaking.done() or self._whole):
                current().left = "answering"
            if self._on_disconnect == "cancel":
                speaking.cancel()
        if self._on_disconnect == "cancel" or speaking.done():
            with suppress(asyncio.CancelledError):
                await speaking

    async def _left(self, receive: Receive) -> None:
        if self._body_read is not None:
            await self._body_read.wait()
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _speak(self, send: Send) -> None:
        """The headers of a stream leave at once, others wait for the body, so that they can say its length."""
        async with aclosing(self._parts) as parts:
            withheld: Head | None = None
            async for part in parts:
                match part:
                    case Head(headers={"content-type": str(kind)}) if kind.startswith("text/event-stream"):
                        await send(_start(part))
                    case Head():
                        withheld = part
                    case Body():
                        if withheld is not None:
                            await send(_start(withheld, {"content-length": str(len(part.data))} if part.end else {}))
                            withheld = None
                        self._whole = part.end
                        await send({"type": "http.response.body", "body": part.data, "more_body": not part.end})


def _start(head: Head, more: Mapping[str, str] = MappingProxyType({})) -> Message:
    headers = {**more, **head.headers}
    return {
        "type": "http.response.start",
        "status": head.status,
        "headers": [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()],
    }
