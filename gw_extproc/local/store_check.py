"""Looks at the store: can it be used, and will it keep what it is told?"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import ByteSize

from gw_extproc.local import valkey
from gw_extproc.local.banner import store_of
from gw_extproc.local.errors import LocalError
from gw_extproc.local.findings import Finding, fail, ok, warn
from gw_extproc.settings import EMBEDDED, Settings
from gw_extproc.store.inspection import Inspection, Reticent, Unreachable, inspect

_SUBJECT = "store"


async def examine(settings: Settings) -> list[Finding]:
    if settings.store == EMBEDDED:
        return [_embedded(settings)]
    try:
        found = await inspect(settings.store, seconds=settings.store_timeout)
    except Unreachable as problem:
        return [fail(_SUBJECT, f"{store_of(settings)} does not answer ({problem})", "is it running, and is --store right?")]
    except Reticent:
        remedy = "let the doctor's user run INFO and CONFIG GET: +info +config|get"
        return [warn(_SUBJECT, f"{store_of(settings)} answers, but does not tell how it is set up", remedy)]
    kept = f"{found.persistence}, " if found.persistence else ""
    return [ok(_SUBJECT, f"{found.product} at {store_of(settings)}, {kept}{_memory(found)}"), *_forgetting(found)]


def _embedded(settings: Settings) -> Finding:
    try:
        valkey.program()
        directory = valkey.data_directory(settings)
    except LocalError as problem:
        return fail(_SUBJECT, *str(problem).split("; ", 1))
    if not _usable(directory):
        return fail(_SUBJECT, f"{directory} cannot be written to", "choose another --data-dir")
    if valkey.is_claimed(directory):
        return warn(_SUBJECT, f"another gateway uses {directory}", "for a second one choose another --data-dir, or share a --store URL")
    return ok(_SUBJECT, f"embedded Valkey, in {directory}")


def _usable(directory: Path) -> bool:
    """Whether we may write there, or in the place where it would be made."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


def _memory(found: Inspection) -> str:
    return f"maxmemory {ByteSize(found.maxmemory).human_readable()}" if found.maxmemory else "no memory limit"


def _forgetting(found: Inspection) -> list[Finding]:
    """Ways in which it loses what it was told."""
    lost = []
    if not found.persistence:
        lost.append(warn(_SUBJECT, "it forgets everything when it restarts", "let it write an append-only file: appendonly yes"))
    if found.policy not in ("", "noeviction"):
        remedy = "set maxmemory-policy noeviction: a full store then says so"
        lost.append(warn(_SUBJECT, f"it forgets responses when its memory is full ({found.policy})", remedy))
    return lost
