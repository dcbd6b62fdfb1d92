"""One process's share of the background work: takes what waits, keeps its lease, stops what was cancelled, delivers what is due.

Theory. The queue is looked at when a notice says that something has happened, when a response has ended and another may begin, and once
in a while, because notices may be missed and workers die without one. What this process has is renewed long before its lease is over;
what another has not renewed is found with what waits. After the store was away nobody could renew anything, so for the time of a lease
only what waits is taken.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from gw_extproc.engine.webhooks import Webhooks
from gw_extproc.engine.work import Work
from gw_extproc.session.gateway import Gateway
from gw_extproc.store.errors import StoreDown

logger = logging.getLogger("gw_extproc.background")

LOOK = 1.0
"""Seconds between looks at the queue that nothing asked for, at most."""

RENEWALS = 3
"""How often a lease is renewed before it would be over."""

NEVER = 10 * 365 * 24 * 3600.0
"""Seconds of a lease that is not over."""

PAUSE = 0.5
"""Seconds between attempts at a store that is there and refuses."""

LAST_WORDS = 2.0
"""Seconds that what is given back may take to end."""


class Workers:
    """Works from `start` to `drain`, where this process can call a model by itself."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._queue = gateway.store.queue
        self._lease = gateway.settings.background_lease
        self._running: dict[str, tuple[Work, asyncio.Task[None]]] = {}
        self._taking = asyncio.Lock()
        self._lenient_until = 0.0
        self._webhooks = Webhooks(gateway)
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        if self._gateway.settings.model_calls is not None:
            self._loops = [asyncio.create_task(self._watch()), asyncio.create_task(self._renew())]

    async def drain(self, within: float) -> None:
        """Lets what runs end within so many seconds, and gives the rest back. The gateway must have been told to stop."""
        async with self._taking:  # the gateway says that it stops: nothing is taken any more
            tasks = [task for _, task in self._running.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=within)
        left = list(self._running.items())
        for _, (work, task) in left:
            work.let_go()
            task.cancel()
        if left:
            await asyncio.wait([task for _, (_, task) in left], timeout=LAST_WORDS)
        for entry, _ in left:
            with suppress(StoreDown):
                await self._queue.release(entry, self._lease)
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self._webhooks.close()

    async def _watch(self) -> None:
        """With `_do` the broad catch of this shell: whatever goes wrong, the next look may find what this one did not."""
        while True:
            try:
                seen = await self._queue.latest()
                while True:
                    await self._take()
                    await self._webhooks.deliver()
                    seen = await self._queue.notices(seen, min(LOOK, self._lease / RENEWALS))
                    self._stop(seen.cancelled)
            except StoreDown:
                await self._gateway.store.connection.until_up()
                self._lenient_until = time.monotonic() + self._lease
                await asyncio.sleep(PAUSE)
            except Exception:
                logger.exception("looking for background work failed")
                await asyncio.sleep(PAUSE)

    async def _take(self) -> None:
        """Begins what there is a place for."""
        async with self._taking:
            places = self._gateway.settings.background_concurrency - len(self._running)
            if places <= 0 or self._gateway.stopping.is_set():
                return
            lease = NEVER if time.monotonic() < self._lenient_until else self._lease
            for entry in await self._queue.take(places, lease):
                if entry.id not in self._running:
                    work = Work(self._gateway, entry)
                    self._running[entry.id] = work, asyncio.create_task(self._do(work))

    async def _do(self, work: Work) -> None:
        """What fails stays in the queue, and is taken up again when its lease is over."""
        try:
            await work.run()
        except asyncio.CancelledError:
            logger.info("response %s is left to others", work.id)
        except StoreDown as error:
            logger.warning("background work is interrupted: %s", error.reason)
        except Exception:
            logger.exception("background work failed")
        finally:
            del self._running[work.entry.id]
        with suppress(StoreDown):
            await self._take()

    def _stop(self, cancelled: frozenset[str]) -> None:
        for work, task in self._running.values():
            if work.entry.ref.unique in cancelled:
                work.cancelled()
                task.cancel()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / RENEWALS)
            with suppress(StoreDown):
                await self._gateway.store.connection.until_up()
                if self._running:
                    await self._queue.renew(list(self._running))
