"""Stored responses: read, replay, cancel, delete, and list what went into them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import orjson
from starlette.responses import Response

from gw_extproc.api import pages
from gw_extproc.api.call import Call, json
from gw_extproc.api.errors import not_found
from gw_extproc.core import ids
from gw_extproc.core.errors import CallerError, GatewayError
from gw_extproc.core.ids import Ref
from gw_extproc.core.replay import replay
from gw_extproc.schema.queries import PageQuery, RetrieveQuery
from gw_extproc.store.errors import NotStored
from gw_extproc.store.record import Stored


async def retrieve(call: Call) -> Response:
    query = call.query(RetrieveQuery)
    stored = await _load(call)
    if query.stream:
        return await asyncio.to_thread(_replayed, call, stored, query)  # a tenth of a second for a very long one
    return json(_object(call, stored, query.include))


async def delete(call: Call) -> Response:
    if not await call.gateway.store.responses.delete(call.caller.tenant, _ref(call)):
        raise _unknown(call)
    return json({"id": call.path("response_id"), "object": "response", "deleted": True})


async def cancel(call: Call) -> Response:
    """Nothing that is stored is still being made: there is no background work yet."""
    await _load(call)
    raise CallerError("Cannot cancel a synchronous response.")


async def input_items(call: Call) -> Response:
    """Where what it continued was deleted, only its own input is left, and a notice says so."""
    query, caller, notice = call.query(PageQuery), call.caller, {}
    try:
        items = await call.gateway.store.responses.inputs(caller.tenant, _ref(call))
    except NotStored:
        items, notice = (await _load(call)).inputs, {"x-gateway-notice": "deleted: the context"}
    response = json(pages.page([pages.shown(item, query.include, caller) for item in items], query))
    response.headers.update(notice)
    return response


async def _load(call: Call) -> Stored:
    try:
        return await call.gateway.store.responses.load(call.caller.tenant, _ref(call))
    except NotStored:
        raise _unknown(call) from None


def _object(call: Call, stored: Stored, include: Collection[str]) -> dict[str, Any]:
    response: dict[str, Any] = orjson.loads(stored.object)
    return {**response, "output": [pages.shown(item, include, call.caller) for item in stored.outputs]}


def _replayed(call: Call, stored: Stored, query: RetrieveQuery) -> Response:
    """The events as they were; of a stream that was followed to its end, that end."""
    outputs = [pages.closed(orjson.loads(item)) for item in stored.outputs]
    events = replay(orjson.loads(stored.object), outputs, stored.trace, call.gateway.profile)
    first = 0 if query.starting_after is None else min(query.starting_after + 1, len(events) - 1)
    return Response(b"".join(events[first:]), headers={"cache-control": "no-cache"}, media_type="text/event-stream")


def _ref(call: Call) -> Ref:
    ref = ids.parse_response(call.path("response_id"))
    if ref is None:
        raise _unknown(call)
    return ref


def _unknown(call: Call) -> GatewayError:
    return not_found("Response", call.path("response_id"))
