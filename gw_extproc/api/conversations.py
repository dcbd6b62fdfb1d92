"""Conversations and their items: the eight operations of OpenAI's document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from gw_extproc.api import pages
from gw_extproc.api.call import Call, json
from gw_extproc.api.errors import not_found
from gw_extproc.core import ids
from gw_extproc.core.errors import GatewayError, encode_item
from gw_extproc.core.ids import Ref
from gw_extproc.schema.queries import Inclusion, PageQuery
from gw_extproc.session.keeping import kept
from gw_extproc.store.errors import NotStored, UnknownItem

Fields = dict[str, Any]


async def create(call: Call) -> Response:
    payload = await call.payload()
    ref = Ref(call.gateway.new_part(), call.gateway.new_part())
    items = await kept(payload.get("items") or (), "items", ref, call.caller)
    fields = {"created_at": call.gateway.clock(), "metadata": payload.get("metadata") or {}}
    await call.gateway.store.conversations.create(call.caller.tenant, ref.thread, orjson.dumps(fields), ref.unique, _encoded(items))
    return json(_object(ref.thread, fields))


async def retrieve(call: Call) -> Response:
    return json(_object(_thread(call), await _load(call)))


async def update(call: Call) -> Response:
    payload, thread = await call.payload(), _thread(call)
    fields = {**await _load(call), "metadata": payload["metadata"] or {}}
    if not await call.gateway.store.conversations.update(call.caller.tenant, thread, orjson.dumps(fields)):
        raise _unknown(call)
    return json(_object(thread, fields))


async def delete(call: Call) -> Response:
    if not await call.gateway.store.conversations.delete(call.caller.tenant, _thread(call)):
        raise _unknown(call)
    return json({"id": call.path("conversation_id"), "object": "conversation.deleted", "deleted": True})


async def create_items(call: Call) -> Response:
    query, payload, caller = call.query(Inclusion), await call.payload(), call.caller
    ref = Ref(_thread(call), call.gateway.new_part())
    encoded = _encoded(await kept(payload["items"], "items", ref, caller))
    if not await call.gateway.store.conversations.append(caller.tenant, ref.thread, ref.unique, encoded):
        raise _unknown(call)
    return json(pages.listed([pages.shown(item, query.include, caller) for item in encoded], has_more=False))


async def list_items(call: Call) -> Response:
    query, thread, caller = call.query(PageQuery), _thread(call), call.caller
    after = None if query.after is None else _place(thread, query.after)
    try:
        if query.after is not None and after is None:
            await _load(call)
            raise UnknownItem
        page = await call.gateway.store.conversations.page(caller.tenant, thread, after=after, limit=query.limit, order=query.order)
    except NotStored:
        raise _unknown(call) from None
    except UnknownItem:
        raise pages.unknown_after(str(query.after)) from None
    return json(pages.listed([pages.shown(item, query.include, caller) for item in page.items], has_more=page.has_more))


async def retrieve_item(call: Call) -> Response:
    return json(pages.shown(await _item(call), call.query(Inclusion).include, call.caller))


async def delete_item(call: Call) -> Response:
    """Gives the conversation, as OpenAI does."""
    await _item(call)
    thread, place = _thread(call), _place(_thread(call), call.path("item_id"))
    assert place is not None, "there is such an item"
    conversation = await call.gateway.store.conversations.remove_item(call.caller.tenant, thread, *place)
    if conversation is None:
        raise _unknown_item(call)
    return json(_object(thread, orjson.loads(conversation)))


async def _load(call: Call) -> Fields:
    found = await call.gateway.store.conversations.retrieve(call.caller.tenant, _thread(call))
    if found is None:
        raise _unknown(call)
    fields: Fields = orjson.loads(found)
    return fields


async def _item(call: Call) -> bytes:
    """The item of exactly that id: one with another prefix is another item."""
    thread, id = _thread(call), call.path("item_id")
    place = _place(thread, id)
    item = None if place is None else await call.gateway.store.conversations.item(call.caller.tenant, thread, *place)
    if item is None or orjson.loads(item)["id"] != id:
        raise _unknown_item(call)
    return item


def _object(thread: str, fields: Fields) -> Fields:
    return {"id": ids.conversation_id(thread), "object": "conversation", **fields}


def _encoded(items: Sequence[Fields]) -> Sequence[bytes]:
    """Raises TooDeep."""
    return [encode_item(item) for item in items]


def _thread(call: Call) -> str:
    thread = ids.parse_conversation(call.path("conversation_id"))
    if thread is None:
        raise _unknown(call)
    return thread


def _place(thread: str, id: str) -> tuple[str, int] | None:
    """Where that item stands in the conversation, or None where it can be none of it."""
    found = ids.parse_item(id)
    return (found[0].unique, found[1]) if found and found[0].thread == thread else None


def _unknown(call: Call) -> GatewayError:
    return not_found("Conversation", call.path("conversation_id"))


def _unknown_item(call: Call) -> GatewayError:
    return not_found("Item", call.path("item_id"))
