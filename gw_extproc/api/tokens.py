"""POST /v1/responses/input_tokens."""

from __future__ import annotations

from starlette.responses import Response

from gw_extproc.api.call import Call, json
from gw_extproc.api.shared import headers_of
from gw_extproc.session.tokens import count as counted


async def count(call: Call) -> Response:
    """An estimate says in a header that it is one."""
    found = await counted(await call.payload(), call.caller, call.gateway, headers_of(call))
    response = json({"object": "response.input_tokens", "input_tokens": found.tokens})
    if found.estimated:
        response.headers["x-gateway-notice"] = "estimated: input_tokens"
    return response
