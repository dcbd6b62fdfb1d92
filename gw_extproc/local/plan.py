"""What Envoy's configuration depends on: where it listens, where the model and the processors are."""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import certifi

from gw_extproc.settings import Settings, SettingsError, Upstream, parse_upstream, worker_addresses

EXAMPLE_UPSTREAM = parse_upstream("https://api.openai.com/v1")
"""Stands in the printed configuration where no upstream was given."""

USUAL_CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian, Ubuntu, Alpine and Envoy's own container images keep theirs: the printed configuration names it."""

CUSTOMARY_ADMIN = "127.0.0.1:9901"

_CA_FILES = (USUAL_CA_FILE, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem")


@dataclass(frozen=True)
class Plan:
    """All that varies between two configurations."""

    host: str
    port: int
    upstream: Upstream
    processors: tuple[str, ...]
    """gRPC addresses, host:port or unix:/path."""
    admin: str
    """The admin interface's address, written the same way."""
    ca_file: str
    bearer: bool
    """Whether the gateway has a key for the upstream; the key itself is never part of a configuration."""


def printed(settings: Settings) -> Plan:
    """The plan of `envoy-config`: the same on every machine."""
    addresses = worker_addresses(settings.grpc, settings.workers)
    return _plan(settings, settings.upstream or EXAMPLE_UPSTREAM, addresses, CUSTOMARY_ADMIN, USUAL_CA_FILE)


def private(settings: Settings, upstream: Upstream, addresses: list[str], admin: str) -> Plan:
    """The plan of `run`: private sockets, and the certificates this machine trusts."""
    return _plan(settings, upstream, addresses, admin, ca_file())


def _plan(settings: Settings, upstream: Upstream, addresses: list[str], admin: str, ca: str) -> Plan:
    processors = tuple(dict.fromkeys(addresses))  # a port shared by several workers is one address
    bearer = settings.upstream_api_key is not None
    return Plan(numeric_host(settings.host), settings.port, upstream, processors, admin, ca, bearer)


def ca_file() -> str:
    """The certificates this machine trusts, as one file: what OpenSSL was told, the system's bundle, else certifi's."""
    paths = ssl.get_default_verify_paths()
    candidates = (os.environ.get(paths.openssl_cafile_env, ""), paths.cafile or "", *_CA_FILES)
    return next((path for path in candidates if path and Path(path).is_file()), certifi.where())


def numeric_host(host: str) -> str:
    """The IP address to listen on, as Envoy wants it; raises SettingsError where `host` is none of this machine's."""
    if is_ip(host):
        return host
    try:
        found = socket.getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except OSError:
        raise SettingsError(f"--host (GW_HOST): {host!r} is not an address of this machine") from None
    return str(found[0][4][0])


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `host:port`, the host without an IPv6 address's brackets."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
