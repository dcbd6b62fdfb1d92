"""Stores as the tests open them, and the records they put there."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from gw_extproc.core.ids import Ref
from gw_extproc.store.record import Record
from gw_extproc.store.store import Store
from tests.waiting import DEADLINE

DAY = 24 * 3600


@asynccontextmanager
async def opened(
    url: str, *, timeout: float = DEADLINE, retries: int = 2, retention: int = DAY, given: Sequence[str] = ()
) -> AsyncIterator[Store]:
    """A store; unless a test is about its limit, a slow machine does not fail it."""
    store = await Store.open(url, attempt_seconds=timeout, retries=retries, retention=retention, secrets=given)
    try:
        yield store
    finally:
        await store.close()


async def eventually(condition: Callable[[], bool | Awaitable[bool]], what: str) -> None:
    """Polls, while other tasks go on; fails where the condition does not come true in time."""
    end = time.monotonic() + DEADLINE
    while True:
        found = condition()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < end, f"waited in vain: {what}"
        await asyncio.sleep(0.01)


def part() -> str:
    """A new thread or unique part."""
    return secrets.token_hex(12)


def new() -> Ref:
    """A response in a thread of its own."""
    return Ref(part(), part())


def after(ref: Ref) -> Ref:
    """A response that continues this one."""
    return Ref(ref.thread, part())


def record(
    ref: Ref, parent: str = "", *, asked: Sequence[bytes] = (), said: Sequence[bytes] = (), conversation: bool = False
) -> Record:
    return Record(ref, parent, b'{"object":"response"}', b"trace", asked, said, conversation)


def turn(ref: Ref, parent: str = "", name: str = "", *, conversation: bool = False) -> Record:
    """One input and one output, which bear the name."""
    return record(ref, parent, asked=[f"asked {name}".encode()], said=[f"said {name}".encode()], conversation=conversation)


def told(*names: str) -> Sequence[bytes]:
    """The items of the turns of these names."""
    return [f"{verb} {name}".encode() for name in names for verb in ("asked", "said")]
