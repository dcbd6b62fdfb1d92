"""What the tests of the engine share: one server with one store, a scripted model and a real MCP server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import valkey
from tests.api.conftest import settings
from tests.api.serving import Api, Served, served
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.tools import mcp_server
from tests.tools.mcp_server import McpServer


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    with valkey.running() as server:
        yield server.url


@pytest.fixture(scope="session")
def dice() -> Iterator[McpServer]:
    with mcp_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def server(upstream: Upstream, store_url: str, dice: McpServer) -> Iterator[Served]:
    options = {"mcp_private_addresses": "allow", "mcp_connectors": f"connector_dice={dice.streamable}", "model_retries": "1"}
    with served(settings(upstream, store_url, **options)) as server:
        yield server


@pytest.fixture
def api(server: Served) -> Iterator[Api]:
    with Api(server) as api:
        yield api
