"""One gateway with the demo model for all clients, and one of the other wire profile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.gateway_process import running


@pytest.fixture(scope="session")
def gateway_url() -> Iterator[str]:
    with running() as gateway:
        yield gateway.url


@pytest.fixture(scope="session")
def open_responses_url() -> Iterator[str]:
    with running("--wire-profile", "open-responses") as gateway:
        yield gateway.url


@pytest.fixture
def client(gateway_url: str) -> Iterator[OpenAI]:
    """The SDK as users make it, but an error is not tried again."""
    with OpenAI(base_url=gateway_url, api_key="any", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway_url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=gateway_url, api_key="any", max_retries=0) as client:
        yield client
