"""Four gateways with the demo model: behind Envoy and alone, each in both wire profiles. A test that wants one gets it both ways."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.clients import quick_model
from tests.gateway_process import running

OTHER_STANDARD = ("--wire-profile", "open-responses")


@pytest.fixture(scope="session")
def model_url() -> Iterator[str]:
    with quick_model.running() as url:
        yield url


@pytest.fixture(scope="session")
def envoy(model_url: str) -> Iterator[str]:
    with running("--upstream", model_url) as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def alone(model_url: str) -> Iterator[str]:
    with running("--upstream", model_url, command="http") as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def open_responses_envoy(model_url: str) -> Iterator[str]:
    with running("--upstream", model_url, *OTHER_STANDARD) as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def open_responses_alone(model_url: str) -> Iterator[str]:
    with running("--upstream", model_url, *OTHER_STANDARD, command="http") as gateway:
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
