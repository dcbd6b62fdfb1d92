"""What all tests share: no settings from outside, and hypothesis without a deadline, because a shared machine may pause for longer
than any example takes. CI takes the same examples every time: what chance finds elsewhere is no fault of the change that is tested."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.gateway_process import environment

settings.register_profile("shared machine", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - environment().keys():
        monkeypatch.delenv(name)
