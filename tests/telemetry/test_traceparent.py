"""traceparent: what is read, what is ignored, what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.telemetry import traceparent
from gw_extproc.telemetry.traceparent import Parent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = Parent(bytes.fromhex(TRACE), bytes.fromhex(SPAN), sampled=True)


@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"00-{TRACE}-{SPAN}-01", PARENT),
        (f"00-{TRACE}-{SPAN}-03", PARENT),
        (f"00-{TRACE}-{SPAN}-00", Parent(PARENT.trace_id, PARENT.span_id, sampled=False)),
        (f"cc-{TRACE}-{SPAN}-01", PARENT),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", PARENT),
        (None, None),
        ("", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"cc-{TRACE}-{SPAN}-01more", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE}-{SPAN}", None),
        (f"00-{TRACE}-{SPAN}-01\n", None),
        (f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01", None),
    ],
)
def test_what_is_read(header: str | None, parent: Parent | None) -> None:
    assert traceparent.parse(header) == parent


@given(st.binary(min_size=16, max_size=16).filter(any), st.binary(min_size=8, max_size=8).filter(any))
def test_what_is_written_is_read_again(trace_id: bytes, span_id: bytes) -> None:
    assert traceparent.parse(traceparent.header(trace_id, span_id)) == Parent(trace_id, span_id, sampled=True)


@given(st.text())
def test_anything_may_come(header: str) -> None:
    traceparent.parse(header)
