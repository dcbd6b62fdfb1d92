"""The inline exchange: a Responses call becomes a Chat Completions call that Envoy itself sends, and its answer comes back translated.

Theory. Envoy sends the request's headers and body; nothing is answered until the body is whole, because path, length and body are
decided together. Then the headers go out once, with the new body, and Envoy calls the upstream. Its answer passes through an `Answer`
(see answers). Whoever fails first ends the exchange: before the upstream was called with an immediate response, afterwards through the
answer. What Envoy still sends then is ignored. What turns out to be more than one model call, or none, is handed over to the
application instead, while nothing is answered yet. A body from us is legal only after the first piece of Envoy's in that
direction, and may end before Envoy's does: Envoy then drops the model call. An answer that has told its length is whole with its last
byte; Envoy tells its end in one more message, and sends none of it where the answer was replaced meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from math import inf

from gw_extproc.bodies import RequestBody
from gw_extproc.core.errors import GatewayError
from gw_extproc.core.paths import CHAT, RESPONSES
from gw_extproc.core.quick_enum import QuickEnum
from gw_extproc.extproc import messages
from gw_extproc.extproc.messages import Reply, Request
from gw_extproc.extproc.modes import misconfigured
from gw_extproc.session import answers, explaining
from gw_extproc.session.answers import DESCRIBING, Answer, Body, Head, Part
from gw_extproc.session.begin import begin
from gw_extproc.session.gateway import Gateway
from gw_extproc.session.session import Session
from gw_extproc.telemetry.record import current


class Phase(QuickEnum):
    READING = "the request's body is arriving"
    CALLING = "the model call is with Envoy"
    HEADED = "the upstream's headers are there, and nothing of its body: Envoy takes no body from us yet"
    ANSWERING = "the upstream's answer is arriving"
    OVER = "all is said"
    ELSEWHERE = "another exchange answers"


class HandOver(Exception):
    """The request is not one model call of Envoy's: whoever carries the exchange lets the application answer this session."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.id)
        self.session = session


class Inline:
    """One exchange."""

    def __init__(self, gateway: Gateway, headers: Mapping[str, str]) -> None:
        self._exchange = current()
        self._exchange.route = RESPONSES
        self._gateway = gateway
        self._headers = headers
        self._phase = Phase.READING
        self._body: RequestBody | None = None
        self._session: Session | None = None
        self._answer: Answer | None = None
        self._unread: float = inf
        """Bytes of the upstream's body that are to come: endless, where it has not told its length."""

    @property
    def over(self) -> bool:
        return self._phase is Phase.OVER

    def token(self, message: Request) -> Reply | None:
        """See Replying. Its bytes are not counted, so a stream of told length ends with Envoy's word, as others do."""
        if self._phase is not Phase.ANSWERING:
            return None
        assert self._answer is not None, "the phase says so"
        body = message.response_body
        event = b"" if body.end_of_stream else self._answer.token(body.body)
        return messages.response_body(event, end=False) if event else None

    def handle(self, kind: str, request: Request) -> Awaitable[Sequence[Reply]]:
        """The replies to one of Envoy's messages; one that does not belong to the phase has none. Raises HandOver."""
        return _STEPS.get((self._phase, kind), Inline._ignore)(self, request)

    async def fail(self, error: GatewayError) -> Sequence[Reply]:
        """Ends the exchange with an error."""
        phase, self._phase = self._phase, Phase.OVER
        if phase is Phase.OVER:
            return ()
        self._exchange.fail(error)
        if phase is Phase.ANSWERING and self._answer is not None:
            return _replies(await self._answer.fail(error))
        if self._session is not None:
            self._session.refuse(error)
        self._exchange.http_status = error.status
        return [messages.immediate(error.status, error.body(), error.headers)]

    def leave(self) -> Coroutine[None, None, None] | None:
        """Where the exchange was broken off, by the client or the upstream (Envoy does not tell), what the model has said is kept."""
        if self._phase not in (Phase.OVER, Phase.ELSEWHERE):
            self._exchange.left = self._phase.name.lower()
        if self._session is None or self._session.told or self._phase is Phase.ELSEWHERE:
            return None
        return self._session.give_up()

    async def _ignore(self, _: Request) -> Sequence[Reply]:
        return ()

    async def _request_headers(self, request: Request) -> Sequence[Reply]:
        self._body = RequestBody(self._headers, self._gateway.settings.max_body)
        return await self._call() if request.request_headers.end_of_stream else ()

    async def _request_body(self, request: Request) -> Sequence[Reply]:
        assert self._body is not None, "headers come before the body"
        self._body.feed(request.request_body.body)
        return await self._call() if request.request_body.end_of_stream else ()

    async def _request_trailers(self, _: Request) -> Sequence[Reply]:
        """The body that goes out ends the request: after that Envoy wants no answer to the trailers (it would send the body twice)."""
        return await self._call()

    async def _call(self) -> Sequence[Reply]:
        assert self._body is not None, "headers come before the body"
        caller, explain = self._gateway.caller(self._headers), explaining.wanted(self._headers)
        session = self._session = await begin(self._body.take(), caller, self._gateway)
        if explain or session.plan.needs_engine:
            self._phase = Phase.ELSEWHERE
            raise HandOver(session)
        chat, session.chat = session.chat, b""
        self._phase = Phase.CALLING
        step = self._exchange.call_model(chat)
        _, question, query = self._headers[":path"].partition("?")
        path, length = f"{self._gateway.settings.base_path}{CHAT}{question}{query}", str(len(chat))
        changes = ((":path", path), ("content-length", length), *self._exchange.onward(step).items())
        headers = messages.request_headers(changes, (*_OF_CALLS, *self._gateway.upstream.credentials.items()))
        return [headers, *messages.request_bodies(chat)]

    async def _response_headers(self, request: Request) -> Sequence[Reply]:
        headers = messages.headers(request.response_headers.headers)
        status = int(headers.get(":status", "0"))
        self._exchange.answers(status)
        if request.response_headers.end_of_stream:
            raise answers.bare(status, headers)  # no body, so no place for one: it is replaced as a whole
        self._answer = answers.choose(self._session, status, headers)
        length = headers.get("content-length", "")
        self._unread = int(length) if length.isdecimal() else inf
        self._phase = Phase.HEADED
        return _replies(self._answer.begin())

    async def _response_body(self, request: Request) -> Sequence[Reply]:
        assert self._answer is not None, "the phase says so"
        body = request.response_body
        data = body.body  # each look at it copies it
        self._unread -= len(data)
        ends = body.end_of_stream or self._unread == 0
        self._phase = Phase.ANSWERING
        parts = await self._answer.body(data) if data else ()
        if ends and not self._answer.over:
            parts = [*parts, *await self._answer.end()]
        if ends or self._answer.over:
            self._phase = Phase.OVER
        return _replies(parts)

    async def _response_trailers(self, _: Request) -> Sequence[Reply]:
        assert self._answer is not None, "the phase says so"
        parts = await self._answer.end()
        self._phase = Phase.OVER
        return _replies(parts)

    async def _headers_skipped(self, _: Request) -> Sequence[Reply]:
        raise misconfigured()  # the answer's own headers are gone already: Envoy can only reset it


def _replies(parts: Sequence[Part]) -> Sequence[Reply]:
    if len(parts) == 1 and isinstance(parts[0], Body):
        return messages.response_bodies(*parts[0])
    match parts:
        case [Head() as head, Body(data, end=True)]:
            return messages.whole_response(_noted(head), data)
        case _:
            return [reply for part in parts for reply in _part(part)]


def _part(part: Part) -> Sequence[Reply]:
    match part:
        case Head():
            return (messages.response_headers(_noted(part)),)
        case Body():
            return messages.response_bodies(*part)


def _noted(head: Head) -> messages.Changes:
    """Notes the status with which the answer begins; what it changes in the upstream's head."""
    current().http_status = head.status
    return tuple({":status": str(head.status), **head.headers, **_REPLACED}.items())


_OF_CALLS = (
    *((name, None) for name in DESCRIBING if name != "content-length"),
    ("content-type", "application/json"),
    ("accept-encoding", "identity"),
    (explaining.HEADER, None),
)
"""What changes in the headers of every request, besides path and length."""

_REPLACED: Mapping[str, None] = dict.fromkeys(DESCRIBING)

_STEPS: Mapping[tuple[Phase, str], Callable[[Inline, Request], Awaitable[Sequence[Reply]]]] = {
    (Phase.READING, "request_headers"): Inline._request_headers,
    (Phase.READING, "request_body"): Inline._request_body,
    (Phase.READING, "request_trailers"): Inline._request_trailers,
    (Phase.READING, "response_headers"): Inline._response_headers,  # Envoy's own answer: a timeout, a limit
    (Phase.CALLING, "response_headers"): Inline._response_headers,
    (Phase.CALLING, "response_body"): Inline._headers_skipped,
    (Phase.HEADED, "response_body"): Inline._response_body,
    (Phase.HEADED, "response_trailers"): Inline._response_trailers,
    (Phase.ANSWERING, "response_body"): Inline._response_body,
    (Phase.ANSWERING, "response_trailers"): Inline._response_trailers,
}
"""What each phase does with each of Envoy's messages."""
