"""The errors of upstream servers, in all their shapes, to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

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

RESPONSE_CODES = frozenset({"server_error", "rate_limit_exceeded", "invalid_prompt", "context_length_exceeded", "insufficient_quota"})
"""Codes that a failed response keeps: OpenAI's document names the first three, clients (Codex) act on the last two as well."""

LONGEST_MESSAGE = 2000
"""Characters kept of a body that is no JSON, such as a proxy's HTML page."""


def reshape(status: int, body: bytes) -> UpstreamError:
    """The error in a body of that HTTP status; its own shape may be any of those below, plain text or nothing."""
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = body.decode("utf-8", "replace").strip()[:LONGEST_MESSAGE]
    if isinstance(parsed, list) and parsed:  # Gemini: [{"error": ...}]
        parsed = parsed[0]
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    return from_object(error, status)


def from_object(error: object, status: int | None = None) -> UpstreamError:
    """The error that a server describes with that value; without an HTTP status the error may carry one of its own."""
    fields: Mapping[str, Any] = error if isinstance(error, dict) else {"message": error}
    if status is None:
        status = _status(fields)
    message = _message(fields) or f"The upstream answered with status {status} and no message."
    type, code, param = fields.get("type"), fields.get("code"), fields.get("param")
    return UpstreamError(
        message,
        status=status,
        type=type if isinstance(type, str) and type else TYPES.get(status, "server_error"),
        code=str(code) if isinstance(code, str | int) and code != "" else None,
        param=param if isinstance(param, str) and param else None,
    )


def response_code(error: UpstreamError) -> str:
    """The `error.code` of a failed response."""
    if error.code in RESPONSE_CODES:
        return str(error.code)
    if error.status == 429:
        return "rate_limit_exceeded"
    return "invalid_prompt" if error.status in (400, 422) else "server_error"


def _status(fields: Mapping[str, Any]) -> int:
    """OpenRouter and Google put the status into `code`, Azure into `status`, Groq into `status_code`."""
    for name in ("status", "status_code", "code"):
        value = fields.get(name)
        if isinstance(value, int) and 400 <= value <= 599:
            return value
    return 502


def _message(fields: Mapping[str, Any]) -> str:
    """`message` (OpenAI), `detail` as text or FastAPI's list, `errors`; a nested object is shown as it is."""
    for name in ("message", "detail", "errors", "error", "error_description"):
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
        if value:
            return written(value)[:LONGEST_MESSAGE]
    return ""
