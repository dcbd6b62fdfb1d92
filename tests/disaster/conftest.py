"""One scripted model server for all; stores and gateways are each test's own, because tests end them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import valkey
from tests.real import chat
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.valkey import Valkey


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        upstream.script([chat.JSON, b'{"object": "list", "data": []}'], key="/v1/models")  # what /readyz asks for
        yield upstream


@pytest.fixture
def store() -> Iterator[Valkey]:
    """As the embedded store is: whatever it has confirmed is in its file."""
    with valkey.running("--appendfsync", "always") as store:
        yield store
