"""What is not ours goes to the upstream as it is, so that one base URL serves a whole application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from gw_extproc.api.errors import unknown_url
from gw_extproc.api.relay import Relay
from gw_extproc.api.shared import gateway_of, headers_of
from gw_extproc.core.errors import GatewayError
from gw_extproc.session.answers import Body, Head, Part, whole_error
from gw_extproc.session.gateway import Gateway

BASE = "/v1"

_STEPS = frozenset({".", ".."})


async def proxy(request: Request) -> Response:
    """Passes `/v1/...` on below the upstream's base path, bodies streaming both ways; a client that leaves ends the call.

    Raises NotFound for a path that could lead out of there: by its steps, or (`/v1%2F@host/`) because what follows the base path, as it
    is written, would not begin with a slash.
    """
    path = request.scope["path"]
    if not (_STEPS.isdisjoint(path.split("/")) and request.scope["raw_path"].startswith(f"{BASE}/".encode())):
        raise unknown_url(request.method, path)
    gateway, body_read = gateway_of(request), asyncio.Event()
    return Relay(_parts(request, gateway, body_read), gateway.aftermath, "cancel", body_read)


async def _parts(request: Request, gateway: Gateway, body_read: asyncio.Event) -> AsyncGenerator[Part]:
    path = request.scope["raw_path"].decode("latin-1").removeprefix(BASE)
    query = f"?{request.url.query}" if request.url.query else ""
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    content = _content(request, body_read) if has_body else None
    if not has_body:
        body_read.set()
    begun = False
    try:
        async with gateway.upstream.call(request.method, f"{path}{query}", headers_of(request), content) as answered:
            yield Head(answered.status, answered.headers)
            begun = answered.headers.get("content-type", "").startswith("text/event-stream")
            async for piece in answered.pieces:
                begun = True
                yield Body(piece, end=False)
            yield Body(b"", end=True)
    except ClientDisconnect:
        return
    except GatewayError as error:
        if begun:
            return  # what was said cannot be taken back: the answer stays without its end, and the connection is closed
        for part in whole_error(error):
            yield part


async def _content(request: Request, body_read: asyncio.Event) -> AsyncIterator[bytes]:
    async for piece in request.stream():
        yield piece
    body_read.set()
