"""How late the event loop is: a loop that is too busy, or blocked, comes too late to a timer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

EVERY = 0.5
"""Seconds between two looks."""


async def watch(told: Callable[[float], None], every: float = EVERY) -> None:
    """Tells again and again how many seconds too late a timer fired; ends by being cancelled."""
    while True:
        due = time.monotonic() + every
        await asyncio.sleep(every)
        told(max(0.0, time.monotonic() - due))
