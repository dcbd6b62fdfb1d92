"""One gRPC stream is one exchange: one HTTP request and its answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping, Sequence
from time import perf_counter
from typing import Any, Protocol, cast

import grpc
from starlette.types import ASGIApp

from gw_extproc.core.errors import GatewayError, InternalError
from gw_extproc.core.paths import RESPONSES, is_own
from gw_extproc.extproc import messages
from gw_extproc.extproc.hosted import BrokenOff, Hosted
from gw_extproc.extproc.inline import HandOver, Inline
from gw_extproc.extproc.messages import Reply, Request
from gw_extproc.extproc.modes import Duplex, Refusal, misconfigured
from gw_extproc.extproc.passthrough import PassThrough
from gw_extproc.extproc.wire import Wire
from gw_extproc.session.gateway import Gateway
from gw_extproc.telemetry.record import ELSEWHERE, NO_KIND, Door, current

logger = logging.getLogger("gw_extproc.stream")

Context = grpc.aio.ServicerContext[Request, Reply]

MOMENT = 0.5
"""Seconds that Envoy, also a busy one, has to take the last reply and reset the stream. Meanwhile nothing is read: gRPC should free
what it allocates for a read or a write that the end of the stream cancels, and does not, up to 1.85. That is 96 bytes an exchange, for
ever: https://github.com/grpc/grpc/issues/43360. Where that is mended, an exchange may read on at once and send its last reply like
others."""


class Exchange(Protocol):
    """Answers one HTTP request."""

    async def run(self, first: Request, wire: Wire) -> None:
        """From Envoy's first message to the last reply. A client that leaves cancels it."""


class Replying(Protocol):
    """What answers message by message."""

    @property
    def over(self) -> bool:
        """Whether all is said: nothing is expected of Envoy then but the end of the stream."""

    def token(self, message: Request) -> Reply | None:
        """The reply to a piece of an answer that is one token's event and nothing else, by the shortest way: nearly all messages are
        such. None for any other message."""

    def handle(self, kind: str, request: Request) -> Awaitable[Sequence[Reply]]:
        """The replies to a message of that kind; whatever it raises ends the exchange by `fail`."""

    async def fail(self, error: GatewayError) -> Sequence[Reply]: ...

    def leave(self) -> Coroutine[None, None, None] | None:
        """What is left to do when the exchange is over, or was broken off: Envoy ends the stream alike."""


class Processor:
    """Serves `envoy.service.ext_proc.v3.ExternalProcessor/Process`."""

    def __init__(self, gateway: Gateway, app: ASGIApp) -> None:
        self._gateway = gateway
        self._app = app
        self._traces = gateway.settings.otlp_endpoint is not None

    async def process(self, _: AsyncIterator[Any], context: Context) -> None:
        """Runs one exchange."""
        first: Request | object = await context.read()
        if not isinstance(first, Request):
            return
        headers = messages.headers(first.request_headers.headers)
        if self._traces and (parent := _envoys_span(context)):
            headers["traceparent"] = parent
        with self._gateway.telemetry.begin(Door.INLINE, headers.get(":method", ""), ELSEWHERE, headers):
            exchange = self._exchange(first, headers)
            try:
                await exchange.run(first, context)
            except BrokenOff as error:  # Envoy cuts the client off; an end without an error would leave it waiting
                await context.abort(grpc.StatusCode.ABORTED, str(error))

    def _exchange(self, first: Request, headers: Mapping[str, str]) -> Exchange:
        duplex, path = Duplex.told(first), headers.get(":path", "").partition("?")[0]
        if not is_own(path):
            return self._replying(PassThrough(duplex))
        if not (duplex.request and duplex.response):
            return self._replying(Refusal(misconfigured()))
        if path == RESPONSES and headers.get(":method") == "POST" and self._gateway.settings.on_disconnect == "cancel":
            return self._replying(Inline(self._gateway, headers))
        return Hosted(self._app)

    def _replying(self, inside: Replying) -> Exchange:
        return MessageByMessage(inside, self._gateway, self._app)


def _envoys_span(context: Context) -> str | None:
    """Where Envoy traces, the span of its call to us: the request's headers get one of its own only when they leave Envoy."""
    return next((str(value) for name, value in context.invocation_metadata() or () if name == "traceparent"), None)


class MessageByMessage:
    """An exchange that answers each of Envoy's messages before it reads the next, or leaves the whole answer to the application."""

    def __init__(self, inside: Replying, gateway: Gateway, app: ASGIApp) -> None:
        self._inside = inside
        self._gateway = gateway
        self._app = app

    async def run(self, first: Request, wire: Wire) -> None:
        """The broad catch of this shell: whatever goes wrong becomes an error that the client can read, never a broken stream."""
        inside, message, seen = self._inside, cast(Request | object, first), current()
        phases = seen.phases
        try:
            while isinstance(message, Request):
                seen.working_since = began = perf_counter()
                kind, token = "response_body", None
                try:
                    if (token := inside.token(message)) is None:
                        kind = message.WhichOneof("request") or NO_KIND
                        replies = await inside.handle(kind, message)
                except GatewayError as error:
                    replies = await inside.fail(error)
                except HandOver:
                    raise
                except Exception:
                    logger.exception("an exchange failed")
                    replies = await inside.fail(InternalError())
                if token is not None:
                    await wire.write(token)
                    phases[kind] += perf_counter() - began
                elif inside.over:
                    phases[kind] += perf_counter() - began  # before Envoy's reset can end this
                    sent = asyncio.create_task(_last(replies, wire))
                    await asyncio.sleep(MOMENT)  # Envoy's reset ends it, and finds nothing of ours begun
                    await sent
                else:
                    for reply in replies:
                        await wire.write(reply)
                    phases[kind] += perf_counter() - began
                message = await wire.read()
        except HandOver as begun:  # the request's body is whole, so an answer of ours may be streamed
            await Hosted(self._app, begun.session).run(first, wire, b"")
        finally:  # Envoy cancels this coroutine right after the end of its messages: what is left to do is done beside it
            if (work := inside.leave()) is not None:
                self._gateway.aftermath.save(work)


async def _last(replies: Sequence[Reply], wire: Wire) -> None:
    """Sends them in a task of its own: Envoy may reset the stream before gRPC tells that the last is out."""
    try:
        for reply in replies:
            await wire.write(reply)
    except grpc.aio.BaseError:
        pass  # the stream is over: reading tells
