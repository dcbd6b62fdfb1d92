"""POST /v1/responses where no Envoy makes the model call: the same session, the same answer.

The session may have been begun already: by the exchange that found that it is not one model call.
"""

from __future__ import annotations

from starlette.responses import Response

from gw_extproc.api.call import Call
from gw_extproc.api.relay import Relay
from gw_extproc.api.shared import headers_of
from gw_extproc.engine.answering import answer
from gw_extproc.session.begin import begin


async def create(call: Call) -> Response:
    gateway = call.gateway
    session = call.begun or await begin(await call.read_body(), call.caller, gateway)
    query = f"?{call.url.query}" if call.url.query else ""
    parts = answer(session, gateway, headers_of(call), query)
    # What is made in the background goes on without anybody who follows it.
    on_disconnect = "cancel" if session.plan.background else gateway.settings.on_disconnect
    return Relay(parts, gateway.aftermath, on_disconnect)
