"""One gateway of two workers that captures contents, with a scripted model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from tests import gateway_process as gateways
from tests.gateway_process import Gateway
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.waiting import DEADLINE


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@contextmanager
def inspected(upstream: Upstream, *options: str, command: str = "run") -> Iterator[Gateway]:
    with gateways.running("--upstream", f"{upstream.url}/v1", *options, command=command) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def gateway(upstream: Upstream) -> Iterator[Gateway]:
    with inspected(upstream, "--workers", "2", "--inspector", "content") as gateway:
        yield gateway


@pytest.fixture(scope="module")
def api(gateway: Gateway) -> Iterator[httpx2.Client]:
    """What the page asks for."""
    with httpx2.Client(base_url=f"{gateway.inspector}/api", timeout=DEADLINE, trust_env=False) as client:
        yield client
