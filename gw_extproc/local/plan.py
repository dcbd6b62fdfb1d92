"""What Envoy's configuration depends on: where it listens, where the model and the gateway's workers are."""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import certifi

from gw_extproc.local import probes
from gw_extproc.local.addresses import is_ip, joined
from gw_extproc.local.errors import LocalError
from gw_extproc.local.workers import Listening, listening
from gw_extproc.settings import Settings, SettingsError, Upstream, parse_upstream

EXAMPLE_UPSTREAM = parse_upstream("https://api.openai.com/v1")
"""Stands in the printed configuration where no upstream was given."""

USUAL_CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian, Ubuntu, Alpine and Envoy's own container images keep theirs: the printed configuration names it."""

CUSTOMARY_ADMIN = "127.0.0.1:9901"

CUSTOMARY_EGRESS = "127.0.0.1:8082"
"""Where the printed configuration listens for the gateway's own model calls, unless --egress says otherwise."""

_CA_FILES = (USUAL_CA_FILE, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


class AccessLog(Enum):
    """Where Envoy writes a line of each request."""

    NOWHERE = "none are written"
    STDOUT = "where the logs of containers are read"
    STDERR = "beside all else that a terminal shows"


@dataclass(frozen=True)
class Tracing:
    """Where spans go, and which share of the requests that nobody in front has decided about is traced."""

    collector: Upstream
    share: float


@dataclass(frozen=True)
class Plan:
    """All that varies between two configurations."""

    host: str
    port: int
    upstream: Upstream
    processors: tuple[str, ...]
    """The workers' gRPC addresses, host:port or unix:/path."""
    http: tuple[str, ...]
    """Their HTTP addresses, written the same way, as are the next two."""
    egress: str
    """Where Envoy listens for the gateway's own model calls."""
    admin: str
    """Where its admin interface is."""
    ca_file: str
    bearer: bool
    """Whether the gateway has a key for the upstream; the key itself is never part of a configuration."""
    access_log: AccessLog = AccessLog.NOWHERE
    tracing: Tracing | None = None


def printed(settings: Settings) -> Plan:
    """The plan of `envoy-config`: the same on every machine."""
    upstream = settings.upstream or EXAMPLE_UPSTREAM
    return _plan(settings, upstream, listening(settings), CUSTOMARY_ADMIN, egress_address(settings), USUAL_CA_FILE, AccessLog.STDOUT)


def private(settings: Settings, upstream: Upstream, places: Listening, admin: str, egress: str) -> Plan:
    """The plan of `run`: private sockets, and the certificates this machine trusts."""
    # Who looks at a terminal has the gateway's own line for each request: two would be one too many.
    log = AccessLog.STDERR if settings.log_level == "debug" else AccessLog.NOWHERE
    return _plan(settings, upstream, places, admin, egress, ca_file(), log)


def _plan(settings: Settings, upstream: Upstream, places: Listening, admin: str, egress: str, ca: str, log: AccessLog) -> Plan:
    # A port shared by several workers is one address.
    grpc, http = (tuple(dict.fromkeys(addresses)) for addresses in (places.grpc, places.http))
    bearer = settings.upstream_api_key is not None
    return Plan(numeric_host(settings.host), settings.port, upstream, grpc, http, egress, admin, ca, bearer, log, _tracing(settings))


def _tracing(settings: Settings) -> Tracing | None:
    return Tracing(parse_upstream(settings.otlp_endpoint), settings.trace_sample) if settings.otlp_endpoint else None


def egress_address(settings: Settings) -> str:
    """Where an Envoy has to listen for what goes to --egress."""
    if settings.egress is None:
        return CUSTOMARY_EGRESS
    if settings.egress.startswith("unix:"):
        return settings.egress
    url = parse_upstream(settings.egress)
    return joined(url.host, url.port)


def ca_file() -> str:
    """The certificates this machine trusts, as one file: what OpenSSL was told, the system's bundle, else certifi's."""
    paths = ssl.get_default_verify_paths()
    candidates = (os.environ.get(paths.openssl_cafile_env, ""), paths.cafile or "", *_CA_FILES)
    return next((path for path in candidates if path and Path(path).is_file()), certifi.where())


def free_host(settings: Settings) -> str:
    """The IP address where clients connect; raises SettingsError as `numeric_host`, LocalError where nobody can listen at its port."""
    host = numeric_host(settings.host)
    if problem := probes.port_problem(host, settings.port):
        raise LocalError(f"{problem}; choose otherwise with --host and --port (0 takes any free port)")
    return host


def numeric_host(host: str) -> str:
    """The IP address to listen on, as Envoy wants it; raises SettingsError where `host` is none of this machine's."""
    if is_ip(host):
        return host
    try:
        found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError:
        raise SettingsError(f"--host (GW_HOST): {host!r} is not an address of this machine") from None
    return str(found[0][4][0])
