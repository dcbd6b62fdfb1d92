"""The load program, asked from time to time what it has seen."""

from __future__ import annotations

import asyncio
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.native import program

_LONGEST_LINE = 256 * 1024 * 1024  # every time of every token since the last one


@dataclass(frozen=True)
class Seen:
    """What happened since the last time; all times in microseconds (see load.c)."""

    answered: int
    failed: int
    broken: int
    open: int
    events: int
    requests: Sequence[int]
    firsts: Sequence[int]
    tokens: Sequence[int]


def parse(line: bytes) -> Seen:
    return Seen(**orjson.loads(line))


class Load:
    """It runs."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid = process.pid
        self._questions = process.stdin
        self._answers = process.stdout

    async def seen(self) -> Seen:
        """What happened since this was last asked."""
        self._questions.write(b"\n")
        return parse(await self._answers.readline())

    async def until_begun(self, streams: int, patience: float) -> int:
        """Waits until so many have had their first token, but not longer than so many seconds; gives how many have."""
        begun, end = len((await self.seen()).firsts), time.monotonic() + patience
        while begun < streams and time.monotonic() < end:
            await asyncio.sleep(0.05)
            begun += len((await self.seen()).firsts)
        return begun

    async def until_idle(self, patience: float) -> None:
        """Waits until nothing is under way, but not longer than so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while (await self.seen()).open:
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def loading(
    port: int, request: bytes, connections: int, *, ramp: float = 0.0, again: bool = True, quiet: bool = False
) -> AsyncIterator[Load]:
    """The same request on so many connections, which begin within `ramp` seconds; afterwards all are dropped.

    The first error that is answered is shown, unless errors are meant (`quiet`).
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        file = Path(directory) / "request"
        file.write_bytes(request)
        arguments = (str(port), file, str(connections), str(round(ramp * 1e6)), str(int(again)))
        command, errors = (program("load"), *arguments), DEVNULL if quiet else None
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=errors, limit=_LONGEST_LINE)
        try:
            yield Load(process)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
