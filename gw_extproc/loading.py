"""Loads modules without looking for garbage meanwhile.

A great many objects arise while modules are loaded, and hardly any becomes garbage: to look for some again and again took a fifth of a
start. All that was loaded stays, so that it is not looked through later either.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """For blocks that load modules."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
