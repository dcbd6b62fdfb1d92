"""The shortest way of a token takes what it must, and nothing else."""

from __future__ import annotations

import orjson
import pytest

from gw_extproc.core.lane import LONGEST, Lane, lane
from gw_extproc.core.repetition import Pattern, Repetition, learned

from .answers import chunk

WHOLE = orjson.dumps(chunk({"content": "a"}))


def pattern() -> Pattern:
    found = learned(WHOLE, orjson.loads(WHOLE))
    assert found is not None
    return found


def made(data: bytes) -> Lane | None:
    return lane(data, Repetition("a", pattern()), str.encode)


@pytest.mark.parametrize("framed", [b"data: %b\n\n", b"data:%b\r\n\r\n", b": hi\nid: 7\nevent: message\ndata: %b \n\n"])
@pytest.mark.parametrize("text", ["b", 'é"\\\n🙂', "a b"])
def test_it_takes_a_piece_with_another_text(framed: bytes, text: str) -> None:
    found = made(framed % WHOLE)
    assert found is not None
    assert found.feed(framed % orjson.dumps(chunk({"content": text}))) == text.encode()
    assert found.feed(framed % orjson.dumps(chunk({"content": text})).replace(b'"index":0', b'"index":1')) == b""


@pytest.mark.parametrize("between", [b"1", b'""', b'"a","b"', b'"\xff"', b'"a', b""])
def test_it_takes_nothing_else(between: bytes) -> None:
    found = made(b"data: %b\n\n" % WHOLE)
    assert found is not None
    assert found.feed(b"data: %b\n\n" % WHOLE.replace(b'"a"', between)) == b""


def test_it_takes_one_event_and_no_more() -> None:
    piece = b"data: %b\n\n" % WHOLE
    found = made(piece)
    assert found is not None
    assert [found.feed(piece * 2), found.feed(piece[:-1]), found.feed(piece[1:]), found.feed(piece)] == [b"", b"", b"", b"a"]


@pytest.mark.parametrize("framed", [b": %b\ndata: %b\n\n", b"data: %b\n: %b\n\n"])
def test_there_is_none_where_a_comment_looks_like_the_chunk(framed: bytes) -> None:
    assert made(framed % (WHOLE, WHOLE)) is None


def test_there_is_none_where_another_text_is_found() -> None:
    assert lane(b"data: %b\n\n" % WHOLE, Repetition("b", pattern()), str.encode) is None


def test_it_takes_its_share_and_no_more() -> None:
    piece = b"data: %b\n\n" % WHOLE
    found = made(piece)
    assert found is not None
    taken = 0
    while found.feed(piece):
        taken += len(piece)
    assert found.taken == taken
    assert LONGEST < taken <= LONGEST + len(piece)
