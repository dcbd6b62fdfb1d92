"""What handlers, whatever they are given, need of the application they belong to."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from gw_extproc.session.gateway import Gateway


def gateway_of(connection: HTTPConnection) -> Gateway:
    gateway: Gateway = connection.app.state.gateway
    return gateway


def headers_of(connection: HTTPConnection) -> dict[str, str]:
    """By lower-case name; repeated ones are joined, as in messages: whoever adds a tenant's name to another is neither of the two."""
    joined: dict[str, str] = {}
    for name, value in connection.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
