"""Reads the URL that names the store: a single server, one behind Sentinel, or a cluster; no message repeats any of it.

redis://[user:password@]host[:port][/db]                        rediss:// the same over TLS
unix://[user:password@]/path/of/socket[?db=0]
redis+sentinel://[user:password@]host[:port],.../master[/db]    rediss+sentinel://
redis+cluster://[user:password@]host[:port],...                 rediss+cluster://
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote

Kind = Literal["single", "sentinel", "cluster"]

_KINDS: Mapping[str, tuple[Kind, bool]] = {
    "redis": ("single", False),
    "rediss": ("single", True),
    "unix": ("single", False),
    "redis+sentinel": ("sentinel", False),
    "rediss+sentinel": ("sentinel", True),
    "redis+cluster": ("cluster", False),
    "rediss+cluster": ("cluster", True),
}
_DEFAULT_PORT: Mapping[Kind, int] = {"single": 6379, "sentinel": 26379, "cluster": 6379}

TLS_OPTIONS = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
SENTINEL_OPTIONS = ("sentinel_username", "sentinel_password")

_URL = re.compile(r"([a-z+]+)://(?:([^/?#]*)@)?([^/?#@]*)(/[^?#]*)?(?:\?([^#]*))?")
_NODE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+)(?::([0-9]{1,5}))?")

_ESCAPES = "in a password, write / ? # @ as %2F %3F %23 %40"


@dataclass(frozen=True)
class StoreUrl:
    """Where the store is and how one gets in; `path` is that of a unix socket, which has no nodes."""

    kind: Kind
    tls: bool
    nodes: tuple[tuple[str, int], ...] = ()
    path: str = ""
    db: int = 0
    master: str = ""
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def address(self) -> str:
        """What a log may show."""
        nodes = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.nodes)
        return self.path or (f"{nodes} ({self.master})" if self.master else nodes)


def parse(url: str) -> StoreUrl:
    """Raises ValueError, one line, where it is no URL of a store. A password that was not escaped may turn up in any part of
    what is read, so the message quotes none."""
    found = _URL.fullmatch(url)
    if found is None or found[1] not in _KINDS:
        schemes = ", ".join(f"{scheme}://" for scheme in _KINDS)
        raise ValueError(f"expected a URL that begins with {schemes}; {_ESCAPES}")
    scheme, user, hosts, path = found[1], found[2], found[3], found[4] or ""
    kind, tls = _KINDS[scheme]
    options = _options(found[5] or "", kind, tls)
    username, password = _credentials(user or "")
    if scheme == "unix":
        if hosts or len(path) < 2:
            raise ValueError("a unix URL of the store has no host and an absolute path: unix:///path/of/socket")
        db = _db(options.pop("db", ""))
        return StoreUrl(kind, tls, (), unquote(path), db, "", username, password, options)
    nodes = tuple(_node(node, _DEFAULT_PORT[kind]) for node in hosts.split(","))
    if kind == "single" and len(nodes) > 1:
        raise ValueError("several hosts need redis+cluster:// or redis+sentinel://")
    master, db = _path(kind, path, options)
    return StoreUrl(kind, tls, nodes, "", db, master, username, password, options)


def _credentials(user: str) -> tuple[str | None, str | None]:
    username, _, password = user.partition(":")
    return unquote(username) or None, unquote(password) or None


def _node(text: str, default: int) -> tuple[str, int]:
    found = _NODE.fullmatch(text)
    if found is None or (found[2] and not 0 < int(found[2]) < 65536):
        raise ValueError(f"a host of the store's URL is not host or host:port, with a port from 1 to 65535; {_ESCAPES}")
    return found[1].strip("[]"), int(found[2] or default)


def _path(kind: Kind, path: str, options: dict[str, str]) -> tuple[str, int]:
    """The name of the master and the number of the database."""
    parts = [unquote(part) for part in path.split("/") if part]
    if kind == "cluster" and (parts or "db" in options):
        raise ValueError("a cluster has no databases: its URL ends after the hosts")
    if kind == "sentinel" and not parts:
        raise ValueError("a Sentinel URL names the master after the hosts: redis+sentinel://host:26379/master")
    master = parts.pop(0) if kind == "sentinel" else ""
    if len(parts) > 1 or (parts and "db" in options):
        raise ValueError("the store's URL has more than one database")
    return master, _db(parts[0] if parts else options.pop("db", ""))


def _db(text: str) -> int:
    if not re.fullmatch(r"[0-9]{0,5}", text):
        raise ValueError("the database in the store's URL is not a number")
    return int(text or 0)


def _options(query: str, kind: Kind, tls: bool) -> dict[str, str]:
    allowed = ("db", *(TLS_OPTIONS if tls else ()), *(SENTINEL_OPTIONS if kind == "sentinel" else ()))
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    if not all(name in allowed and value for name, _, value in pairs):
        raise ValueError(f"the store's URL has an option other than {', '.join(allowed)}, or one without a value")
    return {name: unquote(value) for name, _, value in pairs}
