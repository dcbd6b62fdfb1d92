"""POST /v1/responses/compact."""

from __future__ import annotations

from starlette.responses import Response

from gw_extproc.api.call import Call, json
from gw_extproc.api.shared import headers_of
from gw_extproc.session.compact import compact as condensed


async def compact(call: Call) -> Response:
    return json(await condensed(await call.payload(), call.caller, call.gateway, headers_of(call)))
