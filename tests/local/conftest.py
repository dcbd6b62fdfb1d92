"""A gateway with the demo model and a slow model server, each new for every test: most tests end them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway_process import Gateway, started

from .slow_model import SlowModel, slow_model


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with started() as gateway:
        yield gateway


@pytest.fixture
def model() -> Iterator[SlowModel]:
    with slow_model() as model:
        yield model
