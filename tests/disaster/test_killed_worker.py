"""kill -9 of a worker: what it has announced is there, of all else nothing or all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from tests.disaster import replica
from tests.disaster.client import Client, Turn, calling, turns_of
from tests.disaster.replica import Replica
from tests.real import chat
from tests.real.upstream import Gate, Upstream
from tests.store.proxy import Proxy, proxy
from tests.store.stores import eventually
from tests.valkey import Valkey

KINDS = ("alone", "continued", "in a conversation")
BURST = 6
"""Clients of a burst for each kind of turn."""


@pytest.fixture
async def wire(store: Valkey) -> AsyncIterator[Proxy]:
    async with proxy(store.port) as wire:
        yield wire


@pytest.fixture
async def worker(wire: Proxy, upstream: Upstream) -> AsyncIterator[Replica]:
    with await asyncio.to_thread(started := replica.serving(wire.url, upstream).__enter__) as worker:  # noqa
        yield worker
