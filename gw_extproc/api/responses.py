"""Stored responses: read, replay, cancel, delete, and list what went into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import suppress
from typing import Any

import orjson
from starlette.responses import Response

from gw_extproc.api import pages
from gw_extproc.api.call import Call, json
from gw_extproc.api.errors import not_found
from gw_extproc.api.relay import Relay
from gw_extproc.core import ids
from gw_extproc.core.errors import CallerError, GatewayError
from gw_extproc.core.ids import Ref
from gw_extproc.engine import background
from gw_extproc.engine.following import follow, told_again
from gw_extproc.schema.queries import PageQuery, RetrieveQuery
from gw_extproc.session.answers import EVENT_STREAM, Head, Part
from gw_extproc.store.errors import NotStored
from gw_extproc.store.record import Stored
from gw_extproc.store.runs import Run


async def retrieve(call: Call) -> Response:
    query = call.query(RetrieveQuery)
    found = await _found(call)
    if not query.stream:
        return json(_object(call, found, query.include))
    if isinstance(found, Run):
        return Relay(_followed(call, query), call.gateway.aftermath, "cancel")
    return await asyncio.to_thread(_replayed, call, found, query)  # a tenth of a second for a very long one


async def delete(call: Call) -> Response:
    """One that is being made is cancelled first."""
    with suppress(NotStored):
        await background.cancel(call.gateway, call.caller, _ref(call))
    if not await call.gateway.store.responses.delete(call.caller.tenant, _ref(call)):
        raise _unknown(call)
    return json({"id": call.path("response_id"), "object": "response", "deleted": True})


async def cancel(call: Call) -> Response:
    """Of a background response that has ended this gives what has become of it, as often as it is asked for."""
    with suppress(NotStored):
        await background.cancel(call.gateway, call.caller, _ref(call))
    response = _object(call, await _load(call), ())
    if not response["background"]:
        raise CallerError("Cannot cancel a synchronous response.")
    return json(response)


async def input_items(call: Call) -> Response:
    """Where what it continued was deleted, only its own input is left, and a notice says so."""
    query, caller, notice = call.query(PageQuery), call.caller, {}
    try:
        items = await call.gateway.store.responses.inputs(caller.tenant, _ref(call))
    except NotStored:
        found = await _found(call)
        if isinstance(found, Run):
            items = await background.inputs(found, _ref(call), caller, call.gateway)
        else:
            items, notice = found.inputs, {"x-gateway-notice": "deleted: the context"}
    response = json(pages.page([pages.shown(item, query.include, caller) for item in items], query))
    response.headers.update(notice)
    return response


async def _found(call: Call) -> Stored | Run:
    """The record, or what there is of a response that has none yet."""
    caller, ref = call.caller, _ref(call)
    with suppress(NotStored):
        return await call.gateway.store.responses.load(caller.tenant, ref)
    with suppress(NotStored):
        return await background.look(call.gateway, caller, ref)
    return await _load(call)  # it may have ended in between


async def _followed(call: Call, query: RetrieveQuery) -> AsyncGenerator[Part]:
    first = 0 if query.starting_after is None else query.starting_after + 1
    yield Head(200, EVENT_STREAM)
    async for part in follow(call.gateway, call.caller.tenant, _ref(call), first):
        yield part


async def _load(call: Call) -> Stored:
    try:
        return await call.gateway.store.responses.load(call.caller.tenant, _ref(call))
    except NotStored:
        raise _unknown(call) from None


def _object(call: Call, found: Stored | Run, include: Collection[str]) -> dict[str, Any]:
    if isinstance(found, Run):
        response = background.shown(found)
        outputs = [orjson.dumps(item) for item in response["output"]]
    else:
        response, outputs = orjson.loads(found.object), list(found.outputs)
    return {**response, "output": [pages.shown(item, include, call.caller) for item in outputs]}


def _replayed(call: Call, stored: Stored, query: RetrieveQuery) -> Response:
    """The events as they were; of a stream that was followed to its end, that end."""
    events = told_again(stored, call.gateway.profile, call.gateway.kit.forms)
    first = 0 if query.starting_after is None else min(query.starting_after + 1, len(events) - 1)
    return Response(b"".join(events[first:]), headers={"cache-control": "no-cache"}, media_type="text/event-stream")


def _ref(call: Call) -> Ref:
    ref = ids.parse_response(call.path("response_id"))
    if ref is None:
        raise _unknown(call)
    return ref


def _unknown(call: Call) -> GatewayError:
    return not_found("Response", call.path("response_id"))
