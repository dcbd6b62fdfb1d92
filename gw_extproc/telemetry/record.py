"""The record of one exchange: what came in, what was done, what came of it.

Theory. An exchange is one HTTP request and its answer, one turn of a WebSocket, or one background response being made. While it lasts,
whoever works on it finds its record with `current()` and notes facts there; nobody who notes knows who reads. It ends once everybody
has let go of it: its carrier, and the work that goes on without it (see aftermath). Only then its readers are told, and from what they
are told nothing changes any more. Where no exchange is, `current()` is NOBODY, whose notes are not read.

Times are those of `time.perf_counter`, in seconds; `began_at` says what the clock showed.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from gw_extproc.core.errors import GatewayError, UpstreamError
from gw_extproc.core.notices import Notices
from gw_extproc.core.quick_enum import QuickEnum
from gw_extproc.telemetry import traceparent
from gw_extproc.telemetry.captured import Captured
from gw_extproc.telemetry.pace import Pace

logger = logging.getLogger("gw_extproc.telemetry")

ELSEWHERE = "other"
"""The route of what is none of the API's operations."""

NO_KIND = "unknown"
"""What a message of Envoy's is called that this version of its protocol does not have."""

PHASES = ("request_headers", "request_body", "request_trailers", "response_headers", "response_body", "response_trailers", NO_KIND)
"""Envoy's messages, by the names that they have in its protocol."""


class Door(QuickEnum):
    """How an exchange came in."""

    INLINE = "inline"
    HOSTED = "hosted"
    HTTP = "http"
    WEBSOCKET = "websocket"
    BACKGROUND = "background"


class StepKind(QuickEnum):
    """What takes time within an exchange."""

    TRANSLATE = "translate"
    STORE = "store"
    MODEL = "model"
    TOOL = "tool"
    LIST_TOOLS = "list_tools"


class Usage(NamedTuple):
    """Tokens."""

    input: int
    cached: int
    output: int
    reasoning: int
    estimated: bool


class Fault(NamedTuple):
    """What is told of an error to whoever looks on: never its message, which may repeat what somebody said."""

    code: str | None
    type: str
    param: str | None
    """The path of the field that it is about."""

    @property
    def word(self) -> str:
        return self.code or self.type


Fact = str | int | float | bool

_NO_NOTICES = Notices()


def named(error: BaseException) -> str:
    """The word for an error: never its message, which may repeat what somebody said."""
    return (error.code or error.type) if isinstance(error, GatewayError) else type(error).__name__


@dataclass(slots=True)
class Step:
    """One of them; a block that it is used `with` is its time."""

    kind: StepKind
    name: str
    """One of few: never a caller's word (that goes into the facts)."""
    began: float
    span_id: bytes = b""
    """Random, where a trace is wanted."""
    ended: float | None = None
    failed: str | None = None
    """The error's word."""
    facts: dict[str, Fact] = field(default_factory=dict)
    heard: float | None = None
    """When the first piece of a model's answer had become events."""

    def end(self, failed: str | None = None) -> None:
        """It is over; what comes later changes nothing."""
        if self.ended is None:
            self.ended, self.failed = perf_counter(), failed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.end(None if error is None else named(error))


class Reader(Protocol):
    """Is told of exchanges. It must not wait, and shall not raise."""

    def began(self, exchange: Exchange) -> None:
        """It has been noted who asks, and nothing else. The reader may set what it needs: ids of a trace, a place for contents."""

    def ended(self, exchange: Exchange) -> None:
        """All is noted; nothing changes any more."""

    async def close(self) -> None:
        """The process ends: what is still to be told elsewhere is told now."""


@dataclass(slots=True, eq=False)
class Exchange:
    """What is known of one exchange so far. While a block that it is used `with` runs, it is the current one."""

    door: Door
    method: str
    route: str
    """The operation's path with its parameters' names (`/v1/responses/{response_id}`), or ELSEWHERE."""
    request_id: str
    traceparent: str | None = None
    """As it was given (W3C Trace Context)."""
    readers: Sequence[Reader] = ()
    began: float = field(default_factory=time.perf_counter)
    began_at: float = field(default_factory=time.time)
    ended: float | None = None

    trace_id: bytes = b""
    """Set where a trace is wanted: then the steps get ids too."""
    span_id: bytes = b""
    """Also set where only what it continues will say whether one is."""

    tenant: str = ""
    """The first characters of the hash that stands for the tenant."""
    http_status: int | None = None
    fault: Fault | None = None
    """The error that was told."""
    left: str | None = None
    """In which phase the client had left, if it had."""

    response_id: str | None = None
    conversation: str | None = None
    """The id of the conversation that it is a turn of."""
    model: str | None = None
    """As the caller names it."""
    upstream_model: str | None = None
    """As it is called by: after the aliases."""
    answered_model: str | None = None
    """As the upstream says."""
    dialect: str = ""
    stream: bool = False
    stored: bool | None = None
    """Whether the response is to be kept; once it has ended, whether it is."""
    background: bool = False
    status: str | None = None
    """What has become of the response: completed, incomplete, failed, cancelled."""
    reason: str | None = None
    """Why it is incomplete."""
    finish_reason: str | None = None
    """The upstream's word for the end."""
    usage: Usage | None = None
    notices: Notices = _NO_NOTICES
    """What was left out or changed, and by which rules."""

    steps: list[Step] = field(default_factory=list)
    call: Step | None = None
    """The model call that is going on."""
    pace: Pace = field(default_factory=Pace)
    phases: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))
    """Seconds that were spent on each of Envoy's messages, or (with other carriers) on the request's body and the answer's."""
    working_since: float = field(default_factory=time.perf_counter)
    """When the present work on the exchange began: what is on its way to its caller, or to the model, waits for it."""
    added_to_first_token: float | None = None
    """Seconds of such work until the first token's event."""
    captured: Captured | None = None

    _holders: int = field(default=0, init=False)
    _token: Token[Exchange] | None = field(default=None, init=False)

    def step(self, kind: StepKind, name: str) -> Step:
        """Something begins that takes time."""
        step = Step(kind, name, perf_counter(), os.urandom(8) if self.trace_id else b"")
        self.steps.append(step)
        return step

    def continues(self, header: str | None) -> None:
        """It goes on with what a request began that had this `traceparent`: in the same trace, if that is recorded, here too."""
        parent = traceparent.parse(header)
        if parent is None:
            return
        self.traceparent = header
        if self.span_id and parent.sampled:
            self.trace_id = parent.trace_id
            for step in self.steps:
                step.span_id = os.urandom(8)

    def causes(self) -> str:
        """The `traceparent` of what comes of it later; empty where there is none."""
        return traceparent.header(self.trace_id, self.span_id) if self.trace_id else self.traceparent or ""

    def onward(self, step: Step | None = None) -> Mapping[str, str | None]:
        """Headers for what that step sends elsewhere, to be set or (None) to be removed: none at all where no trace is wanted."""
        if not self.trace_id:
            return {}
        headers: dict[str, str | None] = {"traceparent": traceparent.header(self.trace_id, step.span_id if step else self.span_id)}
        if self.traceparent is None:
            headers["tracestate"] = None  # it belongs to a trace that this is none of
        return headers

    def call_model(self, chat: bytes) -> Step:
        """A model is called with this Chat request; what was done until now for that is done."""
        self.pace.pause()
        self.call = step = self.step(StepKind.MODEL, "chat")
        if self.captured is not None:
            self.captured.sends(chat)
        return step

    def pauses(self) -> None:
        """What was to be done for the model call is done; now it is for others to act."""
        self.phases["request_body"] += perf_counter() - self.working_since

    def answers(self, status: int) -> None:
        """The called model's server answers with that status."""
        if self.call is not None:
            self.call.facts["http.response.status_code"] = status

    def said(self, events: bytes) -> None:
        """A piece of the model's answer became these events."""
        now = perf_counter()
        if self.pace.last is None and self.call is not None:
            self.call.heard = now
        self.pace.tick(now)
        if self.added_to_first_token is None:
            self.added_to_first_token = sum(self.phases.values()) + now - self.working_since
        if self.captured is not None:
            self.captured.says(now, events)

    def flows(self, event: bytes) -> None:
        """The same for a piece of an answer that has begun: it came when the present work began. Every token is noted here."""
        self.pace.tick(self.working_since)
        if self.captured is not None:
            self.captured.says(self.working_since, event)

    def tells(self, events: bytes) -> None:
        """Other events: what comes before and after the model's answer, and the items of tools."""
        if self.captured is not None and events:
            self.captured.says(perf_counter(), events)

    def fail(self, error: GatewayError) -> None:
        """The caller is told an error: where the upstream made it, its call has come to that."""
        self.fault = Fault(error.code, error.type, error.param)
        if self.call is not None and isinstance(error, UpstreamError):
            self.call.end(self.error)
        if self.captured is not None and not self.captured.answer:
            self.captured.tells(error.body())

    @property
    def error(self) -> str | None:
        """Code or type of the error that was told."""
        return self.fault and self.fault.word

    def hold(self) -> None:
        """Somebody works on it who may be at it longer than its carrier."""
        self._holders += 1

    def release(self) -> None:
        """The last who lets go ends it."""
        self._holders -= 1
        if self._holders:
            return
        self.ended = perf_counter()
        for step in self.steps:
            if step.ended is None:
                step.ended = self.ended
        self.tell(lambda reader: reader.ended(self))

    def tell(self, word: Callable[[Reader], None]) -> None:
        """To each reader. The broad catch of this part: nobody's answer shall suffer from what is only looked at."""
        for reader in self.readers:
            try:
                word(reader)
            except Exception:
                logger.exception("a reader of the exchange failed")

    def __enter__(self) -> Self:
        self.hold()
        self._token = _current.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None, "entered before"
        _current.reset(self._token)
        self.release()


class _Nobody(Exchange):
    """Takes every note, and nobody reads it: nothing piles up."""

    __slots__ = ()

    def step(self, kind: StepKind, name: str) -> Step:
        return Step(kind, name, perf_counter())

    def continues(self, header: str | None) -> None:
        return

    def said(self, events: bytes) -> None:
        return

    def flows(self, event: bytes) -> None:
        return

    def hold(self) -> None:
        return

    def release(self) -> None:
        return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return


NOBODY: Exchange = _Nobody(Door.HTTP, "", ELSEWHERE, "")

_current: ContextVar[Exchange] = ContextVar("gw_extproc.exchange", default=NOBODY)

current = _current.get
"""The exchange that this task works on."""

acting: ContextVar[Step | None] = ContextVar("gw_extproc.step", default=None)
"""The step that this task, which does nothing else, works on: for what is sent from deep within."""
