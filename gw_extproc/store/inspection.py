"""What kind of server the store is: for who sets it up, not for who serves with it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from redis.asyncio import RedisCluster
from redis.exceptions import NoPermissionError, RedisClusterException, RedisError

from gw_extproc.core.store_url import parse
from gw_extproc.store.clients import Client, build


class Unreachable(Exception):
    """The store does not answer; the message is why, in one line."""


class Reticent(Exception):
    """The store answers, but its user may not ask how it is set up."""


@dataclass(frozen=True)
class Inspection:
    """As one of its servers tells it."""

    product: str
    """Name and version."""
    persistence: str
    """How it keeps what it is told through a restart; empty if it does not."""
    maxmemory: int
    """Bytes; 0 where it has no limit of its own."""
    policy: str
    """What it does when that is reached."""


async def inspect(url: str, *, seconds: float) -> Inspection:
    """Raises ValueError where it is no URL of a store, Unreachable where it does not answer within so many seconds, and Reticent."""
    client, sentinel = build(parse(url), timeout=seconds, connections=2)
    one = {"target_nodes": RedisCluster.RANDOM} if isinstance(client, RedisCluster) else {}
    try:
        info: Mapping[str, object] = await client.info("everything", **one)
        return _read(info, await _saves(client, one))
    except NoPermissionError as error:
        raise Reticent from error
    except (RedisError, RedisClusterException, OSError, TimeoutError) as error:
        raise Unreachable(" ".join(str(error).split()) or type(error).__name__) from error
    finally:
        await client.aclose()
        if sentinel:
            await sentinel.aclose()


async def _saves(client: Client, one: Mapping[str, str]) -> str:
    """When it writes snapshots, if it tells: services that run the server for others do not."""
    with suppress(RedisError):
        return str((await client.config_get("save", **one)).get("save", ""))
    return "?"


def _read(info: Mapping[str, object], saves: str) -> Inspection:
    name = "Valkey" if info.get("server_name") == "valkey" else "Redis"
    version = info.get("valkey_version") or info.get("redis_version") or "of an unknown version"
    snapshots = {"": "", "?": "snapshots, perhaps"}.get(saves, "snapshots")
    return Inspection(
        product=f"{name} {version}",
        persistence="append-only" if info.get("aof_enabled") else snapshots,
        maxmemory=int(str(info.get("maxmemory", 0))),
        policy=str(info.get("maxmemory_policy", "")),
    )
