"""The work that any replica does: background responses in turn, webhooks when they are due, and the notices that wake workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys, queue_scripts
from gw_extproc.store.connection import Connection, Reply
from gw_extproc.store.scripts import Script

NOTICES_AT_ONCE = 100


@dataclass(frozen=True)
class Entry:
    """A background response that waits, or is being made."""

    id: str
    tenant: str
    ref: Ref


@dataclass(frozen=True)
class Notices:
    """What has happened, up to the notice `latest`."""

    latest: str
    cancelled: frozenset[str] = frozenset()
    """The unique parts of responses."""


class Queue:
    """All raise StoreDown."""

    def __init__(self, connection: Connection, retention_seconds: int) -> None:
        self._connection = connection
        self._retention = retention_seconds

    async def enqueue(self, tenant: str, ref: Ref, limit: int) -> str:
        """Its entry. Raises QueueFull where so many wait already."""
        (entry,) = await self._run(queue_scripts.ENQUEUE, limit, tenant, ref.thread, ref.unique)
        return entry.decode()

    async def depth(self) -> int:
        """How many wait."""
        (waiting,) = await self._run(queue_scripts.DEPTH)
        return int(waiting)

    async def take(self, most: int, lease_seconds: float) -> Sequence[Entry]:
        """What waits, and what its worker has not renewed for so long."""
        found = await self._run(queue_scripts.TAKE, most, _milliseconds(lease_seconds))
        texts = iter([text.decode() for text in found])
        return [Entry(id, tenant, Ref(thread, unique)) for id, tenant, thread, unique in zip(texts, texts, texts, texts, strict=True)]

    async def renew(self, entries: Sequence[str]) -> None:
        await self._run(queue_scripts.RENEW, *entries)

    async def release(self, entry: str, lease_seconds: float) -> None:
        """Gives it back."""
        await self._run(queue_scripts.RELEASE, _milliseconds(lease_seconds), entry)

    async def done(self, entry: str, webhook: str = "") -> None:
        """Takes it out, and has that told, where there is something to tell."""
        await self._run(queue_scripts.DONE, entry, webhook)

    async def cancelled(self, ref: Ref) -> None:
        """Tells whoever works on it."""
        await self._run(queue_scripts.CANCELLED, ref.unique)

    async def webhooks(self, most: int, seconds: float) -> Sequence[str]:
        """Those that are due. Nobody else is given them for so long."""
        return [webhook.decode() for webhook in await self._run(queue_scripts.WEBHOOKS, most, _milliseconds(seconds))]

    async def postpone(self, webhook: str, seconds: float | None) -> None:
        """Until it is due again, or for ever: then it is forgotten."""
        await self._run(queue_scripts.POSTPONE, webhook, "" if seconds is None else _milliseconds(seconds))

    async def latest(self) -> Notices:
        (id,) = await self._run(queue_scripts.LATEST)
        return Notices(id.decode())

    async def notices(self, after: Notices, seconds: float) -> Notices:
        """What happens next, as soon as it does; the same when the time is over."""
        entries = await self._connection.wait(keys.JOBS[1], after.latest, NOTICES_AT_ONCE, seconds)
        if not entries:
            return Notices(after.latest)
        cancelled = frozenset(fields[b"cancelled"].decode() for _, fields in entries if b"cancelled" in fields)
        return Notices(entries[-1][0].decode(), cancelled)

    async def _run(self, script: Script, *arguments: str | int) -> Reply:
        return await self._connection.run(script, keys.JOBS, self._retention, *arguments)


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
