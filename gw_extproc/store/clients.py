"""The Redis client that a URL asks for: a single server, the master behind Sentinel, or a cluster. Above this all three are one."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Connection as Tcp
from redis.asyncio import ConnectionPool, Redis, RedisCluster, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

from gw_extproc.core.store_url import SENTINEL_OPTIONS, TLS_OPTIONS, StoreUrl

Client = Redis | RedisCluster


def build(url: StoreUrl, *, timeout: float, connections: int) -> tuple[Client, Sentinel | None]:
    """The client, and the Sentinel that must be closed with it. The client tries once: who uses it repeats."""
    common: dict[str, Any] = {
        "username": url.username,
        "password": url.password,
        # Who uses the client limits each attempt. A cluster has less time than that: only what fails in there makes it look for
        # another node. Elsewhere a second limit would be a task and a timer for each command.
        "socket_timeout": timeout * 0.8 if url.kind == "cluster" else None,
        "socket_connect_timeout": timeout / 2,
        "protocol": 2,  # RESP3 would add a greeting and notices that nobody reads
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
    }
    tls: dict[str, Any] = {name: url.options[name] for name in TLS_OPTIONS if name in url.options}
    match url.kind:
        case "cluster":
            nodes = [ClusterNode(host, port) for host, port in url.nodes]
            return RedisCluster(startup_nodes=nodes, max_connections=connections, ssl=url.tls, **tls, **common), None
        case "sentinel":
            return _behind_sentinel(url, common, tls, connections)
        case "single":
            place: dict[str, Any]
            if url.path:
                place = {"connection_class": UnixDomainSocketConnection, "path": url.path}
            else:
                host, port = url.nodes[0]
                place = {"connection_class": SSLConnection if url.tls else Tcp, "host": host, "port": port}
            pool = ConnectionPool(max_connections=connections, db=url.db, **place, **tls, **common)
            return Redis.from_pool(pool), None


def _behind_sentinel(url: StoreUrl, common: dict[str, Any], tls: dict[str, Any], connections: int) -> tuple[Client, Sentinel]:
    credentials = {name.removeprefix("sentinel_"): url.options.get(name) for name in SENTINEL_OPTIONS}
    secured: dict[str, Any] = {"ssl": True, **tls} if url.tls else {}
    sentinel = Sentinel(url.nodes, sentinel_kwargs=common | secured | credentials)  # type: ignore[no-untyped-call]
    return sentinel.master_for(url.master, max_connections=connections, db=url.db, **secured, **common), sentinel
