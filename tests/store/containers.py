"""Whether a container engine is there to start servers in."""

from __future__ import annotations

import docker
import pytest
from docker.errors import DockerException


def _engine() -> bool:
    try:
        client = docker.from_env()
    except DockerException:
        return False
    with client:
        try:
            return bool(client.ping())
        except DockerException:
            return False


contained = pytest.mark.skipif(not _engine(), reason="no container engine answers here; the same tests run on the wheel's server")
