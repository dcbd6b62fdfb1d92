"""How long the other side may be silent: one timer for everybody who waits.

A wait ends with nearly every token that arrives, so none has a timer of its own. They stand in the order in which they began, which is
that in which they would be too long; the timer looks at the first.
"""

from __future__ import annotations

import asyncio

from gw_extproc.http1.errors import Silent


class Silence:
    """Ends waits that take longer than that."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._began: dict[asyncio.Future[None], float] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def broken(self, told: asyncio.Future[None]) -> None:
        """Waits until something is told; raises Silent."""
        loop = told.get_loop()
        self._began[told] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._look, loop)
        try:
            await told
        finally:
            del self._began[told]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for told, began in self._began.items():
            if began + self._seconds > now:
                self._timer = loop.call_at(began + self._seconds, self._look, loop)
                return
            if not told.done():
                told.set_exception(Silent("for too long"))
