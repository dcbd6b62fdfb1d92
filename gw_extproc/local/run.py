"""`gw-extproc run`: Envoy, the workers, their store and, without an upstream, the demo model, as one program."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from pathlib import Path

from gw_extproc.local import admin_port, envoy_kept, model, plan, valkey, workers
from gw_extproc.local.banner import banner
from gw_extproc.local.crew import Crew, Part, gathered
from gw_extproc.local.environment import environment
from gw_extproc.local.envoy_admin import EnvoyAdmin
from gw_extproc.local.envoy_binary import binary, write_private
from gw_extproc.local.supervisor import Signals, supervise
from gw_extproc.local.valkey import Claim
from gw_extproc.settings import Settings
from gw_extproc.telemetry.logs import is_json

ENVOY = "Envoy"

_GRACE = 5.0  # seconds to end after SIGTERM, once nothing is in flight; who needs longer is killed

_ENVOY_LEVELS = {"debug": "info", "info": "warning", "warning": "warning", "error": "error"}
_ENVOY_LOG = "%Y-%m-%dT%T.%e envoy %l: %v"
_ENVOY_LOG_AS_JSON = '{"timestamp":"%Y-%m-%dT%T.%e%z","level":"%l","logger":"envoy","event":"%j"}'

Ready = Callable[[str], None]


async def run(settings: Settings, ready: Ready) -> None:
    """Runs until a signal; `ready` gets what to tell the user. Raises LocalError where something is in the way."""
    signals = Signals()
    signals.catch()
    binary()
    plan.free_host(settings)
    metrics = admin_port.bound(settings, elsewhere=True)
    asyncio.get_running_loop().run_in_executor(None, envoy_kept.make_ready)
    async with valkey.claimed(settings) as claim, gathered() as crew:
        await supervise(crew, signals, partial(_start, settings, ready, metrics, claim), partial(_stop, settings))


async def _start(settings: Settings, ready: Ready, metrics: socket.socket | None, claim: Claim | None, crew: Crew) -> None:
    places = workers.listening(settings, crew.directory)
    workers.check(places)
    upstream = await model.reached(crew, settings)
    stored = await valkey.start(crew, settings, claim)
    admin, egress = _admin_socket(crew), f"unix:{crew.directory}/egress.sock"
    found = {"upstream": upstream, "egress": settings.egress or egress, "admin_port": admin_port.at(metrics)}
    found["inspector"] = admin_port.inspector(settings)
    given = stored.model_copy(update=found)
    await workers.start(crew, given, places, metrics)
    path = await asyncio.to_thread(_write_config, plan.private(given, upstream, places, f"unix:{admin}", egress), crew.directory)
    await workers.until_serving(places)  # asked only now: a thread that asks all the time slows down the one that writes
    await crew.start(_envoy(given, path))
    await EnvoyAdmin(admin).until_ready()
    port = await EnvoyAdmin(admin).listening_port()
    workers.keep(crew, settings)
    told = given.model_copy(update={"port": port, "store": settings.store})
    ready(banner(told, is_demo=settings.upstream is None))


async def _stop(settings: Settings, crew: Crew) -> None:
    """First no new requests, then the end of those in flight and of WebSockets, then Envoy, the workers, what they need."""
    with suppress(TimeoutError, OSError, HTTPException):  # an Envoy that cannot be asked has nothing in flight
        async with asyncio.timeout(settings.drain_timeout):
            await EnvoyAdmin(_admin_socket(crew)).drain()
            await crew.stop(*workers.names(settings))
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await crew.stop(ENVOY)
            await crew.stop(*(name for name in crew.names if name != valkey.NAME))
    await valkey.stop(crew)


def _admin_socket(crew: Crew) -> Path:
    return crew.directory / "admin.sock"


def _write_config(planned: plan.Plan, directory: Path) -> Path:
    path = directory / "envoy.json"
    write_private(path, envoy_kept.configuration(planned, directory))
    return path


def _envoy(settings: Settings, config: Path) -> Part:
    options = {
        "-c": str(config),
        "--concurrency": str(_threads(settings.workers)),
        "--component-log-level": "main:error",  # it would warn of every SIGTERM
        "-l": _ENVOY_LEVELS[settings.log_level],
        "--log-format": _ENVOY_LOG_AS_JSON if is_json(settings.log_format, sys.stderr) else _ENVOY_LOG,
        "--file-flush-interval-msec": "200",  # of the access log; ten seconds are long for who looks at a terminal
    }
    arguments = [text for option in options.items() for text in option]
    return Part(ENVOY, (binary(), "--disable-hot-restart", *arguments), environment(settings))


def _threads(workers: int) -> int:
    """Envoy's threads: one keeps about two workers busy (its share of a chunk is half of ours), two at least."""
    return min(os.cpu_count() or 1, max(2, workers // 2))
