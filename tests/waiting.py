"""How long tests wait for something, and how."""

from __future__ import annotations

import time
from collections.abc import Callable

DEADLINE = 60.0
"""Seconds that any wait may take, on a machine that is busy with other things: a start that takes three took twenty beside others."""


def until(condition: Callable[[], bool], what: str) -> None:
    """Polls; fails where the condition does not come true in time."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)
