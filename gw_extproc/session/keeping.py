"""Items as they are kept: in normal form, under ids that say where they are, what was sealed still sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gw_extproc.core import ids
from gw_extproc.core.conversation import Items
from gw_extproc.core.ids import Ref
from gw_extproc.core.stored_items import normal
from gw_extproc.session.gateway import Caller
from gw_extproc.session.recall import COMPACTION, Item, opened, resolved


async def kept(items: Sequence[Mapping[str, Any]], parameter: str, ref: Ref, caller: Caller) -> Sequence[Item]:
    """The validated items of that parameter, for a record of their own.

    Raises CallerError for a reference to nothing and for a seal that is not of this gateway and this caller, StoreDown.
    """
    given = Items(await resolved(items, caller, parameter), parameter=parameter)
    return [named(item, ref, position) for position, item in enumerate((await opened(given, caller)).given)]


def named(item: Mapping[str, Any], ref: Ref, position: int, id: str | None = None) -> Item:
    """The item under that id, else under the one of its place. What was opened stays open: it outlives the key it was sealed with."""
    return normal(item, id or ids.item_id(ids.prefix_of(item.get("type") or "message"), ref, position))


def closed(item: Item) -> Item:
    """The item without what is kept open of it for the gateway alone."""
    return {name: value for name, value in item.items() if name != "summary"} if item["type"] == COMPACTION else item
