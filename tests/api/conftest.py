"""What the tests of the HTTP application share: one server with one store and a scripted upstream, and callers of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gw_extproc.settings import Settings
from tests import valkey
from tests.api.serving import Api, Served, served
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream

MAX_BODY = 100_000


def settings(upstream: Upstream, store: str, **options: object) -> Settings:
    return Settings.read({"upstream": f"{upstream.url}/v1", "store": store, **options})


@pytest.fixture(scope="session")
def upstream() -> Iterator[Upstream]:
    with upstreams.running() as upstream:
        yield upstream


@pytest.fixture(scope="session")
def store_url() -> Iterator[str]:
    with valkey.running() as server:
        yield server.url


@pytest.fixture(scope="session")
def server(upstream: Upstream, store_url: str) -> Iterator[Served]:
    with served(settings(upstream, store_url, max_body=str(MAX_BODY), model_aliases="fast=small,odd=gone")) as server:
        yield server


@pytest.fixture
def api(server: Served) -> Iterator[Api]:
    with Api(server) as api:
        yield api


@pytest.fixture
def stranger(server: Served) -> Iterator[Api]:
    """Somebody else, who must not learn anything."""
    with Api(server) as api:
        yield api
