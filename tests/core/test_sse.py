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
from gw_extproc.core.repetition import Repetition
from gw_extproc.core.sse import Chunk, ChunkDecoder, Ending
from tests.events import Json

A, B = {"a": 1}, {"b": 2}


def decoded(*pieces: bytes) -> tuple[list[Chunk], Ending]:
    decoder = ChunkDecoder()
    chunks = [chunk for piece in pieces for chunk in decoder.feed(piece)]
    rest, ending = decoder.end()
    return [chunk.chunk() if isinstance(chunk, Repetition) else chunk for chunk in [*chunks, *rest]], ending


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
        b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: "[DONE]"\n\n',
        b'data: {"a":1}\n\ndata: {"b":2}\n\ndata: [done]\n\n',
        b'data: {"a":1}\n\ndata: null\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b': hi\n{"a":1}\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b': hi\n{"a":1}\n{"b":2}\ndata: [DONE]\n',
        b'data: {"a":1}\n{"b":2}\ndata: [DONE]\n',
        b'event: ping\ndata: pong\n\ndata: {"a":1}\n\nevent: close\ndata: [END]\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
        b'event: ping\ndata: 5\n\nevent: chunk\ndata: {"a":1}\n\nevent: own\ndata: {"b":2}\n\nevent: end\ndata: [DONE]\n\n',
        b'<p>\n\ndata: {"a":1}\n\nno line\n\ndata: {"b":2}\n\ndata: [DONE]\n\n',
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
        "quoted-end",
        "lower-end",
        "null",
        "bare",
        "bare-lines",
        "bare-after-data",
        "pings",
        "names",
        "strange",
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
    assert decoded(b"") == decoded(b" \n") == decoded(b": comment\nid: 1\nretry: 5\n\n") == ([], Ending.CUT)


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


@pytest.mark.parametrize("payload", [b"5", b'"text"', b"oops", b"[1]"])
def test_an_event_that_is_no_object_is_an_error_and_what_came_before_counts(payload: bytes) -> None:
    (first, second), _ = decoded(b'data: {"a":1}\n\ndata: ' + payload + b"\n\n")
    assert first == A
    assert payload.decode() in second["error"]["message"]


def test_an_error_event_holds_an_error() -> None:
    assert decoded(b'event: error\ndata: {"message":"no"}\n\ndata: {"a":1}\n\n')[0] == [{"error": {"message": "no"}}, A]
    assert decoded(b'event: error\ndata: {"error":"no"}\n\n')[0] == [{"error": "no"}]


def test_a_line_may_be_an_error() -> None:
    assert decoded(b'error: {"message":"no"}\n\ndata: {"a":1}\n\n')[0] == [{"error": {"message": "no"}}, A]
    assert decoded(b'data: {"a":1}\n\nerror: {"message":"no"}')[0] == [A, {"error": {"message": "no"}}]


@pytest.mark.parametrize("event", [b"", b"event: message\n", b"event: error\n", b"event: chat.completion.chunk\n"])
def test_only_an_event_of_another_name_may_be_no_json(event: bytes) -> None:
    (chunk,), _ = decoded(event + b"data: oops\n\n")
    assert chunk["error"]["code"] == "bad_upstream_answer"


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        (b"<html><body>Bad Gateway</body></html>\n<p>\n", "<html><body>Bad Gateway</body></html>"),
        (b"upstream connect error", "upstream connect error"),
        (b": hello\r\n\r\nid: 1\r\noops\r\n", "oops"),
        (b"x" * 500, "x" * 80),
    ],
)
def test_a_body_without_events_is_an_error_that_quotes_it(body: bytes, quoted: str) -> None:
    for pieces in ([body], [body[at : at + 1] for at in range(len(body))]):
        (chunk,), ending = decoded(*pieces)
        assert chunk["error"]["message"] == f"The upstream's answer is not a JSON object: {quoted!r}"
        assert ending is Ending.CUT


def test_after_an_event_strange_lines_say_nothing() -> None:
    assert decoded(b'data: {"a":1}\n\n<html>\n') == ([A], Ending.CUT)


@pytest.mark.parametrize(
    ("document", "read"),
    [
        (rb'{"a":"\ud83d"}', {"a": "?"}),
        (b'{"a":"\xff"}', {"a": "\ufffd"}),
        (b'{"a":NaN,"b":-Infinity}', {"a": None, "b": None}),
        (b'{"a":"\x01"}', {"a": "\x01"}),
    ],
)
def test_json_is_read_leniently_where_real_servers_err(document: bytes, read: Json) -> None:
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
    assert len(decoded(*[b": pi", b"ng\n\n"] * 50, b'data: {"a":1}\n\n')[0]) == 1


def test_comments_inside_an_event_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_PENDING", 100)
    assert decoded(b'data: {"a":\n', *[b": ping\n"] * 50, b"data: 1}\n\n")[0] == [A]


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
            b"event: ping\n",
            b"error: ",
            b"null",
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


def test_it_knows_whether_an_event_is_unfinished_and_whether_all_was_said() -> None:
    decoder = ChunkDecoder()
    assert (decoder.idle, decoder.done) == (False, False)
    decoder.feed(b'data: {"a":1}\n\n')
    assert (decoder.idle, decoder.done) == (True, False)
    decoder.feed(b"data: [DO")
    assert not decoder.idle
    decoder.feed(b"NE]\n\n")
    assert decoder.done
