"""Background responses while they are made: their request, who has them, and their events, which anybody may follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys, run_scripts
from gw_extproc.store.connection import Connection
from gw_extproc.store.record import Record
from gw_extproc.store.responses import saving

UNQUEUED = 60
"""Seconds that a run may take from its beginning to its place in the queue: what never gets there leaves nothing behind."""

AFTERLIFE = 300
"""Seconds that the events of an ended run stay: for those who follow it. Who comes later is told them from the record."""

READ_AHEAD = 64
"""Batches of events that a follower is given at once."""


class RunState(Enum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    CANCELLING = "cancelling"
    ENDED = "ended"


@dataclass(frozen=True)
class Batch:
    """Some events; `last` is how many there have been with them, so it is the sequence number that comes next."""

    last: int
    events: bytes
    marks: bytes


@dataclass(frozen=True)
class Taken:
    """A run as who took it up, or stopped it, found it."""

    state: RunState
    attempt: int
    """The number that it has now."""
    last: int
    job: str
    """The sealed request; empty where it has ended."""


@dataclass(frozen=True)
class Run:
    """A run as anybody may see it. It has no record yet, unless it has just ended."""

    state: RunState
    entry: str
    """Its place in the queue; empty where it is not there yet."""
    job: str
    batches: Sequence[Batch]


class Runs:
    """All raise StoreDown, and NotStored where there is no such run; what says an attempt raises LostRun where that is an old one."""

    def __init__(self, connection: Connection, retention_seconds: int) -> None:
        self._connection = connection
        self._retention = retention_seconds

    async def begin(self, tenant: str, ref: Ref, job: str, opening: Batch) -> None:
        """It goes away by itself unless it is `queued` soon."""
        seconds = min(UNQUEUED, self._retention)
        said = (job, opening.last, opening.events, opening.marks, seconds)
        await self._connection.run(run_scripts.BEGIN, keys.of_run(tenant, ref), self._retention, *said)

    async def queued(self, tenant: str, ref: Ref, entry: str) -> None:
        await self._connection.run(run_scripts.QUEUED, keys.of_run(tenant, ref), self._retention, entry)

    async def take(self, tenant: str, ref: Ref, entry: str) -> Taken:
        """Whoever had it before has lost it. Raises DuplicateEntry where another entry of the queue is this run's."""
        return _taken(await self._connection.run(run_scripts.TAKE, keys.of_run(tenant, ref), self._retention, entry))

    async def append(self, tenant: str, ref: Ref, attempt: int, batch: Batch) -> None:
        said = (attempt, batch.last, batch.events, batch.marks)
        await self._connection.run(run_scripts.APPEND, keys.of_run(tenant, ref), self._retention, *said)

    async def stop(self, tenant: str, ref: Ref) -> Taken:
        """Whoever has it has lost it; one that has ended stays as it is."""
        return _taken(await self._connection.run(run_scripts.STOP, keys.of_run(tenant, ref), self._retention))

    async def finish(self, tenant: str, record: Record, attempt: int) -> None:
        """Saves the record: the run has ended. Raises ConversationGone."""
        said = (*saving(record), attempt, min(AFTERLIFE, self._retention), *record.inputs, *record.outputs)
        await self._connection.run(run_scripts.FINISH, keys.of_run(tenant, record.ref), self._retention, *said)

    async def look(self, tenant: str, ref: Ref, after: int = 0) -> Run:
        """As it is now, with the batches that bring more than so many events."""
        state, entry, job, *told = await self._connection.run(run_scripts.LOOK, keys.of_run(tenant, ref), self._retention, after)
        batches = [Batch(int(last), events, marks) for last, events, marks in zip(*[iter(told)] * 3, strict=True)]
        return Run(RunState(state.decode()), entry.decode(), job.decode(), batches)

    async def follow(self, tenant: str, ref: Ref, after: int, seconds: float) -> Sequence[Batch]:
        """Batches that bring more than so many events, as soon as there are any; none when the time is over."""
        entries = await self._connection.wait(keys.events(tenant, ref), f"{after}-0", READ_AHEAD, seconds)
        return [Batch(int(id.partition(b"-")[0]), fields[b"e"], fields[b"t"]) for id, fields in entries]


def _taken(reply: Sequence[bytes]) -> Taken:
    state, attempt, last, job = reply
    return Taken(RunState(state.decode()), int(attempt), int(last), job.decode())
