"""Several exchanges that have ended are told to the readers together, a moment later.

Theory. What is read of an exchange takes three times as long between two messages of Envoy's as right after another one was read. So an
exchange that has ended waits until there are some, or a moment is over. It does not change any more, so nobody is told less. Whoever
asks the readers for what they know lets them catch up first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from operator import methodcaller

from gw_extproc.telemetry.record import Exchange, Reader, tell

MOST = 16
"""Exchanges: to read them takes a millisecond or two, in which nothing else happens."""

MOMENT = 0.1
"""Seconds that one waits at most."""


class Together:
    """One reader for all of them."""

    def __init__(self, readers: Sequence[Reader]) -> None:
        self._readers = readers
        self._waiting: list[Exchange] = []

    @property
    def any(self) -> bool:
        return bool(self._readers)

    def began(self, exchange: Exchange) -> None:
        tell(self._readers, methodcaller("began", exchange))

    def ended(self, exchange: Exchange) -> None:
        self._waiting.append(exchange)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(MOMENT, self.catch_up)
        elif len(self._waiting) >= MOST:
            self.catch_up()

    def catch_up(self) -> None:
        """Tells what waits to be told."""
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            tell(self._readers, methodcaller("ended", exchange))

    async def close(self) -> None:
        self.catch_up()
        for reader in self._readers:
            await reader.close()
