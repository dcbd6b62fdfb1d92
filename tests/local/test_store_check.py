"""What the doctor says of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from redis.asyncio import Redis

from gw_extproc.local import store_check, valkey
from gw_extproc.local.crew import gathered
from gw_extproc.settings import Settings
from tests.sockets import free_port


async def told(**given: object) -> list[str]:
    return list(map(str, await store_check.examine(Settings.read(given))))


async def test_the_embedded_one_is_well(tmp_path: Path) -> None:
    assert await told(data_dir=str(tmp_path / "data")) == [f"ok    store         embedded Valkey, in {tmp_path}/data"]
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_that_cannot_be_made_is_named() -> None:
    (line,) = await told(data_dir="/dev/null/data")
    assert line == "FAIL  store         /dev/null/data cannot be written to -> choose another --data-dir"


async def test_a_directory_in_use_is_named(tmp_path: Path) -> None:
    async with valkey.claimed(Settings.read({"data_dir": str(tmp_path)})):
        (line,) = await told(data_dir=str(tmp_path))
    assert line.startswith(f"warn  store         another gateway uses {tmp_path} -> for a second one ")


async def test_a_server_is_told_by_name_and_limits(tmp_path: Path) -> None:
    async with _served(tmp_path) as url:
        (line,) = await told(store=url)
        assert line.startswith("ok    store         Valkey ")
        assert line.endswith(", append-only, no memory limit")
        assert url in line


async def test_a_server_that_forgets_is_a_warning(tmp_path: Path) -> None:
    changes = {"appendonly": "no", "maxmemory": "64mb", "maxmemory-policy": "allkeys-lru"}
    async with _served(tmp_path, changes) as url:
        well, forgets, evicts = await told(store=url)
    assert well.endswith(", maxmemory 64.0MiB")
    assert forgets.startswith("warn  store         it forgets everything when it restarts -> ")
    assert evicts.startswith("warn  store         it forgets responses when its memory is full (allkeys-lru) -> ")


async def test_a_server_that_does_not_let_itself_be_looked_at_is_a_warning(tmp_path: Path) -> None:
    async with _served(tmp_path) as url:
        async with Redis.from_url(url) as client:
            await client.acl_setuser("gateway", enabled=True, passwords="+secret", keys=["gw:*"], categories=["+@read", "+@write"])
        (line,) = await told(store=url.replace("unix://", "unix://gateway:secret@"))
    assert line.startswith("warn  store         unix://")
    assert " answers, but does not tell how it is set up -> " in line
    assert "secret" not in line


async def test_a_server_that_does_not_answer_is_a_failure() -> None:
    port = free_port()
    (line,) = await told(store=f"redis://me:secret@127.0.0.1:{port}")
    assert line.startswith(f"FAIL  store         redis://127.0.0.1:{port} does not answer (")
    assert "secret" not in line


@asynccontextmanager
async def _served(directory: Path, changes: dict[str, str] | None = None) -> AsyncIterator[str]:
    """The URL of a server with these changes to its configuration."""
    settings = Settings.read({"data_dir": str(directory)})
    async with valkey.claimed(settings) as claim, gathered() as crew:
        given = await valkey.start(crew, settings, claim)
        async with Redis.from_url(given.store) as client:
            for name, value in (changes or {}).items():
                await client.config_set(name, value)
        yield given.store
