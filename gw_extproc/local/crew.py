"""The processes of one launcher: started together, ended together, in the care of a guardian."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NoReturn

from gw_extproc.local import guardian
from gw_extproc.local.errors import LocalError

PREFIX = "gw-extproc-"

_LONGEST_PARENT = 60  # a unix socket's path holds 104 characters on some systems: leave room for the run directory's own names


@dataclass(frozen=True)
class Part:
    """A process to start; its name is what messages call it."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    inherited: tuple[int, ...] = ()
    """File descriptors it keeps."""


class Crew:
    """The running parts and their private directory.

    Parts belong to the guardian's process group: the terminal's Ctrl-C reaches the launcher alone, which keeps order.
    """

    def __init__(self, directory: Path, guard: Process, lifeline: FileIO) -> None:
        self.directory = directory
        self._guard = guard
        self._lifeline = lifeline
        self._members: dict[str, Process] = {}
        self._ends: asyncio.Queue[str] = asyncio.Queue()
        self._waits = [asyncio.create_task(self._note_end("the guardian", guard))]

    async def start(self, part: Part) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                env=part.environment,
                pass_fds=part.inherited,
                stdin=DEVNULL,
                stdout=DEVNULL,
                process_group=self._guard.pid,
            )
        except OSError as error:
            raise LocalError(f"{part.name} cannot be started: {error}") from None
        self._members[part.name] = process
        self._waits.append(asyncio.create_task(self._note_end(part.name, process)))

    def adopt(self, sockets: Iterable[Path]) -> None:
        """Whatever ends the launcher, these files are gone afterwards: name only what no other program uses."""
        with suppress(BrokenPipeError):  # a guardian that is gone is told by `watch`
            self._lifeline.write(b"".join(os.fsencode(path) + b"\0" for path in sockets))

    async def watch(self) -> NoReturn:
        """Returns never; raises LocalError as soon as one part has ended."""
        raise LocalError(f"{await self._ends.get()}; everything was stopped")

    async def stop(self, first: str | None = None) -> None:
        """Asks the part named `first`, or all, to end, and returns when that is done."""
        leaving = [process for name, process in self._members.items() if first in (None, name)]
        for process in leaving:
            with suppress(ProcessLookupError):
                process.terminate()
        for process in leaving:
            await process.wait()

    async def end(self) -> None:
        """Ends what still runs, at once, and removes the directory."""
        self._lifeline.close()
        await self._guard.wait()
        for process in self._members.values():  # nothing is left to do here, unless the guardian itself was killed
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*self._waits)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _note_end(self, name: str, process: Process) -> None:
        self._ends.put_nowait(f"{name} ended unexpectedly ({_status(await process.wait())})")


@asynccontextmanager
async def gathered() -> AsyncIterator[Crew]:
    """A crew without parts yet; after the block no part runs and its directory is gone."""
    parent = _parent()
    reading, writing = os.pipe()
    with FileIO(writing, "wb") as lifeline:
        with FileIO(reading) as end:
            command = (sys.executable, "-I", "-S", guardian.__file__, parent, PREFIX)
            guard = await asyncio.create_subprocess_exec(*command, stdin=end, stdout=PIPE, process_group=0)
        assert guard.stdout is not None
        told = await guard.stdout.readline()
        if not told:
            await guard.wait()
            raise LocalError(f"no private directory can be made in {parent}")
        crew = Crew(Path(os.fsdecode(told.removesuffix(b"\n"))), guard, lifeline)
        try:
            yield crew
        finally:
            await crew.end()


def _parent() -> str:
    """Where the run directory goes: the usual place for temporary files."""
    usual = tempfile.gettempdir()
    if len(usual) > _LONGEST_PARENT:
        raise LocalError(f"{usual} is too long a path to hold unix sockets; set TMPDIR to a shorter one")
    return usual


def _status(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
