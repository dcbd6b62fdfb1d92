"""Whether a container engine is there to start servers in."""

from __future__ import annotations

import os

import pytest

from tests.sockets import accepts

_SOCKET = "/var/run/docker.sock"

contained = pytest.mark.skipif(
    "DOCKER_HOST" not in os.environ and not accepts(_SOCKET),
    reason="no container engine answers here; the same tests run on the wheel's server",
)
