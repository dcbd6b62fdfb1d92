"""The context of a request: what it names instead of sending it, and what it sends sealed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson

from gw_extproc.core import ids
from gw_extproc.core.conversation import Given, Items
from gw_extproc.core.errors import CallerError, NotFound, quote
from gw_extproc.core.ids import Ref
from gw_extproc.core.request import input_items
from gw_extproc.session.gateway import Caller, Gateway
from gw_extproc.store import keys
from gw_extproc.store.errors import BadSeal, NotStored
from gw_extproc.store.runs import RunState

Item = dict[str, Any]
Body = Mapping[str, Any]

REASONING = "reasoning"
COMPACTION = "compaction"
"""What a sealed text is for: one cannot be passed off as the other."""


class Context(NamedTuple):
    """Where a new response stands, and all items that come before its output."""

    ref: Ref
    parent: str
    """How the store finds the history, as keys has it: a response, a place in the conversation, or nothing."""
    in_conversation: bool
    items: Items
    """As they are stored: sealed texts are still sealed."""
    carried: bool = False
    """Whether the history is kept nowhere else, so that it goes into this response's own record."""


class Remembered(NamedTuple):
    """A response that only this connection knows: it was not to be stored."""

    ref: Ref
    items: Sequence[Given]
    """All that it continued, its own input and its output."""


async def recall(body: Body, caller: Caller, gateway: Gateway, remembered: Mapping[str, Remembered]) -> Context:
    """Loads what a validated body refers to: all of it in one round trip.

    Raises CallerError where it refers to what is not there, StoreDown where the store cannot say.
    """
    previous, conversation = body.get("previous_response_id"), body.get("conversation")
    if previous is not None and conversation is not None:
        message = "Mutually exclusive parameters: 'previous_response_id' and 'conversation'; give only one of them."
        raise CallerError(message, code="mutually_exclusive_parameters", param="previous_response_id")
    given, history = input_items(body), _history(previous, conversation, caller, gateway, remembered)
    if any(map(_is_reference, given)):
        context, given = await asyncio.gather(history, resolved(given, caller))
    else:
        context = await history
    return context._replace(items=Items(given, context.items.history, context.items.continues))


async def _history(
    previous: str | None, conversation: str | Body | None, caller: Caller, gateway: Gateway, remembered: Mapping[str, Remembered]
) -> Context:
    unique = gateway.new_part()
    if conversation is not None:
        return await _in_conversation(conversation if isinstance(conversation, str) else conversation["id"], unique, caller)
    if previous is None:
        return Context(Ref(gateway.new_part(), unique), "", False, Items(()))
    if known := remembered.get(previous):
        return Context(Ref(known.ref.thread, unique), "", False, Items((), known.items, "previous_response_id"), carried=True)
    ref = ids.parse_response(previous)
    try:
        if ref is None:
            raise NotStored
        chain = await caller.store.responses.chain(caller.tenant, ref)
    except NotStored:
        raise await _not_continued(previous, ref, caller) from None
    return Context(Ref(ref.thread, unique), ref.unique, False, Items((), _read(chain), "previous_response_id"))


async def _not_continued(previous: str, ref: Ref | None, caller: Caller) -> CallerError:
    """Why a response cannot be continued: it is not there, or not yet."""
    with suppress(NotStored):
        if ref is not None and (await caller.store.runs.look(caller.tenant, ref)).state is not RunState.ENDED:
            message = f"Previous response with id {quote(previous)} has not ended yet."
            return CallerError(message, code="previous_response_in_progress", param="previous_response_id")
    message = f"Previous response with id {quote(previous)} not found."
    return NotFound(message, code="previous_response_not_found", param="previous_response_id")


async def _in_conversation(id: str, unique: str, caller: Caller) -> Context:
    thread = ids.parse_conversation(id)
    try:
        if thread is None:
            raise NotStored
        number, items = await caller.store.conversations.context(caller.tenant, thread)
    except NotStored:
        raise NotFound(f"Conversation with id {quote(id)} not found.", param="conversation") from None
    return Context(Ref(thread, unique), keys.conversation_at(number), True, Items((), _read(items), "conversation"))


async def resolved(items: Sequence[Given], caller: Caller, parameter: str = "input") -> Sequence[Given]:
    """The items of that parameter, references replaced by what they refer to; raises NotFound, StoreDown."""
    places = {index: str(item["id"]) for index, item in enumerate(items) if _is_reference(item)}
    if not places:
        return items
    wanted = {index: place for index, id in places.items() if (place := ids.parse_item(id)) is not None}
    found = await caller.store.responses.items(caller.tenant, list(wanted.values())) if wanted else []
    known = {index: orjson.loads(item) for index, item in zip(wanted, found, strict=True) if item is not None}
    for index, id in places.items():
        if known.get(index, {}).get("id") != id:  # another prefix names another item
            message = f"Item with id {quote(id)} not found. Items are not persisted when `store` is set to false."
            raise NotFound(message, param=f"{parameter}[{index}]")
    return [known.get(index, item) for index, item in enumerate(items)]


def _is_reference(item: Given) -> bool:
    return item.get("type") == "item_reference" or (item.get("type") is None and item.get("role") is None)


def _read(items: Sequence[bytes]) -> Sequence[Item]:
    return [orjson.loads(item) for item in items]


async def opened(items: Items, caller: Caller) -> Items:
    """The items with their sealed texts readable.

    Raises CallerError for a seal that is not of this gateway and this caller, StoreDown while there are no keys.
    """
    if not any(item.get("encrypted_content") or item.get("type") == COMPACTION for item in items.all):
        return items
    given = [await _opened(item, items.path(index), caller) for index, item in enumerate(items.given, len(items.history))]
    history = [await _opened(item, items.path(index), caller) if _is_closed(item) else item for index, item in enumerate(items.history)]
    return items._replace(history=history, given=given)


def _is_closed(item: Given) -> bool:
    """Whether a stored item still has to be opened: what callers sent was, when it came, so that it outlives its key."""
    return not (item.get("content") or item.get("summary"))


async def _opened(item: Given, path: str, caller: Caller) -> Given:
    kind, sealed = item.get("type"), item.get("encrypted_content")
    if kind != COMPACTION and not (kind == REASONING and sealed):
        return item
    try:
        text = await caller.store.vault.unseal(caller.tenant, kind, str(sealed))
    except BadSeal:
        message = f"The encrypted content of {path} could not be verified: it was made elsewhere, for another caller, or altered."
        raise CallerError(message, code="invalid_encrypted_content", param=f"{path}.encrypted_content") from None
    if kind == COMPACTION:
        return {**item, "summary": text}
    return {**item, "content": [{"type": "reasoning_text", "text": text}]}
