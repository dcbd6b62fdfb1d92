"""One Envoy for all tests of hosting, and the applications behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hosted import carrier as carriers
from tests.hosted.apps import Applications
from tests.hosted.carrier import Carrier


@pytest.fixture(scope="session")
def apps() -> Applications:
    return Applications()


@pytest.fixture(scope="session")
def carrier(apps: Applications) -> Iterator[Carrier]:
    """Nothing of a hosted exchange leaves the filter for the upstream."""
    with carriers.carrying(apps) as carrier:
        yield carrier
        carrier.await_idle()
        assert carrier.upstream_calls() == 0
