"""One gRPC stream is one exchange: one HTTP request and its answer."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import grpc

from gw_extproc.core.errors import GatewayError, InternalError
from gw_extproc.extproc import messages
from gw_extproc.extproc.inline import Inline, Target
from gw_extproc.extproc.modes import Duplex, Refusal, misconfigured
from gw_extproc.extproc.passthrough import PassThrough
from gw_extproc.session import gateway
from gw_extproc.settings import Settings

logger = logging.getLogger("gw_extproc.stream")

Context = grpc.aio.ServicerContext[messages.Request, messages.Reply]


class Exchange(Protocol):
    """Answers Envoy's messages about one HTTP request."""

    def handle(self, request: messages.Request) -> Sequence[messages.Reply]: ...

    def fail(self, error: GatewayError) -> Sequence[messages.Reply]: ...

    def summary(self) -> str | None:
        """What to log at the end, without anything that the caller or the model said."""


class Processor:
    """Serves `envoy.service.ext_proc.v3.ExternalProcessor/Process`."""

    def __init__(self, settings: Settings) -> None:
        key = settings.upstream_api_key
        self._target = Target(
            gateway=gateway(settings),
            chat_path=f"{settings.base_path}/chat/completions",
            authorization=None if key is None else f"Bearer {key.get_secret_value()}",
            max_body=settings.max_body,
        )

    async def process(self, _: AsyncIterator[Any], context: Context) -> None:
        """Runs one exchange. A client that leaves cancels this coroutine; nothing here outlives it."""
        first: Any = await context.read()
        if not isinstance(first, messages.Request):
            return
        exchange, began = self._exchange(first), time.monotonic()
        message = first
        try:
            while isinstance(message, messages.Request):
                for reply in _replies(exchange, message):
                    await context.write(reply)
                message = await context.read()
        finally:
            if summary := exchange.summary():
                logger.info("%s in %.3f s", summary, time.monotonic() - began)

    def _exchange(self, first: messages.Request) -> Exchange:
        headers, duplex = messages.headers(first.request_headers.headers), Duplex.told(first)
        if not Inline.serves(headers):
            return PassThrough(duplex)
        if not (duplex.request and duplex.response):
            return Refusal(misconfigured())
        return Inline(self._target, headers)


def _replies(exchange: Exchange, message: messages.Request) -> Sequence[messages.Reply]:
    """The broad catch of this shell: whatever goes wrong becomes an error that the client can read, never a broken stream."""
    try:
        return exchange.handle(message)
    except Exception:
        logger.exception("an exchange failed")
        return exchange.fail(InternalError())
