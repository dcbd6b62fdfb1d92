"""Responses in the store: saved whole, continued by a chain of any length, each in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys, scripts
from gw_extproc.store.connection import Connection
from gw_extproc.store.errors import NotStored, TooMuchStored
from gw_extproc.store.record import Record, Stored

THREADS_AT_ONCE = 8
"""Threads in which the items of one request are looked for at the same time: each may return as much as one load may."""


class Responses:
    """Every use of a thread renews its expiry. All raise StoreDown."""

    def __init__(self, connection: Connection, retention_seconds: int, largest_load: int = scripts.LARGEST_LOAD) -> None:
        self._connection = connection
        self._retention = retention_seconds
        self._largest = largest_load

    async def save(self, tenant: str, record: Record) -> None:
        """Saves all of it or nothing; what is already saved stays as it is. Raises ConversationGone."""
        items = (*record.inputs, *record.outputs)
        keys_of_thread = keys.of_thread(tenant, record.ref.thread)
        await self._connection.run(scripts.SAVE, keys_of_thread, self._retention, *saving(record), *items)

    async def chain(self, tenant: str, ref: Ref) -> Sequence[bytes]:
        """The context of a response that continues this one, oldest first. Raises NotStored, TooMuchStored."""
        return await self._chain(tenant, ref, with_outputs=True)

    async def inputs(self, tenant: str, ref: Ref) -> Sequence[bytes]:
        """The context it was given and its own inputs, oldest first. Raises NotStored, TooMuchStored."""
        return await self._chain(tenant, ref, with_outputs=False)

    async def load(self, tenant: str, ref: Ref) -> Stored:
        """Raises NotStored, TooMuchStored."""
        keys_of_thread = keys.of_thread(tenant, ref.thread)
        reply = await self._connection.run(scripts.LOAD, keys_of_thread, self._retention, ref.unique, self._largest)
        object, trace, inputs, *items = reply
        return Stored(object, trace, items[: int(inputs)], items[int(inputs) :])

    async def items(self, tenant: str, places: Iterable[tuple[Ref, int]]) -> Sequence[bytes | None]:
        """The items at these places, None where there is none; one as often as it is asked for. Raises TooMuchStored."""
        wanted = list(places)
        threads: dict[str, list[str]] = {}
        for ref, position in wanted:
            threads.setdefault(ref.thread, []).append(keys.member(ref.unique, position))
        replies: dict[str, Iterator[bytes | None]] = {}
        names, left = list(threads), self._largest
        for start in range(0, len(names), THREADS_AT_ONCE):
            some = names[start : start + THREADS_AT_ONCE]
            found = await asyncio.gather(*(self._items(tenant, thread, threads[thread], left) for thread in some))
            replies |= {thread: iter(items) for thread, items in zip(some, found, strict=True)}
            left -= sum(len(item or b"") for items in found for item in items)
            if left < 0:
                raise TooMuchStored
        return [next(replies[ref.thread]) for ref, _ in wanted]

    async def delete(self, tenant: str, ref: Ref) -> bool:
        """Whether there was one. What continues it cannot be continued any more."""
        try:
            await self._connection.run(scripts.DELETE, keys.of_run(tenant, ref), self._retention, ref.unique)
        except NotStored:
            return False
        return True

    async def _chain(self, tenant: str, ref: Ref, *, with_outputs: bool) -> Sequence[bytes]:
        return await self._connection.run(
            scripts.CHAIN,
            keys.of_thread(tenant, ref.thread),
            self._retention,
            ref.unique,
            int(with_outputs),
            self._largest,
        )

    async def _items(self, tenant: str, thread: str, members: Sequence[str], limit: int) -> Sequence[bytes | None]:
        return await self._connection.run(scripts.ITEMS, keys.of_thread(tenant, thread), self._retention, limit, *members)


def saving(record: Record) -> Sequence[str | bytes | int]:
    """What the script that saves is told, before the items."""
    in_conversation_alone = record.conversation and record.object is None
    head = "" if in_conversation_alone else keys.head(record.parent, len(record.inputs), len(record.outputs))
    return (record.ref.unique, head, record.object or b"", record.trace, int(record.conversation))
