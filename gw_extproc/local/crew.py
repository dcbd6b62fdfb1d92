"""The processes of one launcher: started together, ended together, in the care of a guardian."""

from __future__ import annotations

import asyncio
import logging
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

logger = logging.getLogger("gw_extproc.crew")

PREFIX = "gw-extproc-"

_PAUSE = 0.1  # seconds before a part is revived, doubled each time ...
_LONGEST_PAUSE = 30.0
_STABLE = 60.0  # ... until it has lived so long

_LONGEST_PARENT = 60  # a unix socket's path holds 104 characters on some systems: leave room for the run directory's own names


@dataclass(frozen=True)
class Part:
    """A process to start; its name is what messages call it."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    inherited: tuple[int, ...] = ()
    """File descriptors it keeps."""
    umask: int = -1
    """Rights that the files it makes must not have; the launcher's own where it is -1."""
    advice: str = ""
    """Where to look when it has ended."""


class Crew:
    """The running parts and their private directory.

    Parts belong to the guardian's process group: the terminal's Ctrl-C reaches the launcher alone, which keeps order.
    """

    def __init__(self, directory: Path, guard: Process, lifeline: FileIO) -> None:
        self.directory = directory
        self._guard = guard
        self._lifeline = lifeline
        self._members: dict[str, Process] = {}
        self._revived: set[str] = set()
        self._ends: asyncio.Queue[str] = asyncio.Queue()
        self._waits = [asyncio.create_task(self._keep(Part("the guardian", (), {}), guard))]

    @property
    def names(self) -> list[str]:
        """The parts that were started, in that order."""
        return list(self._members)

    async def start(self, part: Part) -> None:
        process = await self._spawn(part)
        self._waits.append(asyncio.create_task(self._keep(part, process)))

    def revive(self, name: str) -> None:
        """From now on this part is started again when it ends by itself; until it is asked to end."""
        self._revived.add(name)

    def adopt(self, sockets: Iterable[Path]) -> None:
        """Whatever ends the launcher, these files are gone afterwards: name only what no other program uses."""
        with suppress(BrokenPipeError):  # a guardian that is gone is told by `watch`
            self._lifeline.write(b"".join(os.fsencode(path) + b"\0" for path in sockets))

    async def watch(self) -> NoReturn:
        """Returns never; raises LocalError as soon as a part has ended that is not revived."""
        raise LocalError(await self._ends.get())

    async def stop(self, *names: str) -> None:
        """Asks these parts to end, and returns when they have."""
        self._revived.difference_update(names)
        leaving = [process for name, process in self._members.items() if name in names]
        for process in leaving:
            _signal(process, signal.SIGTERM)
        for process in leaving:
            await process.wait()

    async def end(self) -> None:
        """Ends what still runs, at once, and removes the directory."""
        self._revived.clear()
        self._lifeline.close()
        await self._guard.wait()
        for process in self._members.values():  # nothing is left to do here, unless the guardian itself was killed
            _signal(process, signal.SIGKILL)
            await process.wait()
        for task in self._waits:
            task.cancel()
        await asyncio.gather(*self._waits, return_exceptions=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    async def _spawn(self, part: Part) -> Process:
        try:
            process = await asyncio.create_subprocess_exec(
                *part.command,
                env=part.environment,
                pass_fds=part.inherited,
                stdin=DEVNULL,
                stdout=DEVNULL,
                umask=part.umask,
                process_group=self._guard.pid,
            )
        except OSError as error:
            raise LocalError(f"{part.name} cannot be started: {error}") from None
        self._members[part.name] = process
        return process

    async def _keep(self, part: Part, process: Process) -> None:
        """Notes its end, but for as long as it is revived."""
        clock, pause = asyncio.get_running_loop().time, _PAUSE
        while True:
            since = clock()
            end = f"{part.name} ended unexpectedly ({_status(await process.wait())})"
            pause = _PAUSE if clock() - since > _STABLE else min(2 * pause, _LONGEST_PAUSE)
            if part.name in self._revived:
                logger.warning("%s and is started again%s", end, part.advice and f"; {part.advice}")
                await asyncio.sleep(pause)
            if part.name not in self._revived:
                break
            with suppress(LocalError):  # then the old one has still ended, and it is tried again
                process = await self._spawn(part)
            if part.name not in self._revived:  # it was asked to end meanwhile
                _signal(process, signal.SIGTERM)
        self._ends.put_nowait(f"{end}; everything was stopped{part.advice and f' ({part.advice})'}")


def _signal(process: Process, number: signal.Signals) -> None:
    """Process.send_signal would first look whether it has ended, and take the status that asyncio waits for."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


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
