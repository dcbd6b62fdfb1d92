"""Bodies as a log may show them: short, without credentials, without images and files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

LONGEST_TEXT = 1000
"""Characters of one text."""

MOST_ITEMS = 50
"""Elements of one list: those of a long context are many."""

LONGEST_BODY = 32 * 1024
"""Characters of a body in the log."""

DEEPEST = 32

REDACTED = "<redacted>"

SECRET = frozenset(
    {
        *("authorization", "headers", "api_key", "apikey", "api-key", "token", "access_token", "password", "secret", "server_url"),
        *("encrypted_content", "file_data", "image_url", "file_url", "audio_url", "data", "b64_json", "result"),
    }
)
"""Names of fields whose values are not shown: they hold credentials, or contents too large for a line and opaque in it."""


def shown(body: bytes) -> str | None:
    """The JSON text of a body; nothing where there is none. What is no whole JSON is not shown at all."""
    if not body:
        return None
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        return f"<{len(body)} bytes that are no whole JSON>"
    text = orjson.dumps(_shown(parsed, DEEPEST)).decode()
    return text if len(text) <= LONGEST_BODY else f"{text[:LONGEST_BODY]}<{len(text) - LONGEST_BODY} more>"


def _shown(value: Any, depth: int) -> Any:
    if depth == 0:
        return "<deeper>"
    match value:
        case str():
            return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}<{len(value) - LONGEST_TEXT} more>"
        case list():
            more = [f"<{len(value) - MOST_ITEMS} more>"] if len(value) > MOST_ITEMS else []
            return [*(_shown(each, depth - 1) for each in value[:MOST_ITEMS]), *more]
        case Mapping():
            return {name: _field(name, each, depth - 1) for name, each in value.items()}
        case _:
            return value


def _field(name: str, value: Any, depth: int) -> Any:
    return REDACTED if name.lower() in SECRET and value else _shown(value, depth)
