"""A gateway behind Envoy whose exchanges are traced, and whoever gets its spans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import gateway_process as gateways
from tests.gateway_process import Gateway
from tests.real import upstream as upstreams
from tests.real.upstream import Head, Upstream
from tests.telemetry import collector as collectors
from tests.telemetry.collector import Collector
from tests.tools import mcp_server
from tests.tools.mcp_server import McpServer

PROMPTLY = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
"""Milliseconds that spans wait for others, before they are sent."""

KEY = "sk-of-the-gateway-itself"
HOOK = "/hook"


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def dice() -> Iterator[McpServer]:
    with mcp_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def collector() -> Iterator[Collector]:
    with collectors.running() as collector:
        yield collector


@pytest.fixture(scope="session")
def traced(upstream: Upstream, collector: Collector) -> Iterator[Gateway]:
    """Behind Envoy, which traces too; contents are neither logged nor traced. Webhooks go to HOOK."""
    options = ("--upstream", f"{upstream.url}/v1", "--upstream-api-key", KEY, "--mcp-private-addresses", "allow")
    hook = ("--webhook-url", f"{upstream.url}{HOOK}", "--webhook-secret", "whsec_c2l4dGVlbi1jaGFyYWN0ZXJz")
    upstream.script([Head(200, {"content-length": "0"})], key=HOOK)
    with gateways.running(*options, *hook, "--otlp-endpoint", collector.url, env=PROMPTLY) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def talkative(upstream: Upstream, collector: Collector) -> Iterator[Gateway]:
    """Without Envoy; contents are logged and traced."""
    options = (
        "--upstream",
        f"{upstream.url}/v1",
        "--mcp-private-addresses",
        "allow",
        "--trace-content",
        "on",
        "--log-bodies",
        "redacted",
    )
    env = PROMPTLY | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "talkative"}
    with gateways.running(*options, command="http", env=env) as gateway:
        yield gateway
