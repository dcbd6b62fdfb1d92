"""Four gateways with the demo model: behind Envoy and alone, each in both wire profiles. A test that wants one gets it both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.gateway_process import running

OTHER_STANDARD = ("--wire-profile", "open-responses")


@pytest.fixture(scope="session")
def envoy() -> Iterator[str]:
    with running() as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def alone() -> Iterator[str]:
    with running(command="http") as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def open_responses_envoy() -> Iterator[str]:
    with running(*OTHER_STANDARD) as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def open_responses_alone() -> Iterator[str]:
    with running(*OTHER_STANDARD, command="http") as gateway:
        yield gateway.url


@pytest.fixture(params=["envoy", "alone"])
def gateway_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def client(gateway_url: str) -> Iterator[OpenAI]:
    """The SDK as users make it, but an error is not tried again."""
    with OpenAI(base_url=gateway_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
def stranger(gateway_url: str) -> Iterator[OpenAI]:
    """Another key: somebody else."""
    with OpenAI(base_url=gateway_url, api_key="other", max_retries=0) as client:
        yield client
