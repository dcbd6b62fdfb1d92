"""Conversations in the store: a growing order of items that belong to it or to the responses made in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys, scripts
from gw_extproc.store.connection import Connection, Reply
from gw_extproc.store.errors import ConversationGone, NotStored
from gw_extproc.store.record import Record
from gw_extproc.store.responses import Responses
from gw_extproc.store.scripts import Script


@dataclass(frozen=True)
class Page:
    """A part of a conversation's items."""

    items: Sequence[bytes]
    has_more: bool


class Conversations:
    """Every use of a conversation renews its expiry. All raise StoreDown."""

    def __init__(self, connection: Connection, retention_seconds: int, largest_load: int = scripts.LARGEST_LOAD) -> None:
        self._connection = connection
        self._retention = retention_seconds
        self._largest = largest_load
        self._responses = Responses(connection, retention_seconds)

    async def create(self, tenant: str, thread: str, conversation: bytes, unique: str, items: Sequence[bytes]) -> None:
        """The items stand together, at positions from 0 under this unique part."""
        await self._run(scripts.CREATE, tenant, thread, conversation, unique, *items)

    async def retrieve(self, tenant: str, thread: str) -> bytes | None:
        return await self._one(scripts.RETRIEVE, tenant, thread)

    async def update(self, tenant: str, thread: str, conversation: bytes) -> bool:
        """Whether there was one."""
        return await self._done(scripts.UPDATE, tenant, thread, conversation)

    async def delete(self, tenant: str, thread: str) -> bool:
        """Whether there was one. Responses that were made in it stay readable, but cannot be continued."""
        return await self._done(scripts.DELETE_CONVERSATION, tenant, thread)

    async def append(self, tenant: str, thread: str, unique: str, items: Sequence[bytes]) -> bool:
        """Whether there is a conversation. The items stand together, as in `create`."""
        record = Record(Ref(thread, unique), "", None, b"", items, (), conversation=True)
        try:
            await self._responses.save(tenant, record)
        except ConversationGone:
            return False
        return True

    async def context(self, tenant: str, thread: str) -> tuple[int, Sequence[bytes]]:
        """The last number given and all items, oldest first. Raises NotStored, TooMuchStored."""
        last, *items = await self._run(scripts.CONTEXT, tenant, thread, self._largest)
        return int(last), items

    async def page(self, tenant: str, thread: str, *, after: tuple[str, int] | None, limit: int, order: Literal["asc", "desc"]) -> Page:
        """Items after that one (unique part and position), or from the start. Raises NotStored, UnknownItem, TooMuchStored."""
        member = keys.member(*after) if after else ""
        more, *items = await self._run(scripts.PAGE, tenant, thread, member, limit, order, self._largest)
        return Page(items, bool(int(more)))

    async def item(self, tenant: str, thread: str, unique: str, position: int) -> bytes | None:
        return await self._one(scripts.ITEM, tenant, thread, keys.member(unique, position))

    async def remove_item(self, tenant: str, thread: str, unique: str, position: int) -> bytes | None:
        """The conversation, or None where it does not list that item."""
        return await self._one(scripts.REMOVE_ITEM, tenant, thread, keys.member(unique, position))

    async def _run(self, script: Script, tenant: str, thread: str, *arguments: str | bytes | int) -> Reply:
        return await self._connection.run(script, keys.of_thread(tenant, thread), self._retention, *arguments)

    async def _one(self, script: Script, tenant: str, thread: str, *arguments: str | bytes) -> bytes | None:
        try:
            return (await self._run(script, tenant, thread, *arguments))[0]
        except NotStored:
            return None

    async def _done(self, script: Script, tenant: str, thread: str, *arguments: str | bytes) -> bool:
        try:
            await self._run(script, tenant, thread, *arguments)
        except NotStored:
            return False
        return True
