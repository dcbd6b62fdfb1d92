"""POST /v1/responses where no Envoy makes the model call: the same session, the same answer.

The session may have been begun already: by the exchange that found that it is not one model call.
"""

from __future__ import annotations

from time import perf_counter

from starlette.responses import Response

from gw_extproc.api.call import Call
from gw_extproc.api.relay import Relay
from gw_extproc.api.shared import headers_of
from gw_extproc.engine.answering import answer
from gw_extproc.session.answers import notice
from gw_extproc.session.begin import begin
from gw_extproc.session.explaining import EXPLAINED, explained, wanted
from gw_extproc.telemetry.record import current


async def create(call: Call) -> Response:
    gateway, headers = call.gateway, headers_of(call)
    explain = wanted(headers)
    if (session := call.begun) is None:
        body = await call.read_body()
        current().working_since = perf_counter()
        session = await begin(body, call.caller, gateway)
    query = f"?{call.url.query}" if call.url.query else ""
    if explain:
        current().reason = EXPLAINED
        return Response(explained(session, gateway, headers, query), headers=notice(session), media_type="application/json")
    parts = answer(session, gateway, headers, query)
    # What is made in the background goes on without anybody who follows it.
    on_disconnect = "cancel" if session.plan.background else gateway.settings.on_disconnect
    return Relay(parts, gateway.aftermath, on_disconnect)
