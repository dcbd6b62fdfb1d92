"""W3C Trace Context: which trace a request belongs to, read from the header `traceparent` and written into it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)

_SAMPLED = 0x01
_NO_VERSION = "ff"
_FIRST_VERSION = "00"


@dataclass(frozen=True, slots=True)
class Parent:
    """The span that caused a request, in whichever process."""

    trace_id: bytes
    span_id: bytes
    sampled: bool
    """Whether that process records its part of the trace, and expects others to."""


def parse(header: str | None) -> Parent | None:
    """What the header says; None where it says nothing valid, which is then to be ignored (section 3.2)."""
    found = _FORM.fullmatch(header or "")
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _NO_VERSION or (version == _FIRST_VERSION and more is not None):
        return None
    parent = Parent(bytes.fromhex(trace_id), bytes.fromhex(span_id), bool(int(flags, 16) & _SAMPLED))
    return parent if any(parent.trace_id) and any(parent.span_id) else None


def header(trace_id: bytes, span_id: bytes) -> str:
    """The header of a request that such a span, which is recorded, causes."""
    return f"{_FIRST_VERSION}-{trace_id.hex()}-{span_id.hex()}-{_SAMPLED:02x}"
