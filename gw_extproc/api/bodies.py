"""The body of a request, read up to its limit."""

from __future__ import annotations

from starlette.requests import Request

from gw_extproc.api.shared import gateway_of
from gw_extproc.bodies import RequestBody


async def read_body(request: Request) -> bytes:
    """The body as it is, decompressed; raises CallerError where it is no JSON by its headers, or too large."""
    body = RequestBody(request.headers, gateway_of(request).settings.max_body)
    async for piece in request.stream():
        body.feed(piece)
    return body.take()
