"""What every handler needs of the application it belongs to."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from gw_extproc.session.gateway import Gateway


def gateway_of(connection: HTTPConnection) -> Gateway:
    gateway: Gateway = connection.app.state.gateway
    return gateway
