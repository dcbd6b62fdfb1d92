"""The connection to the store: attempts, their limits, and what their failures mean.

While the store is known to be away, calls fail at once instead of each waiting for its own timeout.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar, cast

from redis.asyncio import RedisCluster
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    NoPermissionError,
    NoScriptError,
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
from gw_extproc.store.lending import Lending
from gw_extproc.store.scripts import PROBE, Script
from gw_extproc.store.watch import Watch
from gw_extproc.telemetry.record import Step, StepKind, current

CONNECTIONS = 64
"""Calls at once. The server does one thing at a time anyway; more would only wait there instead of here."""

WAITERS = 512
"""Calls at once that wait for something to happen, each on a connection of its own."""

LONGEST_WAIT = 5.0
"""Seconds that one of them waits at most."""

PAUSE = 0.05
"""Seconds before the first repetition, doubled for each further one."""

Entries = Sequence[tuple[bytes, Mapping[bytes, bytes]]]
"""Entries of a stream: id and fields."""

Reply = Sequence[bytes]
"""What a script gives; `run` gives what follows "ok". Numbers in it come as such, so `int` reads them; what is not there is None, and
who asks for it says so."""

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


T = TypeVar("T")

Told = Callable[[Step], None]


def untold(_: Step) -> None:
    """Nobody counts."""


class Connection:
    """Sends scripts. `retries` is how often a call is repeated; each attempt takes `timeout` seconds at most."""

    def __init__(self, url: str, *, timeout: float, retries: int, told: Told = untold) -> None:
        """`told` hears of each call that is over. Raises ValueError where the URL is none."""
        where = parse(url)
        self._timeout = timeout
        self._retries = retries
        self._told = told
        # The pools in there are larger, so that a probe never waits for a place.
        self._client, self._sentinel = clients.build(where, timeout=timeout, connections=2 * CONNECTIONS)
        # A cluster asks another node for each slot: its client finds it.
        self._lending = None if isinstance(self._client, RedisCluster) else Lending(self._client.connection_pool)
        self._places = asyncio.Semaphore(CONNECTIONS)
        # Clients of their own, which may be silent longer: a call that waits shall not hold up one that does not.
        self._waiting, self._waiting_sentinel = clients.build(where, timeout=2 * LONGEST_WAIT + timeout, connections=2 * WAITERS)
        self._waiters = asyncio.Semaphore(WAITERS)
        self._watch = Watch(where.address, self._probe)

    @property
    def up(self) -> bool:
        return self._watch.up

    async def until_up(self) -> None:
        await self._watch.until_up()

    async def open(self) -> None:
        """Looks once whether the store is there; from now on it is watched."""
        await self._watch.start()

    async def close(self) -> None:
        await self._watch.stop()
        for opened in (self._client, self._sentinel, self._waiting, self._waiting_sentinel):
            if opened:
                await opened.aclose()

    async def run(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Reply:
        """What the script gives; raises what it refuses with, or StoreDown."""
        step = current().step(StepKind.STORE, script.name)
        try:
            reply = await self._answer(script, keys, *arguments)
        except StoreDown:
            step.end("failed")
            self._told(step)
            raise
        refused = reply[0] != b"ok"
        step.end("refused" if refused else None)
        self._told(step)
        if refused:
            raise REFUSALS[reply[0]]
        return reply[1:]

    async def _answer(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Reply:
        """What it gives, or refuses with."""
        for attempt in range(self._retries + 1):
            if attempt:
                await asyncio.sleep(PAUSE * 2 ** (attempt - 1))
            if not self.up:
                raise StoreDown("it is away")
            try:
                async with asyncio.timeout(self._timeout), self._places:
                    reply = await self._evaluate(script, keys, *arguments)
            except _FOREIGN as error:
                reason, again = _failure(error)
                self._watch.doubt(reason)
                if again and attempt < self._retries:
                    continue
                raise StoreDown(reason) from error
            if script.grows:
                self._watch.wrote()
            return reply
        raise AssertionError("the last attempt returns or raises")

    async def wait(self, stream: str, after: str, most: int, seconds: float) -> Entries:
        """Entries of the stream after that one, as soon as there are any, so many at most; none when the time is over.

        Raises StoreDown. It is not repeated: who waits asks again anyway.
        """
        if not self.up:
            raise StoreDown("it is away")
        milliseconds = int(1000 * min(seconds, LONGEST_WAIT))
        try:
            async with self._waiters, asyncio.timeout(LONGEST_WAIT + self._timeout):
                where = await self._node(stream)
                command = ("XREAD", "COUNT", most, "BLOCK", milliseconds, "STREAMS", stream, after)
                found = await _uncancelled(self._waiting.execute_command(*command, **where))
        except _FOREIGN as error:
            reason = _failure(error)[0]
            self._watch.doubt(reason)
            raise StoreDown(reason) from error
        return cast(Entries, found[0][1] if found else ())

    async def _node(self, key: str) -> Mapping[str, object]:
        """Where a cluster has the key: it would have to ask which argument of XREAD that is."""
        if not isinstance(self._waiting, RedisCluster):
            return {}
        await self._waiting.initialize()
        return {"target_nodes": self._waiting.get_node_from_key(key)}

    async def _evaluate(self, script: Script, keys: Sequence[str], *arguments: str | bytes | int) -> Reply:
        given = (len(keys), *keys, *arguments)
        try:
            return await self._sent("EVALSHA", script.hash, *given)
        except NoScriptError:  # this server has not run it since it was started, or has forgotten it
            return await self._sent("EVAL", script.text, *given)

    async def _sent(self, *command: str | bytes | int) -> Reply:
        call = self._client.execute_command(*command) if self._lending is None else self._lending.call(*command)
        return cast(Reply, await _uncancelled(call))

    async def _probe(self) -> str:
        """Why the store is not there; empty if it is."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._evaluate(PROBE, [keys.SECRETS])
        except _FOREIGN as error:
            return _failure(error)[0]
        return ""


async def _uncancelled(call: Awaitable[T]) -> T:
    """What the client's call gives. It waits with asyncio.wait_for, which before Python 3.12 can lose a cancellation, and a time limit
    with it."""
    task = asyncio.current_task()
    assert task is not None, "only tasks await"
    asked = task.cancelling()
    try:
        return await call
    finally:
        if task.cancelling() > asked:
            raise asyncio.CancelledError


def _failure(error: Exception) -> tuple[str, bool]:
    return next((reason, again) for kind, reason, again in _FAILURES if isinstance(error, kind))
