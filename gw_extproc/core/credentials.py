"""What callers send so that the gateway can speak for them elsewhere: it is used, and never kept, logged or given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

_SECRET = ("authorization", "headers")
REDACTED = "<redacted>"


def without(definition: Mapping[str, Any]) -> dict[str, Any]:
    """An element of `tools` as it may be shown: OpenAI's API discards the path of the URL too, as some servers put keys into it."""
    shown = {name: value for name, value in definition.items() if name not in _SECRET}
    if isinstance(url := definition.get("server_url"), str):
        shown["server_url"] = _origin(url)
    return shown


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return REDACTED
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    beyond = f"/{REDACTED}" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{host}{port}{beyond}"
