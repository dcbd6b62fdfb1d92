"""What probes ask: is the process alive, and should it be sent requests?"""

from __future__ import annotations

import asyncio

import orjson
from starlette.responses import Response

from gw_extproc.api.call import Call
from gw_extproc.session.gateway import Gateway

PATIENCE = 2.0
"""Seconds that the upstream may take to show that it is there: probes give up after a few."""


async def alive(_: Call) -> Response:
    return _report("ok")


async def ready(call: Call) -> Response:
    """200 where the store is up and the upstream, if one is named, answers anything at all, until the process is told to stop."""
    gateway = call.gateway
    upstream = "unknown" if gateway.settings.model_calls is None else await _upstream(gateway)
    parts = {"store": "up" if gateway.store.up else "down", "upstream": upstream}
    return _report("draining" if gateway.stopping.is_set() else "unavailable" if "down" in parts.values() else "ok", **parts)


async def _upstream(gateway: Gateway) -> str:
    try:
        async with asyncio.timeout(PATIENCE):
            return "up" if await gateway.upstream.reachable() else "down"
    except TimeoutError:
        return "down"


def _report(status: str, **parts: str) -> Response:
    body = orjson.dumps({"status": status, **parts})
    return Response(body, 200 if status == "ok" else 503, {"cache-control": "no-store"}, media_type="application/json")
