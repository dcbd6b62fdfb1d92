"""kill -9 of the parts of `gw-extproc run` and `http` with their own store: what was announced is there, from the same directory."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests import gateway_process as gateways
from tests.disaster.burst import burst as made
from tests.disaster.client import calling
from tests.gateway_process import Gateway
from tests.real.upstream import Upstream
from tests.store.stores import eventually


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as directory:
        yield Path(directory)


@asynccontextmanager
async def started(command: str, data: Path, upstream: Upstream) -> AsyncIterator[Gateway]:
    context = gateways.started("--upstream", f"{upstream.url}/v1", "--data-dir", str(data), command=command)
    gateway = await asyncio.to_thread(context.__enter__)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(context.__exit__, None, None, None)


def launcher(gateway: Gateway) -> psutil.Process:
    return psutil.Process(gateway.process.pid)


def worker(gateway: Gateway) -> psutil.Process:
    return gateway.part("gw_extproc.worker")


def store(gateway: Gateway) -> psutil.Process:
    return gateway.part("valkey-server")


@pytest.mark.parametrize(
    ("command", "part"),
    [("run", launcher), pytest.param("run", worker, marks=pytest.mark.long), pytest.param("http", launcher, marks=pytest.mark.long)],
)
async def test_what_ends_the_gateway_ends_no_response(
    command: str, part: Callable[[Gateway], psutil.Process], data: Path, upstream: Upstream
) -> None:
    """In the middle of a burst."""
    async with started(command, data, upstream) as gateway, calling(gateway.url, upstream) as client:
        burst = await made([client], upstream)
        async with burst.going():
            await burst.more()
            part(gateway).kill()
            assert await asyncio.to_thread(gateway.end) != 0
    async with started(command, data, upstream) as gateway, calling(gateway.url, upstream) as client:
        await burst.assert_all_there(client)
        gateway.process.terminate()
        assert await asyncio.to_thread(gateway.end) == 0


async def test_the_store_is_started_again_and_nothing_else(data: Path, upstream: Upstream) -> None:
    async with started("run", data, upstream) as gateway, calling(gateway.url, upstream) as client:
        burst, before = await made([client], upstream), worker(gateway)
        async with burst.going():
            for kills in (1, 2):
                await burst.more()
                store(gateway).kill()
                await eventually(lambda kills=kills: gateway.log().count("is started again") == kills, "a line")  # type: ignore[misc]
                await burst.more()
                gateway.meet_family()
        assert worker(gateway) == before
        await burst.assert_all_there(client)
        gateway.process.terminate()
        assert await asyncio.to_thread(gateway.end) == 0
        assert "Traceback" not in gateway.log()
