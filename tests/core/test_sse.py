"""Upstream bytes to chunks: streams as servers really send them, and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core import sse
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.sse import Chunk, ChunkDecoder, Ending

A, B = {"a": 1}, {"b": 2}


def decoded(*pieces: bytes) -> tuple[list[Chunk], Ending]:
    decoder = ChunkDecoder()
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    rest, ending = decoder.end()
    return [*chunks, *rest], ending


@pytest.mark.parametrize(
    "body",
    [
        b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b'data:{"a":1}\n\ndata:{"b":2}\n\ndata:[DONE]\n\n',
        b'data: {"a":1}\r\n\r\ndata: {"b":2}\r\n\r\ndata: [DONE]\r\n\r\n',
        b'data: {"a":1}\r\rdata: {"b":2}\r\rdata: [DONE]\r\r',
        b': keep-alive\n\ndata: {"a":1}\n\n: PROCESSING\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b'id: 7\nretry: 5\nevent: message\ndata: {"a":1}\n\ndata\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b'data: {"a":\ndata: 1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b'data: {"a":1}\ndata: {"b":2}\ndata: [DONE]\n\n',
        b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]',
        b'data: [{"a":1},{"b":2}]\n\ndata: [DONE]\n\n',
        b'\xef\xbb\xbfdata: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b'\n \n data: {"a":1}\n\n\n\ndata: {"b":2}\n\ndata: \n\ndata: [DONE]\n\n',
        b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\ndata: {"too":"late"}\n\n',
        b'data: {"a":1}\n\ndata: {"b":2}\ndata: [DONE]\ndata: {"too":"late"}\n\n',
    ],
    ids=[
        "lf",
        "no-space",
        "crlf",
        "cr",
        "comments",
        "fields",
        "two-lines",
        "no-blank",
        "open",
        "list",
        "bom",
        "space",
        "late",
        "later",
    ],
)
class TestStreams:
    def test_whole(self, body: bytes) -> None:
        assert decoded(body) == ([A, B], Ending.DONE)

    def test_byte_by_byte(self, body: bytes) -> None:
        assert decoded(*(body[at : at + 1] for at in range(len(body)))) == ([A, B], Ending.DONE)

    def test_in_two_pieces_with_an_empty_one_between(self, body: bytes) -> None:
        for at in range(len(body)):
            assert decoded(body[:at], b"", body[at:]) == ([A, B], Ending.DONE)


def test_a_stream_that_just_stops_is_cut() -> None:
    assert decoded(b'data: {"a":1}\n\ndata: {"b":2}') == ([A, B], Ending.CUT)
    assert decoded(b"") == decoded(b" \n") == decoded(b"upstream connect error") == ([], Ending.CUT)


def test_done_is_known_before_the_connection_closes() -> None:
    decoder = ChunkDecoder()
    assert not decoder.done
    decoder.feed(b"data: [DONE]\n")
    assert not decoder.done
    decoder.feed(b"\n")
    assert decoder.done


def test_utf8_may_be_cut_in_the_middle() -> None:
    body = 'data: {"a":"größer 🙂"}\n\n'.encode()
    for at in range(len(body)):
        assert decoded(body[:at], body[at:])[0] == [{"a": "größer 🙂"}]


@pytest.mark.parametrize("body", [b'{"a":1}', b'\n\n  {"a":1}\n', b'\xef\xbb\xbf{"a":1}', b'[{"a":1}]'])
def test_a_body_that_begins_like_json_is_json(body: bytes) -> None:
    for at in range(len(body)):
        assert decoded(body[:at], body[at:]) == ([A], Ending.WHOLE)


@pytest.mark.parametrize("body", [b'{"a":', b"[1]", b"[[]]", b"[" * 5000 + b"]" * 5000, b'{"a":1e999}', b"{" + b"\xff"])
def test_json_that_is_no_object_is_an_error(body: bytes) -> None:
    (chunk,), ending = decoded(body)
    assert chunk["error"]["code"] == "bad_upstream_answer"
    assert ending is Ending.WHOLE


@pytest.mark.parametrize("payload", [b"null", b"5", b'"text"', b"oops", b"[1]"])
def test_an_event_that_is_no_object_is_an_error_and_what_came_before_counts(payload: bytes) -> None:
    (first, second), _ = decoded(b'data: {"a":1}\n\ndata: ' + payload + b"\n\n")
    assert first == A
    assert payload.decode() in second["error"]["message"]


def test_an_error_event_holds_an_error() -> None:
    assert decoded(b'event: error\ndata: {"message":"no"}\n\ndata: {"a":1}\n\n')[0] == [{"error": {"message": "no"}}, A]
    assert decoded(b'event: error\ndata: {"error":"no"}\n\n')[0] == [{"error": "no"}]


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (rb'{"a":"\ud83d"}', {"a": "?"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"a":NaN,"b":-Infinity}', {"a": None, "b": None}),
        (b'{"a":"\x01"}', {"a": "\x01"}),
    ],
)
def test_json_is_read_leniently_where_real_servers_err(document: bytes, read: Chunk) -> None:
    assert decoded(document)[0] == decoded(b"data: " + document + b"\n\n")[0] == [read]


@pytest.mark.parametrize("start", [b"data: ", b'{"a":"', b": ", b"data: x\ndata: "], ids=["event", "json", "comment", "lines"])
def test_what_never_ends_is_refused(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr(sse, "MAX_PENDING", 100)
    decoder = ChunkDecoder()
    decoder.feed(start + b"x" * 50)
    with pytest.raises(UpstreamError, match="more than 100 bytes"):
        decoder.feed(b"x" * 60)


def test_many_small_events_never_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_PENDING", 100)
    assert len(decoded(*[b'data: {"a":1}\n\n'] * 50)[0]) == 50
    assert len(decoded(*[b": ping\n\n"] * 50, b'data: {"a":1}\n\n')[0]) == 1


STREAMS = st.lists(
    st.sampled_from(
        [
            b'{"a":1}',
            b"[DONE]",
            b"\n",
            b"\r\n",
            b"\r",
            b"\n\n",
            b"data: ",
            b"data:",
            b"event: error\n",
            b": c\n",
            b"\xff",
            b"[",
            b" ",
            b"{",
        ]
    )
).map(b"".join)


@given(STREAMS | st.binary(), st.lists(st.integers(0, 200)))
def test_any_bytes_in_any_split_give_the_same_chunks(body: bytes, at: Sequence[int]) -> None:
    places = sorted({0, len(body), *(place % (len(body) + 1) for place in at)})
    pieces = [body[start:end] for start, end in pairwise(places)]
    chunks, ending = decoded(body)
    assert decoded(*pieces) == (chunks, ending)
    assert all(isinstance(chunk, dict) and orjson.dumps(chunk) for chunk in chunks)
