"""Envoy's request headers as the scope of an ASGI application."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes, urlsplit

from starlette.types import Scope

from gw_extproc.extproc.messages import Pairs

_PORTS: Mapping[str, int] = {"http": 80, "https": 443}


def scope_of(headers: Pairs) -> Scope:
    """The request as ASGI describes it; `client` is whom the last proxy saw, where it says so."""
    said = {name: value for name, value in headers if name.startswith(b":")}
    path, _, query = said.get(b":path", b"/").partition(b"?")
    scheme, authority = said.get(b":scheme", b"http").decode("latin-1"), said.get(b":authority", b"")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": said.get(b":method", b"GET").decode("latin-1").upper(),
        "scheme": scheme,
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(b"host", authority), *((name, value) for name, value in headers if not name.startswith(b":"))],
        "client": _client(headers),
        "server": _server(authority.decode("latin-1"), scheme),
    }


def _client(headers: Pairs) -> tuple[str, int] | None:
    chains = [value for name, value in headers if name == b"x-forwarded-for"]
    address = chains[-1].rpartition(b",")[2].strip().decode("latin-1") if chains else ""
    return (address, 0) if address else None


def _server(authority: str, scheme: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(f"//{authority}")
        port = parts.port or _PORTS.get(scheme, 80)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname else None
