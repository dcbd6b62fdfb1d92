"""Work that outlives the request it belongs to: what an interrupted response still has to save, what finishes without its client."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine

logger = logging.getLogger("gw_extproc.aftermath")


class Aftermath:
    """Runs such work and knows when all of it is done."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Starts the work; nobody has to wait for it, and cancelling who began it does not end it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def shielded(self, work: Coroutine[None, None, None]) -> None:
        """Waits for the work; whoever is cancelled meanwhile leaves it to end by itself."""
        await asyncio.shield(self.begin(work))

    async def settled(self, within: float) -> None:
        """Returns when all is done; what is not done after so many seconds is cancelled."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=within)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("work after a request failed", exc_info=error)
