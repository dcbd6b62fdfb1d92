"""What the engine's tests share: a Valkey that each test finds empty, a scripted model server, and replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests import valkey
from tests.engine.fleet import Replica, replica
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.valkey import Valkey


@pytest.fixture(scope="session")
def server() -> Iterator[Valkey]:
    with valkey.running() as server:
        yield server


@pytest.fixture
def url(server: Valkey) -> str:
    server.command("FLUSHALL")
    return server.url


@pytest.fixture(scope="session")
def model() -> Iterator[Upstream]:
    with upstreams.running() as model:
        yield model


@pytest.fixture
async def here(url: str, model: Upstream) -> AsyncIterator[Replica]:
    """It takes requests, and works when it is told to."""
    async with replica(url, model.url) as here:
        yield here


@pytest.fixture
async def there(url: str, model: Upstream, here: Replica) -> AsyncIterator[Replica]:
    """Another replica, and the same caller."""
    async with replica(url, model.url, headers=here.headers) as there:
        yield there


@pytest.fixture
def frail() -> Iterator[Valkey]:
    """A server of the test's own, to be killed."""
    with valkey.running() as server:
        yield server
