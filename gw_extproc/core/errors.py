"""The three families of errors and the one shape in which a client sees them: OpenAI's error object."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

LONGEST_QUOTE = 64
"""Characters of a name or a value that a message repeats: both may be as long as the body."""

UPSTREAM_ERROR = "upstream_error"
"""Code of the error that an upstream is which cannot be reached or breaks off, and has said nothing itself."""

BAD_ANSWER = "bad_upstream_answer"
"""Code of the error that an unreadable answer becomes."""


class GatewayError(Exception):
    """An error that a client may see.

    `status` is the HTTP status; `body()` the error object `{"error": {message, type, param, code}}` (spec digest, section d).
    """

    status = 500
    type = "server_error"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.headers: Mapping[str, str] = {}

    def detail(self) -> dict[str, str | None]:
        """The inner object: message, type, param and code, the last two null where unknown."""
        return {"message": self.message, "type": self.type, "param": self.param, "code": self.code}

    def body(self) -> bytes:
        return orjson.dumps({"error": self.detail()})


class CallerError(GatewayError):
    """The caller's fault: the message names the field by path and is safe to show."""

    status = 400
    type = "invalid_request_error"


class TooDeep(CallerError):
    """JSON that can be read but not written again: the parser takes more levels than the writer."""

    def __init__(self) -> None:
        super().__init__("The request body is nested too deeply.", code="invalid_json")


def encode(value: object) -> bytes:
    """The value as JSON; raises TooDeep where what the caller sent is nested more deeply than can be written."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:  # values that came out of the parser fail for no other reason
        raise TooDeep from None


def encode_item(item: object) -> bytes:
    """As `encode`, for an item that is kept: so that it can also be written in any answer, up to three levels deep."""
    return encode([[[item]]])[3:-3]


def unsupported(param: str, reason: str, *, code: str = "unsupported_value") -> CallerError:
    """What may be sent in general, but not to this gateway or this upstream."""
    return CallerError(f"Unsupported value for '{param}': {reason}.", code=code, param=param)


def shorten(text: str) -> str:
    """At most so much of the caller's text that a message stays readable."""
    return text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + "..."


def quote(text: str) -> str:
    """The text in quotation marks, shortened."""
    return f"'{shorten(text)}'"


class NotFound(CallerError):
    """A path or an id that names nothing of this caller's."""

    status = 404


class BodyTooLarge(CallerError):
    """The request body is over the limit."""

    status = 413


class UnsupportedMediaType(CallerError):
    """The body is not JSON, or is compressed in a way that the gateway does not read."""

    status = 415


class UpstreamError(GatewayError):
    """The upstream's error, reshaped: its status, message, type, code and param are kept."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        type: str = "server_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message, code=code, param=param)
        self.status = status
        self.type = type


class InternalError(GatewayError):
    """Ours: bland outside, everything in the log."""

    def __init__(self) -> None:
        super().__init__("The gateway failed to process this request.", code="internal_error")
