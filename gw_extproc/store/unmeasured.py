"""Loads the Redis client without OpenTelemetry's metrics: the package's first import, so that everything else finds it loaded.

redis-py should load them when it is told to measure itself, which nobody does here. It loads them whenever they are installed, as they
are beside the SDK that sends our traces: 60 modules, a fourteenth of a worker's start. When it no longer does, this module can go.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_METRICS = ("opentelemetry.metrics", "opentelemetry.sdk.metrics")


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Within the block these modules are as good as not installed, unless they were loaded before."""
    hidden = {name: None for name in names if name not in sys.modules}
    sys.modules.update(hidden)  # type: ignore[arg-type]  # None is how Python says it, whatever the type of the mapping
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with _hidden(*_METRICS):
    import redis.asyncio  # noqa: F401
