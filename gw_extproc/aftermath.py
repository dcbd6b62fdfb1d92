"""What a process waits for before it ends: requests in flight, what finishes without its client, what is still to be saved."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

from gw_extproc.telemetry.record import current

logger = logging.getLogger("gw_extproc.aftermath")

LAST_SAVES = 4.0
"""Seconds that a process which ends still saves: the launchers wait a little longer for it than its drain timeout."""

Work = Coroutine[None, None, None]


class InFlight:
    """The tasks that serve requests: each is one while it runs a block `with` this."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> None:
        self._tasks.add(_this_task())

    def __exit__(self, *_: object) -> None:
        self._tasks.discard(_this_task())

    async def ended(self, within: float) -> None:
        """Returns when none is left, or after so many seconds."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within)


class Aftermath:
    """Runs work that outlives the request it belongs to, and knows when all of it is done.

    What goes on without its client may be cut off, which may leave something to save; what saves may not. The exchange that it belongs
    to is not over before it.
    """

    def __init__(self) -> None:
        self._going_on: set[asyncio.Task[None]] = set()
        self._saving: set[asyncio.Task[None]] = set()

    def go_on(self, work: Work) -> asyncio.Task[None]:
        """Starts work that may be cut off; nobody has to wait for it, and cancelling who began it does not end it."""
        return self._begin(work, self._going_on)

    def save(self, work: Work) -> asyncio.Task[None]:
        """Starts work that is done to its end."""
        return self._begin(work, self._saving)

    async def saved(self, work: Work) -> None:
        """Waits for such work; whoever is cancelled meanwhile leaves it to end by itself."""
        await asyncio.shield(self.save(work))

    async def settled(self, within: float) -> None:
        """Returns when all is done; what goes on after so many seconds is cut off."""
        if self._going_on:
            _, late = await asyncio.wait(self._going_on, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._saving:
            await asyncio.wait(self._saving, timeout=LAST_SAVES)

    def _begin(self, work: Work, group: set[asyncio.Task[None]]) -> asyncio.Task[None]:
        task, exchange = asyncio.create_task(work), current()
        exchange.hold()
        group.add(task)
        task.add_done_callback(group.discard)
        task.add_done_callback(_tell)
        task.add_done_callback(lambda _: exchange.release())
        return task


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None, "runs in a task"
    return task


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("work after a request failed", exc_info=error)
