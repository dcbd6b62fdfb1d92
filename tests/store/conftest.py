"""What the store's tests share: real servers, a store on each kind of them, and tenants that nobody else uses."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from gw_extproc.store.store import Store
from tests import valkey
from tests.store.stores import opened
from tests.valkey import Valkey


@pytest.fixture(scope="session")
def single() -> Iterator[Valkey]:
    with valkey.running() as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Sequence[Valkey]]:
    with valkey.cluster() as nodes:
        yield nodes


@pytest.fixture(params=["single", "cluster"])
def servers(request: pytest.FixtureRequest) -> Sequence[Valkey]:
    """All servers of the store: one, or a cluster's three."""
    found = request.getfixturevalue(request.param)
    return [found] if isinstance(found, Valkey) else found


@pytest.fixture
def url(servers: Sequence[Valkey]) -> str:
    nodes = ",".join(f"127.0.0.1:{server.port}" for server in servers)
    return f"redis+cluster://{nodes}" if len(servers) > 1 else servers[0].url


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    async with opened(url) as store:
        yield store


@pytest.fixture
def tenant() -> str:
    return secrets.token_hex(16)
