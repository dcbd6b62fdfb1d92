"""Who leaves in the middle of an answer, and who after its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import pytest

from gw_extproc.aftermath import Aftermath
from gw_extproc.api.relay import Relay
from gw_extproc.session.answers import Body, Head, Part
from gw_extproc.telemetry.record import Door, Exchange
from gw_extproc.telemetry.telemetry import Telemetry


class Reader:
    """Reads nothing: where nobody reads, nothing is noted."""

    def began(self, exchange: Exchange) -> None:
        return

    def ended(self, exchange: Exchange) -> None:
        return

    async def close(self) -> None:
        return


async def _said() -> AsyncGenerator[Part]:
    yield Head(200, {"content-type": "text/event-stream"})
    yield Body(b"one", end=False)
    yield Body(b"two", end=True)


@pytest.mark.parametrize(("last", "left"), [(b"one", "answering"), (b"two", None)])
async def test_only_who_goes_before_the_last_piece_has_left(last: bytes, left: str | None) -> None:
    """Envoy ends the exchange with the last piece, before we hear that it is out."""
    gone = asyncio.Event()

    async def receive() -> MutableMapping[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body") == last:
            gone.set()
            await asyncio.Event().wait()

    with Telemetry([Reader()]).begin(Door.HOSTED, "POST", "/v1/responses", {}) as exchange:
        await Relay(_said(), Aftermath(), "cancel")({}, receive, send)
    assert exchange.left == left
