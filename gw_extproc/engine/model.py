"""One model call of the loop: sent again only as long as nothing of its answer has been heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count

from gw_extproc.core import upstream_errors
from gw_extproc.core.errors import BAD_ANSWER, UpstreamError
from gw_extproc.core.repetition import Repetition
from gw_extproc.core.sse import ChunkDecoder, Ending, Piece
from gw_extproc.encoding import Decoder
from gw_extproc.session import answers
from gw_extproc.session.calling import beside, call_model
from gw_extproc.session.gateway import Gateway
from gw_extproc.upstream import Answered

AGAIN = frozenset({502, 503, 504})
"""Statuses of an upstream that may be better in a moment, and has not begun to answer."""

_PAUSE = 0.1
"""Seconds before the first repetition; twice as many before each further one."""


@dataclass(frozen=True)
class Said:
    """What came of the answer: chunks, and at the end how it ended."""

    chunks: Sequence[Piece]
    beside: Mapping[str, str]
    ending: Ending | None = None


async def ask(gateway: Gateway, headers: Mapping[str, str], query: str, chat: bytes) -> AsyncGenerator[Said]:
    """The answer as it comes; raises UpstreamError."""
    for attempt in count():
        heard = False
        try:
            async with aclosing(_once(gateway, headers, query, chat)) as answer:
                async for said in answer:
                    if not heard:
                        _raise_if_it_begins_badly(said)
                    heard = heard or bool(said.chunks)
                    yield said
            return
        except UpstreamError as error:
            if heard or error.status not in AGAIN or attempt == gateway.settings.model_retries:
                raise
        await asyncio.sleep(_PAUSE * 2**attempt)


async def _once(gateway: Gateway, headers: Mapping[str, str], query: str, chat: bytes) -> AsyncGenerator[Said]:
    decoder = ChunkDecoder()
    async with call_model(gateway, headers, query, chat) as answered:
        stay = beside(answered.headers)
        read = answers.reader(answered.headers)
        if not 200 <= answered.status < 300:
            raise await _refused(answered, read, stay)
        async for piece in answered.pieces:
            if chunks := decoder.feed(answers.plain(read, piece)):
                yield Said(chunks, stay)
            if decoder.done:
                await answered.rest()
                break
    chunks, ending = decoder.end()
    yield Said(chunks, stay, ending)


async def _refused(answered: Answered, read: Decoder, stay: Mapping[str, str]) -> UpstreamError:
    """The error that the upstream answered with, and its headers."""
    refusal = answers.ErrorAnswer(answered.status, read)
    async for piece in answered.pieces:
        await refusal.body(piece)
    error = refusal.error()
    error.headers = stay
    return error


def _raise_if_it_begins_badly(said: Said) -> None:
    """An error in the place of an answer, under whatever status, is still an error that nobody has heard of."""
    if said.chunks:
        first = said.chunks[0]
        if not isinstance(first, Repetition) and (error := upstream_errors.in_chunk(first)):
            raise error
    elif said.ending is not None:
        raise UpstreamError("The upstream's answer is empty.", code=BAD_ANSWER)
