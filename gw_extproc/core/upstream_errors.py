"""The errors of upstream servers, in all their shapes, to one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from gw_extproc.core import overflow
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.json_text import written

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
"""The error type for a status where the upstream names none; anything else is a server_error."""

STATUSES = {
    "authentication_error": 401,
    "badrequesterror": 400,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "invalid_argument": 400,
    "invalid_request_error": 400,
    "model_not_found": 404,
    "not_found": 404,
    "not_found_error": 404,
    "overloaded_error": 503,
    "permission_denied": 403,
    "permission_error": 403,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "resource_exhausted": 429,
    "too_many_requests": 429,
    "unauthenticated": 401,
    "unavailable": 503,
}
"""The HTTP status that a type, code or status in words stands for: OpenAI's, Anthropic's and Google's words."""

WELL = frozenset({"success", "ok", "succeeded"})
"""Codes in words that are none."""

RESPONSE_CODES = frozenset({"server_error", "rate_limit_exceeded", "invalid_prompt", overflow.CODE, "insufficient_quota"})
"""Codes that a failed response keeps: OpenAI's document names the first three, clients (Codex) act on the last two as well."""

LONGEST_MESSAGE = 2000
"""Characters kept of a message, or of a body that is no JSON, such as a proxy's HTML page."""

MESSAGES = ("message", "msg", "error_msg", "status_msg", "Message", "errorMessage", "faultstring", "description", "error_description")
CODES = ("code", "error_code", "status_code")
STATUS_FIELDS = ("status", "status_code", "statusCode", "http_code", "code")
_INNER = ("error", "errors", "detail", "base_resp", "fault")
_DEEPEST = 4


def reshape(status: int, body: bytes) -> UpstreamError:
    """The error in a body of that HTTP status, whatever its shape: JSON of any kind, plain text or nothing."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = body.decode("utf-8", "replace").strip()
    return from_document(parsed, status)


def in_chunk(chunk: Mapping[str, Any]) -> UpstreamError | None:
    """The error that a chunk is, in place of choices or beside them; None where it is none.

    Besides OpenAI's `error` there are documents that are errors as a whole: `object: error` (vLLM, Mistral), `detail` (FastAPI),
    `base_resp` (MiniMax), a code with a message. A gateway's `error: {}` or `error: {code: 0}` beside choices says that all is well.
    """
    error = chunk.get("error")
    choices = chunk.get("choices")
    if error and not (choices is not None and isinstance(error, dict) and _is_none(error)):
        return from_document(chunk)
    return from_document(chunk) if choices is None and _is_error(chunk) else None


def from_document(document: object, status: int | None = None) -> UpstreamError:
    """The error that a server describes with that value; without an HTTP status the error may carry one of its own."""
    layers = list(_layers(document))
    if status is None:
        status = _status(layers)
    message = _message(document, layers) or f"The upstream answered with status {status} and no message."
    code, type = _first(layers, CODES), _string(layers, "type")
    if overflow.is_said(message, (str(code), type), status):
        return context_too_long(message[:LONGEST_MESSAGE])
    return UpstreamError(
        message[:LONGEST_MESSAGE],
        status=status,
        type=type or TYPES.get(status, "server_error"),
        code=None if code is None else str(code),
        param=_string(layers, "param"),
    )


def context_too_long(message: str) -> UpstreamError:
    """The same for every server: as OpenAI says it."""
    return UpstreamError(message, status=400, type="invalid_request_error", code=overflow.CODE, param="input")


def response_code(error: UpstreamError) -> str:
    """The `error.code` of a failed response."""
    if error.code in RESPONSE_CODES:
        return str(error.code)
    if error.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if error.status in (400, 422) else "server_error"


def _is_none(error: Mapping[str, Any]) -> bool:
    """Whether an `error` beside choices only fills its place."""
    code = _given_code(error)
    return not any(error.values()) or (code is not None and _is_well(code))


def _is_error(document: Mapping[str, Any]) -> bool:
    if document.get("object") == "error" or any(document.get(name) for name in ("detail", "errors", "fault", "error_code")):
        return True
    result = document.get("base_resp")
    if isinstance(result, dict) and result.get("status_code"):
        return True
    said = any(isinstance(document.get(name), str) and document[name] for name in MESSAGES)
    code = _given_code(document)
    return said and code is not None and not _is_well(code)


def _given_code(document: Mapping[str, Any]) -> str | int | None:
    return next((code for name in CODES if isinstance(code := document.get(name), str | int) and code != ""), None)


def _is_well(code: str | int) -> bool:
    """Whether a code says that nothing is wrong: a number below 400, `success`."""
    if isinstance(code, str) and not code.isdecimal():
        return code.lower() in WELL
    return int(code) < 400


def _layers(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """The objects that may describe the error, the innermost first: `{"error": {...}}`, `{"errors": [{...}]}`, `[{"error": ...}]`."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    for name in _INNER:
        yield from _layers(value.get(name), depth + 1)
    yield value


def _message(document: object, layers: list[Mapping[str, Any]]) -> str:
    """The innermost text; an error that is a text itself; what has no text is shown as it is."""
    for layer in layers:
        for name in MESSAGES:
            if isinstance(text := layer.get(name), str) and text:
                return f"{_place(layer)}{text}"
    for layer in layers:
        for name in _INNER:
            text = layer.get(name)
            if isinstance(text, list) and len(text) == 1:
                text = text[0]
            if isinstance(text, str) and text:
                return text
    if isinstance(document, str):
        return document
    shown = document if not layers else next((said for name in (*_INNER, "message") if (said := layers[-1].get(name))), None)
    return written(shown) if shown else ""


def _place(layer: Mapping[str, Any]) -> str:
    """FastAPI says where: `loc: ["body", "messages", 0]`."""
    place = layer.get("loc")
    steps = [str(step) for step in place if isinstance(step, str | int)] if isinstance(place, list) else ()
    return f"{'.'.join(steps)}: " if steps else ""


def _status(layers: list[Mapping[str, Any]]) -> int:
    """OpenRouter and Google put the status into `code`, Azure into `status`, Groq into `status_code`; others only name the kind."""
    for layer in layers:
        for name in STATUS_FIELDS:
            value = layer.get(name)
            if isinstance(value, str) and value.isdecimal() and len(value) == 3:
                value = int(value)
            if isinstance(value, int) and 400 <= value <= 599:
                return value
    for layer in layers:
        for name in ("code", "type", "status"):
            if isinstance(value := layer.get(name), str) and value.lower() in STATUSES:
                return STATUSES[value.lower()]
    return 502


def _first(layers: list[Mapping[str, Any]], names: tuple[str, ...]) -> str | int | None:
    """The first of these that is a text or a number, and says something."""
    for layer in layers:
        for name in names:
            value = layer.get(name)
            if isinstance(value, str | int) and not isinstance(value, bool) and value not in ("", 0):
                return value
    return None


def _string(layers: list[Mapping[str, Any]], name: str) -> str | None:
    return next((value for layer in layers if isinstance(value := layer.get(name), str) and value), None)
