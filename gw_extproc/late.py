"""What the worker's event loop says of callbacks that came too late."""

from __future__ import annotations

import asyncio
from typing import Any


def excused(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An exception handler for the loop: the result of a future that was cancelled in the same turn is no fault.

    anyio 4.16 waits for a raw unix socket, which is how calls go to Envoy's egress, with `add_writer(socket, future.set_result, None)`
    (its `connect_unix`, `_wait_until_readable` and `_wait_until_writable`). Where the call is cancelled in the turn in which the socket
    is ready, the loop still does so, for a future that nobody waits for any more, and logs a trace. anyio should ask the future first,
    as it does in `aclose` since its issue 1267; then this can go.
    """
    if not (isinstance(context.get("exception"), asyncio.InvalidStateError) and "set_result" in context["message"]):
        loop.default_exception_handler(context)
