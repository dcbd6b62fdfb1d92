"""How the events of a response that takes several model calls reach its caller: as a stream, or as one object at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from gw_extproc.core.errors import GatewayError, UpstreamError
from gw_extproc.session.answers import EVENT_STREAM, JSON, Body, Head, Part, notice, whole_error
from gw_extproc.session.session import Session


class Voice(ABC):
    """Says what has become of a response. Until something was said it may still become an HTTP error."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.beside: Mapping[str, str] = {}
        """The upstream's own headers, once it has answered."""

    @abstractmethod
    def say(self, events: bytes) -> Sequence[Part]:
        """The response goes on."""

    @abstractmethod
    async def end(self) -> Sequence[Part]:
        """The response has ended. Raises what it failed with, where that is to be told as an HTTP error."""

    async def fail(self, error: GatewayError) -> Sequence[Part]:
        """The response comes to nothing."""
        self._session.refuse(error)
        return [
            part._replace(headers={**self.beside, **part.headers}) if isinstance(part, Head) else part for part in whole_error(error)
        ]

    def _head(self, headers: Mapping[str, str]) -> Head:
        return Head(200, {**self.beside, **headers, **notice(self._session)})


class Stream(Voice):
    """The caller wants events."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._opening = session.assembler.start()
        session.exchange.tells(self._opening)

    def say(self, events: bytes) -> Sequence[Part]:
        opening, self._opening = self._opening, b""
        if opening:
            return [self._head(EVENT_STREAM), Body(opening + events, end=False)]
        return [Body(events, end=False)] if events else ()

    async def end(self) -> Sequence[Part]:
        return [*self.say(b""), Body(await self._session.conclude(), end=True)]

    async def fail(self, error: GatewayError) -> Sequence[Part]:
        if self._opening:
            return await super().fail(error)
        upstream = error if isinstance(error, UpstreamError) else UpstreamError(error.message, status=error.status, code=error.code)
        events = self._session.assembler.fail(upstream)
        return [Body(events + await self._session.conclude(), end=True)]


class Whole(Voice):
    """The caller wants one object."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        session.assembler.start()

    def say(self, events: bytes) -> Sequence[Part]:
        return ()

    async def end(self) -> Sequence[Part]:
        session = self._session
        if session.assembler.error is not None:
            raise session.assembler.error
        if session.assembler.usage_estimated:
            session.plan.notices.add("estimated", "usage")
        await session.conclude()
        return [self._head(JSON), Body(session.told, end=True)]


def voice(session: Session) -> Voice:
    return Stream(session) if session.plan.stream else Whole(session)
