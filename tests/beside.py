"""What stands beside the repository, not in it: recordings of real servers and clients, and the documents of the standards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

_SHARED = Path(__file__).parents[2] / "shared"

SPEC = _SHARED / "spec"
"""The OpenAPI documents."""

RECORDED = _SHARED / "recorded"
"""Recorded answers of real servers."""

needs_spec = pytest.mark.skipif(not SPEC.is_dir(), reason="the OpenAPI documents stand beside the repository, not in it")
needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings stand beside the repository, not in it")

INDEX: Sequence[Mapping[str, Any]] = json.loads((RECORDED / "index.json").read_bytes()) if RECORDED.is_dir() else []
"""Name, status and more of each recorded answer."""


def body(name: str) -> bytes:
    """A recorded answer."""
    return (RECORDED / name).read_bytes()


def documents(body: bytes) -> list[Any]:
    """The JSON documents of an answer, be it one or a stream of events, read in the plainest way there is."""
    if body.lstrip().startswith(b"{"):
        return [json.loads(body)]
    lines = (line.strip() for line in body.splitlines())
    return [json.loads(line[5:]) for line in lines if line.startswith(b"data:") and line[5:].strip() != b"[DONE]"]


def codex_requests() -> Mapping[str, Any]:
    """Recorded requests of a coding agent, by name: each has `headers` and a `body`."""
    return {path.stem: json.loads(path.read_bytes()) for path in sorted((RECORDED / "codex-requests").glob("*.json"))}
