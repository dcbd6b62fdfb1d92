"""The model call that the gateway makes itself, where no Envoy carries it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import Protocol

import orjson

from gw_extproc.core import overflow, truncation
from gw_extproc.core.errors import GatewayError, InternalError, UpstreamError
from gw_extproc.core.paths import CHAT
from gw_extproc.core.request import Plan
from gw_extproc.session import answers, explaining
from gw_extproc.session.answers import DESCRIBING, Answer, ErrorAnswer, Head, Part
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session
from gw_extproc.telemetry.record import current
from gw_extproc.upstream import Answered

logger = logging.getLogger("gw_extproc.calling")

_OURS = frozenset({*DESCRIBING, "content-type", "date", "server"})
"""Headers of the upstream's answer that are ours to say."""

_FOR_US = frozenset({*DESCRIBING, explaining.HEADER})
"""Headers of the caller's that say nothing to the model's server."""


@asynccontextmanager
async def call_model(gateway: Gateway, headers: Mapping[str, str], query: str, chat: bytes) -> AsyncIterator[Answered]:
    """Sends a Chat request with the caller's headers; raises UpstreamError."""
    sent = {name: value for name, value in headers.items() if name not in _FOR_US} | {"content-type": "application/json"}
    exchange = current()
    exchange.pauses()
    with exchange.call_model(chat) as step:
        sent = {name: value for name, value in {**sent, **exchange.onward(step)}.items() if value is not None}
        async with gateway.upstream.call("POST", f"{CHAT}{query}", sent, chat) as answered:
            exchange.answers(answered.status)
            yield answered


def beside(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The upstream's headers that stay beside ours, as Envoy would keep them."""
    return {name: value for name, value in headers.items() if name not in _OURS}


def shortened(plan: Plan, chat: bytes, error: UpstreamError) -> bytes | None:
    """What to send instead of a Chat request that was refused, if anything: its context was too long, and may be shortened."""
    if not (plan.shortens and error.code == overflow.CODE):
        return None
    body = orjson.loads(chat)
    messages = truncation.shortened(body["messages"], overflow.fitting(error.message), plan.instructed)
    if messages is None:
        return None
    plan.notices.add("left out to fit the context", "the oldest input")
    return orjson.dumps({**body, "messages": messages})


class Source(Protocol):
    """Makes an answer, and knows how to end it with an error."""

    def parts(self) -> AsyncGenerator[Part]: ...

    async def failed(self, error: GatewayError) -> Sequence[Part]: ...


def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str = "") -> AsyncGenerator[Part]:
    """Calls the model with the caller's headers and gives the answer as it comes."""
    return spoken(session, gateway, _Call(session, gateway, headers, query))


async def spoken(session: Session, gateway: Gateway, source: Source) -> AsyncGenerator[Part]:
    """What the source makes for that session, to its end, whatever happens.

    Whoever stops asking for more, or is cancelled, breaks the response off: what there is of it is kept.
    """
    try:
        async with aclosing(source.parts()) as parts:  # the model stops before anything is saved
            async for part in parts:
                yield part
    except GatewayError as error:
        session.exchange.fail(error)
        for part in await source.failed(error):
            yield part
    except Exception:  # the broad catch of this shell
        logger.exception("a model call failed")
        session.exchange.fail(fault := InternalError())
        for part in await source.failed(fault):
            yield part
    finally:
        if not session.told:
            await gateway.aftermath.saved(session.give_up())


class _Call:
    """One model call, and what is known of its answer."""

    def __init__(self, session: Session, gateway: Gateway, headers: Mapping[str, str], query: str) -> None:
        self._session = session
        self._gateway = gateway
        self._headers = headers
        self._query = query
        self._answer: Answer | None = None
        self._beside: Mapping[str, str] = {}

    async def parts(self) -> AsyncGenerator[Part]:
        """Where the context is too long and may be shortened, it is, until it fits or nothing more may go."""
        chat, self._session.chat = self._session.chat, b""
        while True:
            try:
                async with aclosing(self._attempt(chat)) as parts:
                    async for part in parts:
                        yield part
                return
            except UpstreamError as error:
                # nothing has been said where the answer was an error from its beginning
                shorter = shortened(self._session.plan, chat, error) if isinstance(self._answer, ErrorAnswer) else None
                if shorter is None:
                    raise
                chat = shorter

    async def _attempt(self, chat: bytes) -> AsyncGenerator[Part]:
        session = self._session
        async with call_model(self._gateway, self._headers, self._query, chat) as answered:
            self._beside = beside(answered.headers)
            answer = self._answer = answers.choose(session, answered.status, answered.headers)
            for part in answer.begin():
                yield self._whole(part)
            async for piece in answered.pieces:
                session.exchange.working_since = perf_counter()
                for part in await answer.body(piece):
                    yield self._whole(part)
                if answer.over:
                    return
            for part in await answer.end():
                yield self._whole(part)

    async def failed(self, error: GatewayError) -> Sequence[Part]:
        parts = answers.whole_error(error) if self._answer is None else await self._answer.fail(error)
        return [self._whole(part) for part in parts]

    def _whole(self, part: Part) -> Part:
        """A head with the upstream's own headers, as Envoy would keep them."""
        return part._replace(headers={**self._beside, **part.headers}) if isinstance(part, Head) else part
