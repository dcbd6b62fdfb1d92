"""The hosted exchange: an ASGI application answers, carried over the ext_proc stream.

Theory. The application runs in a task of its own, so that a client that leaves does not cancel it: it is told so (`http.disconnect`),
has a moment to end, and only then is it cancelled. The exchange ends with it, never before: no application is left running unseen.
Envoy ends the stream in the same way after a whole answer.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from starlette.types import ASGIApp, Scope

from gw_extproc.core.errors import GatewayError, InternalError
from gw_extproc.extproc import messages
from gw_extproc.extproc.asgi import Flow, Incoming, Line, Outgoing
from gw_extproc.extproc.messages import Request
from gw_extproc.extproc.scope import scope_of
from gw_extproc.extproc.wire import Wire
from gw_extproc.session.session import BEGUN, Session
from gw_extproc.telemetry.record import Door, current

logger = logging.getLogger("gw_extproc.hosted")

MOMENT = 5.0
"""Seconds that an application may take to end after its client has left: long enough to save what it has, also in a slow store."""


class BrokenOff(Exception):
    """The application failed in the middle of its answer: the gRPC stream must end with an error, so that Envoy cuts the client off."""


class Hosted:
    """One exchange."""

    def __init__(self, app: ASGIApp, session: Session | None = None) -> None:
        """`session` is that of the request, where it has been begun."""
        self._app = app
        self._state = {} if session is None else {BEGUN: session}

    async def run(self, first: Request, wire: Wire, body: bytes | None = None) -> None:
        """Serves the request, whose body is read from the wire unless it is given. Raises BrokenOff."""
        exchange = current()
        exchange.door = Door.HOSTED
        headers = messages.pairs(first.request_headers.headers)
        scope = {**scope_of(headers), "state": self._state}
        line = Line(wire)
        incoming = Incoming(line, b"" if first.request_headers.end_of_stream else body)
        outgoing = Outgoing(line, incoming, scope["method"])
        app = asyncio.create_task(self._serve(scope, line, incoming, outgoing))
        left = asyncio.create_task(line.gone.wait())
        try:
            await _patience(app, left, line)
        finally:
            exchange.http_status = outgoing.status or None
            if outgoing.flow is not Flow.OVER:
                exchange.left = outgoing.flow.name.lower()
            left.cancel()
            incoming.close()
            if not app.done():
                app.cancel()
                await asyncio.wait((app,))
            await _let_go(line)
        if not app.cancelled():
            app.result()
        elif not line.gone.is_set():
            raise BrokenOff("the application cancelled itself")

    async def _serve(self, scope: Scope, line: Line, incoming: Incoming, outgoing: Outgoing) -> None:
        error: GatewayError = InternalError()
        try:
            await self._app(scope, incoming.receive, outgoing.send)
        except GatewayError as raised:
            error = raised
        except Exception:
            logger.log(logging.DEBUG if line.gone.is_set() else logging.ERROR, "the application failed", exc_info=True)
        if outgoing.flow is Flow.OVER or line.gone.is_set():
            return
        if outgoing.flow is Flow.FLOWING:
            raise BrokenOff("the application ended in the middle of its answer")
        await outgoing.fail(error)


async def _patience(app: asyncio.Task[None], left: asyncio.Task[bool], line: Line) -> None:
    """Waits for the application; after its client has left, a moment and no longer."""
    try:
        await asyncio.wait((app, left), return_when=asyncio.FIRST_COMPLETED)
        if not app.done():
            await asyncio.wait((app,), timeout=MOMENT)
    except asyncio.CancelledError:
        line.gone.set()
        await asyncio.wait((app,), timeout=MOMENT)
        raise


async def _let_go(line: Line) -> None:
    """Waits for a reply that is still on its way: an application may leave one behind that goes on without its client."""
    with suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            await line.written.wait()
