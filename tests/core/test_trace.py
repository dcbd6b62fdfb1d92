"""The trace: marks in few words, and whose they are."""

from __future__ import annotations

import orjson
import pytest

from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.trace import Trace, Unusable, decode

from .answers import announced, assembler, called, chunk, piece, said


def test_growth_is_a_number_and_another_item_is_named_first() -> None:
    trace = Trace()
    trace.begin("m", store=True)
    trace.open(0)
    trace.add(0, 3)
    trace.open(1)
    trace.add(1, 4)
    trace.add(0, "c")
    trace.add(0, 5)
    trace.turn(1)
    trace.fail(UpstreamError("no", type="t", code="c"))
    assert decode(trace.encode()) == [["s", "m", True], "o", 3, "o", 4, ["i", 0], "c", 5, ["i", 1], ["e", "t", "c", None]]


def test_a_token_takes_a_few_bytes() -> None:
    made = assembler(store=True)
    made.start()
    for each in said(*(["token"] * 1000)):
        made.feed(each)
    assert len(made.trace()) < 2 * 1000 + 100


def test_an_answer_leaves_its_trace() -> None:
    made = assembler(model="wanted")
    made.start()
    made.feed(chunk({"reasoning": "hm"}))
    made.feed(chunk({"content": "Hel"}))
    made.feed(called(piece(0, "c1", "f", '{"a"'), piece(1, "c2", "f", "{")))
    made.feed(called(piece(0, arguments=":1}")))
    made.fail(UpstreamError("slow down", type="t", code="429"))
    announced(made)
    assert orjson.loads(made.trace()) == [
        ["s", "wanted", True],
        *("o", 2, "c"),
        *("o", "p", 3, "c"),
        *("o", 4, "o", 1, ["i", 2], 3),
        ["e", "t", "429", None],
    ]


@pytest.mark.parametrize("trace", [b"", b"[", b"{}", b"null", b"\xff"])
def test_what_is_no_trace_is_unusable(trace: bytes) -> None:
    with pytest.raises(Unusable):
        decode(trace)
