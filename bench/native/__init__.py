"""The model server and the load, in C: in Python they would be what is measured."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

_SOURCES = Path(__file__).parent
_BINARIES = _SOURCES.parent / "results" / "bin"
_WARNINGS = ("-Wall", "-Wextra", "-Werror")


@cache
def program(name: str) -> Path:
    """The program, compiled where its sources are newer."""
    binary, source = _BINARIES / name, _SOURCES / f"{name}.c"
    newest = max(path.stat().st_mtime for path in (source, _SOURCES / "common.h"))
    if not binary.exists() or binary.stat().st_mtime < newest:
        _BINARIES.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-O2", *_WARNINGS, "-o", binary, source], check=True)
    return binary
