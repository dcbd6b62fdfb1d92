"""The inline exchange: a Responses call becomes a Chat Completions call that Envoy itself sends, and its answer comes back translated.

Theory. Envoy sends the request's headers and body; nothing is answered until the body is whole, because path, length and body are
decided together. Then the headers go out once, with the new body, and Envoy calls the upstream. Its answer passes through an `Answer`
(see answers). Whoever fails first ends the exchange: before the upstream was called with an immediate response, afterwards through the
answer. What Envoy still sends then is ignored. A body from us is legal only after the first piece of Envoy's in that direction, and may
end before Envoy's does: Envoy then drops the model call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from gw_extproc.core.errors import BodyTooLarge, CallerError, GatewayError, UnsupportedMediaType, UpstreamError, quote
from gw_extproc.core.paths import RESPONSES
from gw_extproc.core.sse import BAD_ANSWER
from gw_extproc.extproc import answers, messages
from gw_extproc.extproc.answers import Answer
from gw_extproc.extproc.encoding import BodyError, Decoder, decoder
from gw_extproc.extproc.messages import Reply, Request
from gw_extproc.extproc.modes import misconfigured
from gw_extproc.session import Gateway, Session, begin


@dataclass(frozen=True)
class Target:
    """How the model call is addressed."""

    gateway: Gateway
    chat_path: str
    """Path of the upstream's chat completions, for example /v1/chat/completions."""
    authorization: str | None
    """Replaces the caller's header where the gateway has a key of its own."""
    max_body: int


class Phase(Enum):
    READING = "the request's body is arriving"
    CALLING = "the model call is with Envoy"
    HEADED = "the upstream's headers are there, and nothing of its body: Envoy takes no body from us yet"
    ANSWERING = "the upstream's answer is arriving"
    OVER = "all is said"


class Inline:
    """One exchange."""

    def __init__(self, target: Target, headers: Mapping[str, str]) -> None:
        self._target = target
        self._headers = headers
        self._phase = Phase.READING
        self._body: list[bytes] = []
        self._read: Decoder | None = None
        self._session: Session | None = None
        self._answer: Answer | None = None
        self._error: GatewayError | None = None

    @classmethod
    def serves(cls, headers: Mapping[str, str]) -> bool:
        return headers.get(":method") == "POST" and headers.get(":path", "").partition("?")[0] == RESPONSES

    def handle(self, request: Request) -> Sequence[Reply]:
        """The replies to one of Envoy's messages; one that does not belong to the phase has none."""
        step = _STEPS.get((self._phase, request.WhichOneof("request") or ""))
        if step is None:
            return ()
        try:
            return step(self, request)
        except BodyError as error:
            return self.fail(self._unreadable(error))
        except GatewayError as error:
            return self.fail(error)

    def fail(self, error: GatewayError) -> Sequence[Reply]:
        """Ends the exchange with an error."""
        phase, self._phase = self._phase, Phase.OVER
        if phase is Phase.OVER:
            return ()
        self._error = error
        if phase is Phase.ANSWERING and self._answer is not None:
            return self._answer.fail(error)
        return [messages.immediate(error.status, error.body(), error.headers)]

    def summary(self) -> str:
        """One line for the log: who, and what came of it."""
        said = {"request": _printable(self._headers.get("x-request-id", "-"))}
        if self._session is not None:
            assembler = self._session.assembler
            said |= {"response": self._session.id, "status": assembler.status.value}
            if assembler.usage_estimated:
                said["usage"] = "estimated"
        if self._error is not None:
            said |= {"status": "failed", "http": str(self._error.status), "error": _printable(self._error.code or self._error.type)}
        elif self._phase is not Phase.OVER:
            said["left"] = self._phase.name.lower()
        return " ".join(f"{name}={value}" for name, value in said.items())

    def _request_headers(self, request: Request) -> Sequence[Reply]:
        kind = self._headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedMediaType(f"The request body must be application/json, not {quote(kind)}.", code="unsupported_media_type")
        encoding = self._headers.get("content-encoding")
        self._read = decoder(encoding, self._target.max_body)
        if self._read is None:
            message = f"The request body is compressed as {quote(str(encoding))}; gzip, deflate or none can be read."
            raise UnsupportedMediaType(message, code="unsupported_content_encoding")
        announced = self._headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._target.max_body:
            raise self._too_large()
        return self._call() if request.request_headers.end_of_stream else ()

    def _request_body(self, request: Request) -> Sequence[Reply]:
        assert self._read is not None, "headers come before the body"
        self._body.append(self._read.feed(request.request_body.body))
        return self._call() if request.request_body.end_of_stream else ()

    def _request_trailers(self, _: Request) -> Sequence[Reply]:
        """The body that goes out ends the request: after that Envoy wants no answer to the trailers (it would send the body twice)."""
        return self._call()

    def _call(self) -> Sequence[Reply]:
        body, self._body = self._body, []
        session = begin(b"".join(body), self._target.gateway)
        self._session = replace(session, chat=b"")  # sent below, and as large as the request
        self._phase = Phase.CALLING
        _, question, query = self._headers[":path"].partition("?")
        changes: dict[str, str | None] = {
            **dict.fromkeys(messages.DESCRIBING),
            ":path": f"{self._target.chat_path}{question}{query}",
            "content-type": "application/json",
            "content-length": str(len(session.chat)),
            "accept-encoding": "identity",
        }
        if self._target.authorization is not None:
            changes["authorization"] = self._target.authorization
        return [messages.request_headers(changes), *messages.request_bodies(session.chat)]

    def _response_headers(self, request: Request) -> Sequence[Reply]:
        headers = messages.headers(request.response_headers.headers)
        if request.response_headers.end_of_stream:
            raise answers.bare(headers)  # no body, so no place for one: it is replaced as a whole
        self._answer = answers.choose(self._session, headers)
        self._phase = Phase.HEADED
        return self._answer.begin()

    def _response_body(self, request: Request) -> Sequence[Reply]:
        assert self._answer is not None, "the phase says so"
        self._phase = Phase.ANSWERING
        body = request.response_body
        replies = self._answer.body(body.body) if body.body else ()
        if body.end_of_stream and not self._answer.over:
            replies = [*replies, *self._answer.end()]
        if body.end_of_stream or self._answer.over:
            self._phase = Phase.OVER
        return replies

    def _response_trailers(self, _: Request) -> Sequence[Reply]:
        assert self._answer is not None, "the phase says so"
        replies = self._answer.end()
        self._phase = Phase.OVER
        return replies

    def _headers_skipped(self, _: Request) -> Sequence[Reply]:
        raise misconfigured()  # the answer's own headers are gone already: Envoy can only reset it

    def _unreadable(self, error: BodyError) -> GatewayError:
        if self._phase is not Phase.READING:
            return UpstreamError(f"The upstream's answer is {error}.", code=BAD_ANSWER)
        return self._too_large() if error.too_large else CallerError(f"The request body is {error}.", code="invalid_body")

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The request body is larger than {self._target.max_body} bytes.", code="request_too_large")


LONGEST_LOGGED = 64
"""Characters of a name from outside in a log line."""


def _printable(text: str) -> str:
    """The text for a log line: nothing that a terminal or a log reader would act on."""
    return "".join(char if "!" <= char <= "~" else "?" for char in text[:LONGEST_LOGGED])


_STEPS: Mapping[tuple[Phase, str], Callable[[Inline, Request], Sequence[Reply]]] = {
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
