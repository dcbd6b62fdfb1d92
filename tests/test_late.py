"""The loop says nothing of a result that nobody waits for, and everything else."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvloop

from gw_extproc.late import excused

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    found: Run = request.param
    return found


async def cancelled_when_ready(path: Path, turns: int) -> None:
    """Reading from a unix socket, cancelled so many turns after there is something to read."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        async with await anyio.connect_unix(path) as client:
            with server.accept()[0] as other:
                reading = asyncio.create_task(client.receive())
                for _ in range(5):
                    await asyncio.sleep(0)
                other.send(b"!")
                for _ in range(turns):
                    await asyncio.sleep(0)
                reading.cancel()
                await asyncio.wait([reading])


def test_a_result_that_comes_too_late_is_not_said(run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(excused)
        for turns in range(3):
            await cancelled_when_ready(tmp_path / f"socket-{turns}", turns)

    run(main())
    assert caplog.messages == []


def test_all_else_is_said(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(excused)
        loop.call_soon(int, "x")
        await asyncio.sleep(0)

    run(main())
    assert "invalid literal" in caplog.text
