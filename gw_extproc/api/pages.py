"""Lists of items, and what `include` shows of each (docs/api.md)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from gw_extproc.core.errors import CallerError, quote
from gw_extproc.core.request import LOGPROBS
from gw_extproc.schema.queries import PageQuery
from gw_extproc.session.begin import SEALED_REASONING
from gw_extproc.session.gateway import Caller
from gw_extproc.session.keeping import closed
from gw_extproc.session.recall import REASONING

Item = dict[str, Any]


def listed(items: Sequence[Item], *, has_more: bool) -> Mapping[str, Any]:
    return {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"] if items else "",
        "last_id": items[-1]["id"] if items else "",
        "has_more": has_more,
    }


def page(items: Sequence[Item], query: PageQuery) -> Mapping[str, Any]:
    """The page of the items, which come oldest first; raises CallerError where `after` is none of them."""
    ordered = items if query.order == "asc" else items[::-1]
    start = 0
    if query.after is not None:
        # Callers name their items as they like: after the last of that name, a list always comes to an end.
        found = [index for index, item in enumerate(ordered) if item["id"] == query.after]
        if not found:
            raise unknown_after(query.after)
        start = found[-1] + 1
    shown = ordered[start : start + query.limit]
    return listed(shown, has_more=len(ordered) > start + query.limit)


def unknown_after(id: str, what: str = "item") -> CallerError:
    return CallerError(f"Invalid 'after': {what} with id {quote(id)} not found.", code="invalid_value", param="after")


def shown(encoded: bytes, include: Collection[str], caller: Caller) -> Item:
    """The item with what was asked for and without what was not."""
    item: Item = orjson.loads(encoded)
    if item["type"] == "message" and item["role"] == "assistant" and LOGPROBS not in include:
        item["content"] = [{**part, "logprobs": []} if part["type"] == "output_text" else part for part in item["content"]]
    item = closed(item)
    if item["type"] == REASONING:
        sealed = item.pop("encrypted_content", None)
        if SEALED_REASONING in include and (sealed or item.get("content")):
            item["encrypted_content"] = sealed or _sealed(item, caller)
    return item


def _sealed(item: Item, caller: Caller) -> str:
    """What was not asked for when the reasoning was made can still be given: its text is known."""
    return caller.store.vault.seal(caller.tenant, REASONING, "".join(part["text"] for part in item["content"]))
