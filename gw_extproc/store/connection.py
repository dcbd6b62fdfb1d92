"""The connection to the store: attempts, their limits, and whether the store is there.

A call that fails only raises doubt; a probe decides, at once and from then on every moment until the store answers again. While it
is known to be away, calls fail at once instead of each waiting for its own timeout.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import cast

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TimeoutError,
    TryAgainError,
)

from gw_extproc.core.store_url import parse
from gw_extproc.store import clients, keys
from gw_extproc.store.errors import REFUSALS, StoreDown
from gw_extproc.store.scripts import PROBE, Script

_log = logging.getLogger("gw_extproc.store")

CONNECTIONS = 64
"""Calls at once. The server does one thing at a time anyway; more would only wait there instead of here."""

PROBE_AWAY = 0.5
"""Seconds between probes of a store that is away: less than a client waits that was told to try again in one."""

PROBE_UP = 5.0
"""Seconds between probes of a store that is there, so that an idle gateway, too, knows whether it is ready."""

PAUSE = 0.05
"""Seconds before the first repetition, doubled for each further one."""

Reply = Sequence[bytes]

# The one table of what may come out of the client, the first match counts: what the log calls it, and whether another attempt may help.
_FAILURES: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], str, bool]] = (
    ((AuthenticationError, AuthorizationError, NoPermissionError), "it refuses the credentials", False),
    (BusyLoadingError, "it is loading its data", True),
    ((TimeoutError, asyncio.TimeoutError), "it does not answer in time", True),
    ((ConnectionError, OSError), "it cannot be reached", True),
    (OutOfMemoryError, "it is full", False),
    (ReadOnlyError, "it is a replica that takes no writes", True),
    ((ClusterDownError, TryAgainError, RedisClusterException), "the cluster is not complete", True),
    (RedisError, "it refuses the command", False),
)
_FOREIGN = (RedisError, RedisClusterException, asyncio.TimeoutError, OSError)


class Connection:
    """Sends scripts. `retries` is how often a call is repeated; each attempt takes `timeout` seconds at most."""

    def __init__(self, url: str, *, timeout: float, retries: int) -> None:
        """Raises ValueError where the URL is none."""
        self._url = parse(url)
        self._timeout = timeout
        self._retries = retries
        # The pools below are larger, so that a probe never waits for a place.
        self._client, self._sentinel = clients.build(self._url, timeout=timeout, connections=2 * CONNECTIONS)
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._there = asyncio.Event()
        self._doubt = asyncio.Event()
        self._complaint = ""
        self._trouble = ""
        self._probing: asyncio.Task[None] | None = None

    @property
    def up(self) -> bool:
        return self._there.is_set()

    async def wait_until_up(self) -> None:
        await self._there.wait()

    async def open(self) -> None:
        """Looks once whether the store is there; from now on it is watched."""
        if failure := await self._probe():
            _log.error("The store at %s is not there: %s. Nothing is stored until it is.", self._url.address, failure)
        else:
            self._there.set()
        self._probing = asyncio.create_task(self._watch(), name="store probe")

    async def close(self) -> None:
        if self._probing:
            self._probing.cancel()
            with suppress(asyncio.CancelledError):
                await self._probing
        self._there.clear()
        await self._client.aclose()
        if self._sentinel:
            await self._sentinel.aclose()

    async def run(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Reply:
        """What the script gives; raises what it refuses with, or StoreDown."""
        for attempt in range(self._retries + 1):
            if not self.up:
                raise StoreDown("it is away")
            if attempt:
                await asyncio.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                async with asyncio.timeout(self._timeout), self._places:
                    reply = await self._evaluate(script, keys, *arguments)
            except _FOREIGN as error:
                reason, again = _failure(error)
                self._doubt.set()
                if again and attempt < self._retries:
                    continue
                self._complaint = reason
                raise StoreDown(reason) from error
            if script.grows:
                self._recover()
            if reply[0] != b"ok":
                raise REFUSALS[reply[0]]
            return reply[1:]
        raise AssertionError("the last attempt returns or raises")

    async def _evaluate(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Reply:
        task = asyncio.current_task()
        assert task is not None, "only tasks await"
        asked = task.cancelling()
        try:
            return cast(Reply, await self._client.execute_command("EVAL", script.text, len(keys), *keys, *arguments))
        finally:
            # The client waits with asyncio.wait_for, which before Python 3.12 can lose a cancellation, and a time limit with it.
            if task.cancelling() > asked:
                raise asyncio.CancelledError

    async def _probe(self) -> str:
        """Why the store is not there; empty if it is."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._evaluate(PROBE, [keys.SECRETS])
        except _FOREIGN as error:
            return _failure(error)[0]
        return ""

    async def _watch(self) -> None:
        while True:
            with suppress(asyncio.TimeoutError):
                async with asyncio.timeout(PROBE_UP if self.up else PROBE_AWAY):
                    await self._doubt.wait()
            self._doubt.clear()
            failure = await self._probe()
            if failure and self.up:
                self._there.clear()
                _log.error("The store at %s is away: %s.", self._url.address, failure)
            elif not failure and not self.up:
                self._there.set()
                _log.warning("The store at %s is back.", self._url.address)
            elif not failure and self._complaint and not self._trouble:
                self._trouble = self._complaint
                _log.error("The store at %s is there but fails: %s.", self._url.address, self._trouble)
            self._complaint = ""

    def _recover(self) -> None:
        if self._trouble:
            _log.warning("The store at %s takes writes again.", self._url.address)
        self._trouble = self._complaint = ""


def _failure(error: Exception) -> tuple[str, bool]:
    return next((reason, again) for kind, reason, again in _FAILURES if isinstance(error, kind))
