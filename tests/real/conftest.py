"""The parts of a real call: a scripted upstream, gateways as processes, the openai SDK."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests import gateway_process as gateways
from tests.gateway_process import Gateway
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.waiting import DEADLINE

KEY = "sk-of-the-gateway"
MAX_BODY = 100_000


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    """As a newcomer starts it."""
    with gateways.running("--upstream", f"{upstream.url}/v1") as gateway:
        yield gateway


@pytest.fixture(scope="session")
def alone(upstream: Upstream) -> Iterator[Gateway]:
    """The same without Envoy."""
    with gateways.running("--upstream", f"{upstream.url}/v1", command="http") as gateway:
        yield gateway


@pytest.fixture(params=["gateway", "alone"], ids=["envoy", "alone"])
def either(request: pytest.FixtureRequest) -> Gateway:
    """Both, one after the other."""
    gateway = request.getfixturevalue(request.param)
    assert isinstance(gateway, Gateway)
    return gateway


@pytest.fixture(scope="session")
def other_gateway(upstream: Upstream) -> Iterator[Gateway]:
    """Every setting otherwise: a key of its own, a base path, small bodies, the other standard."""
    options = ("--upstream-api-key", KEY, "--max-body", str(MAX_BODY), "--wire-profile", "open-responses")
    with gateways.running("--upstream", f"{upstream.url}/api/v1", *options) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def client(gateway: Gateway) -> Iterator[OpenAI]:
    with OpenAI(base_url=gateway.url, api_key="sk-of-the-caller", max_retries=0, timeout=DEADLINE) as client:
        yield client
