"""What all tests share: no settings from outside, and hypothesis without a deadline, because a shared machine may pause for longer
than any example takes. CI takes the same examples every time: what chance finds elsewhere is no fault of the change that is tested."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import is_hypothesis_test, settings

from tests.gateway_process import environment

settings.register_profile("shared machine", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared machine")

os.environ["SSL_CERT_FILE"] = str(Path(__file__).with_name("nobody.pem"))
"""What clients and gateways trust unless a test says otherwise: one authority, whose key nobody has. To read a machine's whole bundle
takes each of them 50 ms, and the tests make thousands."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Laws are not measured: to watch each line makes drawing an example six times as slow, and what covers a line is to be a case that
    one can read."""
    for item in items:
        if isinstance(item, pytest.Function) and is_hypothesis_test(item.function):
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
