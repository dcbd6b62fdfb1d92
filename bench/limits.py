"""Room for a thousand streams: each is several descriptors."""

from __future__ import annotations

import resource


def raise_descriptors() -> None:
    """As many as this user may have; what is started afterwards has them too."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
