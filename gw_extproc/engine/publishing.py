"""What a worker says of the response it makes: its events as they arise, and in the end its record, all under the run's number.

A store that is away or full is waited for: the model waits meanwhile, because nothing more is read of what it says. Only who has
lost the run stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import orjson

from gw_extproc.core.assembler import Assembler
from gw_extproc.core.events import DONE, pieces
from gw_extproc.store.errors import ConversationGone, LostRun, NotStored, StoreDown
from gw_extproc.store.queue import Entry
from gw_extproc.store.record import Record
from gw_extproc.store.runs import Batch, Runs, Taken
from gw_extproc.store.store import Store

PAUSE = 0.5
"""Seconds between two attempts at a store that is there and refuses: it is full."""

_BEGUN = 1
"""Marks of the trace that belong to the announcement: who ends a response without its maker knows them anyway."""


class Publisher:
    """Publishes one run. `say` and `begin` raise LostRun, or NotStored where the run was deleted."""

    def __init__(self, store: Store, entry: Entry, taken: Taken, assembler: Assembler) -> None:
        self._store = store
        self._entry = entry
        self._attempt = taken.attempt
        self._published = taken.last
        self._assembler = assembler
        self._said = 0
        self._marked = _BEGUN
        self._held = True

    async def begin(self) -> None:
        """Announces what was not announced when the response was queued: that it is in progress."""
        opening = self._assembler.opening()
        if self._published < len(opening):
            await self._append(Batch(len(opening), b"".join(opening[self._published :]), b"[]"))
            self._published = len(opening)

    async def say(self, events: bytes) -> None:
        """Publishes what the assembler gave, but for what is there already."""
        fresh = [piece for piece in pieces(events) if self._is_fresh(piece)]
        if fresh:
            marks = self._assembler.marks(self._marked)
            self._marked += len(marks)
            await self._append(Batch(self._said, b"".join(fresh), orjson.dumps(marks)))

    async def keep(self, record: Record) -> bool:
        """Saves the record, unless somebody else has the run or is to have it."""
        if not self._held:
            return False
        try:
            await self._patiently(lambda: finish(self._store.runs, self._entry.tenant, record, self._attempt))
        except (LostRun, NotStored):
            return False
        return True

    def let_go(self) -> None:
        """From now on nothing is kept: somebody else shall take the run up."""
        self._held = False

    def _is_fresh(self, piece: bytes) -> bool:
        self._said += piece != DONE
        return self._said > self._published

    async def _append(self, batch: Batch) -> None:
        await self._patiently(lambda: self._store.runs.append(self._entry.tenant, self._entry.ref, self._attempt, batch))

    async def _patiently(self, call: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await call()
            except StoreDown:
                await self._store.connection.until_up()
                await asyncio.sleep(PAUSE)


async def finish(runs: Runs, tenant: str, record: Record, attempt: int) -> None:
    """Saves the record; where its conversation was deleted meanwhile, outside of it: a background response can always be read."""
    try:
        await runs.finish(tenant, record, attempt)
    except ConversationGone:
        await runs.finish(tenant, replace(record, conversation=False), attempt)
