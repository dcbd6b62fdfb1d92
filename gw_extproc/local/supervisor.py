"""Runs a crew from start to end: start, watch, and on a signal stop in order; a second signal stops at once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import NoReturn

from gw_extproc.local.crew import Crew

Step = Callable[[Crew], Awaitable[None]]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Ctrl-C and its like, as something to await."""

    def __init__(self) -> None:
        self._received: asyncio.Queue[int] = asyncio.Queue()

    def catch(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._received.put_nowait, number)

    async def next(self) -> None:
        await self._received.get()


async def supervise(crew: Crew, signals: Signals, start: Step, stop: Step) -> None:
    """Returns after a signal; raises LocalError where a part does not start or ends by itself."""
    await first(_live(crew, start), signals.next())
    await first(stop(crew), signals.next())


async def first(*awaitables: Awaitable[None]) -> None:
    """Waits for the first to be done, cancels the others, and raises what it raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _live(crew: Crew, start: Step) -> NoReturn:
    """Starts the parts and lives until one of them ends."""
    await first(start(crew), crew.watch())
    await crew.watch()
