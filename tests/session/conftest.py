"""What the session tests share: one Valkey, a store of the test's own loop, and gateways that differ by their settings."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from gw_extproc.session.gateway import Gateway, gateway
from gw_extproc.settings import Settings
from gw_extproc.store.store import Store
from gw_extproc.upstream import UpstreamClient
from tests import valkey
from tests.session.talk import Talk
from tests.store.stores import opened
from tests.valkey import Valkey

Made = Callable[..., Gateway]


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    with valkey.running() as server:
        yield server


@pytest.fixture
def frail() -> Iterator[Valkey]:
    """A server of the test's own, to be killed and filled."""
    with valkey.running() as server:
        yield server


@pytest.fixture
async def store(valkey_server: Valkey) -> AsyncIterator[Store]:
    async with opened(valkey_server.url) as store:
        yield store


@pytest.fixture
async def frail_store(frail: Valkey) -> AsyncIterator[Store]:
    async with opened(frail.url, retries=0) as store:
        yield store


@pytest.fixture(scope="session")
def idle() -> UpstreamClient:
    """A client of a model server that nobody calls: in most of these tests the test itself is the model."""
    return UpstreamClient(Settings.read({"upstream": "http://127.0.0.1:1/v1"}))


@pytest.fixture
def made(idle: UpstreamClient) -> Made:
    """Makes a gateway over a store, with these settings."""

    def make(store: Store, **options: object) -> Gateway:
        return gateway(Settings.read({"upstream": "http://127.0.0.1:1/v1", **options}), store, idle)

    return make


@pytest.fixture
def me(store: Store, made: Made) -> Talk:
    """A caller whom nobody else is, of a gateway in front of a generic server."""
    return talk(made(store))


@pytest.fixture
def stranger(me: Talk) -> Talk:
    """Somebody else at the same gateway."""
    return talk(me.gateway)


def talk(gateway: Gateway) -> Talk:
    return Talk(gateway, {"authorization": f"Bearer {secrets.token_hex(8)}"})
