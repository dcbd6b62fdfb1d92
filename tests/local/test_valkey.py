"""The embedded store: what it is told survives its end, whatever that is; its directory belongs to one gateway."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError

from gw_extproc.local import valkey
from gw_extproc.local.crew import Crew, gathered
from gw_extproc.local.errors import LocalError
from gw_extproc.settings import Settings
from tests.waiting import DEADLINE


@asynccontextmanager
async def store(directory: Path) -> AsyncIterator[tuple[Crew, Redis]]:
    settings = Settings.read({"data_dir": str(directory)})
    async with valkey.claimed(settings) as claim, gathered() as crew:
        given = await valkey.start(crew, settings, claim)
        async with Redis.from_url(given.store) as client:
            yield crew, client


async def until_back(client: Redis) -> None:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                await client.ping()
            except ConnectionError:
                await asyncio.sleep(0.01)
            else:
                return


def process_of(crew: Crew) -> psutil.Process:
    """The Valkey that runs in this crew now."""
    return next(child for child in psutil.Process().children() if str(crew.directory) in " ".join(child.cmdline()))


@pytest.mark.parametrize("gently", [True, False])
async def test_what_it_was_told_survives(tmp_path: Path, gently: bool) -> None:
    async with store(tmp_path) as (crew, client):
        assert (await client.config_get("port"))["port"] == "0"
        await client.set("told", "kept")
        if gently:
            await valkey.stop(crew)
    async with store(tmp_path) as (_, client):
        assert await client.get("told") == b"kept"


async def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "parent" / "data"
    async with store(directory) as (_, client):
        await client.set("told", "kept")
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in directory.rglob("*"))


async def test_its_path_may_be_longer_than_that_of_a_socket(tmp_path: Path) -> None:
    async with store(tmp_path / ("long " * 20) / ("'quoted\" " * 10)) as (_, client):
        assert await client.ping()


async def test_one_that_dies_is_started_again_with_all_it_knew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with store(tmp_path) as (crew, client):
        await client.set("told", "kept")
        for _ in range(2):
            process_of(crew).kill()
            await until_back(client)
        assert await client.get("told") == b"kept"
    line = f"Valkey ended unexpectedly (killed by SIGKILL) and is started again; its log is {tmp_path}/valkey.log"
    assert caplog.messages == [line] * 2


async def test_one_that_is_asked_to_end_is_not_started_again(tmp_path: Path) -> None:
    async with store(tmp_path) as (crew, _):
        process_of(crew).kill()
        await valkey.stop(crew)
        with pytest.raises(LocalError, match=r"^Valkey ended unexpectedly"):
            await asyncio.wait_for(crew.watch(), DEADLINE)


async def test_a_file_that_cannot_be_read_ends_all_and_the_log_says_why(tmp_path: Path) -> None:
    async with store(tmp_path) as (crew, client):
        await client.set("told", "kept")
        await valkey.stop(crew)
    (appended,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    appended.write_bytes(b"no such command" + appended.read_bytes())
    settings = Settings.read({"data_dir": str(tmp_path)})
    async with valkey.claimed(settings) as claim, gathered() as crew:
        starting = asyncio.create_task(valkey.start(crew, settings, claim))
        with pytest.raises(LocalError, match=r"^Valkey ended unexpectedly \(exit status 1\)"):
            await asyncio.wait_for(crew.watch(), DEADLINE)
        starting.cancel()
    assert "Bad file format reading the append only file" in (tmp_path / "valkey.log").read_text()


async def test_a_record_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    async with store(tmp_path) as (_, client):
        await client.set("told", "kept")
        await client.set("half", "written")
    (appended,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    os.truncate(appended, appended.stat().st_size - 5)
    async with store(tmp_path) as (_, client):
        assert (await client.get("told"), await client.get("half")) == (b"kept", None)


async def test_a_directory_belongs_to_one_gateway(tmp_path: Path) -> None:
    settings = Settings.read({"data_dir": str(tmp_path)})
    assert not valkey.is_claimed(tmp_path)
    async with valkey.claimed(settings):
        assert valkey.is_claimed(tmp_path)
        with pytest.raises(LocalError) as caught:
            async with valkey.claimed(settings, patience=0):
                pass
    problem = f"another gateway uses {tmp_path}; choose another directory, or share a server with --store URL"
    assert str(caught.value) == f"--data-dir (GW_DATA_DIR): {problem}"
    assert not valkey.is_claimed(tmp_path)


@pytest.mark.parametrize(("place", "reason"), [("/dev/null/x", "Not a directory"), ("/proc/x", "No such file or directory")])
async def test_a_directory_that_cannot_be_used_is_one_line(place: str, reason: str) -> None:
    with pytest.raises(LocalError) as caught:
        async with valkey.claimed(Settings.read({"data_dir": place})):
            pass
    assert str(caught.value) == f"--data-dir (GW_DATA_DIR): {place} cannot be used ({reason}); choose another directory"


async def test_a_store_elsewhere_claims_nothing(tmp_path: Path) -> None:
    settings = Settings.read({"store": "redis://elsewhere", "data_dir": str(tmp_path)})
    async with valkey.claimed(settings) as claim, gathered() as crew:
        assert (claim, await valkey.start(crew, settings, claim)) == (None, settings)
    assert list(tmp_path.iterdir()) == []


def test_the_directory_is_in_the_users_data_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert valkey.data_directory(Settings.read({})) == tmp_path / ".local/share/gw-extproc"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # to be ignored, says the standard
    assert valkey.data_directory(Settings.read({})) == tmp_path / ".local/share/gw-extproc"
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert valkey.data_directory(Settings.read({})) == Path("/elsewhere/gw-extproc")
    assert valkey.data_directory(Settings.read({"data_dir": "~/mine"})) == tmp_path / "mine"


def test_a_machine_without_a_binary_is_one_line() -> None:
    with pytest.raises(LocalError) as caught:
        valkey.program("no_such_wheel")
    assert str(caught.value) == "there is no embedded Valkey for this machine; name a Redis or Valkey with --store URL (GW_STORE)"
