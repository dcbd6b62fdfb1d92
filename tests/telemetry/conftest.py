"""What the tests of telemetry share: a scripted model, a real MCP server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.tools import mcp_server
from tests.tools.mcp_server import McpServer


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def dice() -> Iterator[McpServer]:
    with mcp_server.running() as server:
        yield server
