"""The model server that the gateway calls: the one that was named, else the demo model, as a part of the crew."""

from __future__ import annotations

import socket
import sys

from gw_extproc.local import probes
from gw_extproc.local.crew import Crew, Part
from gw_extproc.local.environment import environment
from gw_extproc.local.errors import LocalError
from gw_extproc.settings import Settings, Upstream


async def reached(crew: Crew, settings: Settings) -> Upstream:
    """Where it is; raises LocalError where nobody can connect to it."""
    upstream = settings.upstream or await _start_demo(crew, settings)
    if problem := await probes.upstream_problem(upstream):
        raise LocalError(f"--upstream (GW_UPSTREAM): {problem}; is the model server running?")
    return upstream


async def _start_demo(crew: Crew, settings: Settings) -> Upstream:
    """Where it is. It inherits a socket that listens already, so nobody has to wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        command = (sys.executable, "-P", "-m", "gw_extproc.process", "gw_extproc.local.demo_model", "--fd", str(number))
        await crew.start(Part("the demo model", command, environment(settings), (number,)))
        return Upstream("http", "127.0.0.1", listening.getsockname()[1], "/v1")
