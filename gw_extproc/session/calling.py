"""The model call that the gateway makes itself, where no Envoy carries it."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

import orjson

from gw_extproc.core import overflow, truncation
from gw_extproc.core.errors import GatewayError, InternalError, UpstreamError
from gw_extproc.core.paths import CHAT
from gw_extproc.session import answers
from gw_extproc.session.answers import DESCRIBING, Answer, ErrorAnswer, Head, Part
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session

logger = logging.getLogger("gw_extproc.calling")

_OURS = frozenset({*DESCRIBING, "content-type", "date", "server"})
"""Headers of the upstream's answer that are ours to say."""


async def answer(session: Session, gateway: Gateway, headers: Mapping[str, str], query: str = "") -> AsyncGenerator[Part]:
    """Calls the model with the caller's headers and gives the answer as it comes.

    Whoever stops asking for more, or is cancelled, breaks the response off: what there is of it is kept.
    """
    call = _Call(session)
    try:
        async with aclosing(call.parts(gateway, headers, query)) as parts:  # the model stops before anything is saved
            async for part in parts:
                yield part
    except GatewayError as error:
        for part in await call.failed(error):
            yield part
    except Exception:  # the broad catch of this shell
        logger.exception("a model call failed")
        for part in await call.failed(InternalError()):
            yield part
    finally:
        if not session.told:
            await gateway.aftermath.saved(session.give_up())


class _Call:
    """One model call, and what is known of its answer."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._answer: Answer | None = None
        self._beside: Mapping[str, str] = {}

    async def parts(self, gateway: Gateway, headers: Mapping[str, str], query: str) -> AsyncGenerator[Part]:
        """Where the context is too long and may be shortened, it is, until it fits or nothing more may go."""
        chat, self._session.chat = self._session.chat, b""
        while True:
            try:
                async with aclosing(self._attempt(gateway, headers, query, chat)) as parts:
                    async for part in parts:
                        yield part
                return
            except UpstreamError as error:
                shorter = self._shorter(chat, error)
                if shorter is None:
                    raise
                chat = shorter

    async def _attempt(self, gateway: Gateway, headers: Mapping[str, str], query: str, chat: bytes) -> AsyncGenerator[Part]:
        session = self._session
        sent = {name: value for name, value in headers.items() if name not in DESCRIBING} | {"content-type": "application/json"}
        async with gateway.upstream.call("POST", f"{CHAT}{query}", sent, chat) as answered:
            self._beside = {name: value for name, value in answered.headers.items() if name not in _OURS}
            answer = self._answer = answers.choose(session, answered.status, answered.headers)
            for part in answer.begin():
                yield self._whole(part)
            async for piece in answered.pieces:
                for part in await answer.body(piece):
                    yield self._whole(part)
                if answer.over:
                    return
            for part in await answer.end():
                yield self._whole(part)

    def _shorter(self, chat: bytes, error: UpstreamError) -> bytes | None:
        """What to send instead, if anything: nothing has been said where the answer was an error from its beginning."""
        plan = self._session.plan
        if not (plan.shortens and error.code == overflow.CODE and isinstance(self._answer, ErrorAnswer)):
            return None
        body = orjson.loads(chat)
        messages = truncation.shortened(body["messages"], overflow.fitting(error.message), plan.instructed)
        if messages is None:
            return None
        plan.notices.add("left out to fit the context", "the oldest input")
        return orjson.dumps({**body, "messages": messages})

    async def failed(self, error: GatewayError) -> list[Part]:
        parts = answers.whole_error(error) if self._answer is None else await self._answer.fail(error)
        return [self._whole(part) for part in parts]

    def _whole(self, part: Part) -> Part:
        """A head with the upstream's own headers, as Envoy would keep them."""
        return part._replace(headers={**self._beside, **part.headers}) if isinstance(part, Head) else part
