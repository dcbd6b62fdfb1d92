"""Whether the store is there, and the few log lines about it: one when it goes, one when it is back, never one per request.

A call that fails only raises doubt; a probe decides, at once and from then on every moment until the store answers again. What a
store that is there refuses is said once, and once more when it takes writes again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

_log = logging.getLogger("gw_extproc.store")

PROBE_AWAY = 0.5
"""Seconds between probes of a store that is away: less than a client waits that was told to try again in one."""

PROBE_THERE = 5.0
"""Seconds between probes of a store that is there, so that an idle gateway, too, knows whether it is ready."""


class Watch:
    """`probe` gives why the store is not there, or nothing; `address` is what the log calls it."""

    def __init__(self, address: str, probe: Callable[[], Awaitable[str]]) -> None:
        self._address = address
        self._probe = probe
        self._there = asyncio.Event()
        self._doubt = asyncio.Event()
        self._complaint = ""
        self._refused = ""
        self._watching: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        return self._there.is_set()

    async def until_up(self) -> None:
        await self._there.wait()

    async def start(self) -> None:
        """Looks once, then goes on in the background."""
        if failure := await self._probe():
            _log.error("The store at %s is not there: %s. Nothing is stored until it is.", self._address, failure)
        else:
            self._there.set()
        self._watching = asyncio.create_task(self._watch(), name="store probe")

    async def stop(self) -> None:
        self._there.clear()
        if self._watching:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching

    def doubt(self, complaint: str) -> None:
        """A call failed, for this reason."""
        self._complaint = complaint
        self._doubt.set()

    def wrote(self) -> None:
        """A call succeeded that a full or broken store would have refused."""
        self._complaint = ""
        if self._refused:
            _log.warning("The store at %s takes writes again.", self._address)
            self._refused = ""

    async def _watch(self) -> None:
        while True:
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(PROBE_THERE if self.up else PROBE_AWAY):
                    await self._doubt.wait()
            self._doubt.clear()
            self._judge(await self._probe())

    def _judge(self, failure: str) -> None:
        match self.up, not failure:
            case True, False:
                self._there.clear()
                _log.error("The store at %s is away: %s.", self._address, failure)
            case False, True:
                self._there.set()
                _log.warning("The store at %s is back.", self._address)
            case True, True if self._complaint and not self._refused:
                self._refused = self._complaint
                _log.error("The store at %s is there, but a call failed: %s.", self._address, self._refused)
        self._complaint = ""
