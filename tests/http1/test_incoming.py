"""An answer is read the same however its bytes are cut, and what is no answer is broken."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gw_extproc.http1.errors import Broken
from gw_extproc.http1.incoming import LARGEST_HEAD, Incoming

OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Case:
    """What comes over the connection, until it ends."""

    wire: bytes
    status: int = 200
    body: bytes = b""
    reusable: bool = True
    method: str = "POST"
    ends: bool = False
    """Whether the answer is whole only when the connection has ended."""


CASES = {
    "a length": Case(OK + b"Content-Length: 5\r\n\r\nhello", body=b"hello"),
    "no body": Case(OK + b"content-length: 0\r\n\r\n"),
    "chunks": Case(OK + b"transfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\n\r\n", body=b"hello"),
    "trailers": Case(OK + b"transfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n", body=b"hi"),
    "sizes with spaces": Case(OK + b"transfer-encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n", body=b"hi"),
    "bare line feeds": Case(b"HTTP/1.1 200 OK\ncontent-length: 2\n\nhi", body=b"hi"),
    "no reason": Case(b"HTTP/1.1 404\r\ncontent-length: 2\r\n\r\nno", status=404, body=b"no"),
    "until the end": Case(OK + b"\r\nhello", body=b"hello", reusable=False, ends=True),
    "HTTP/1.0": Case(b"HTTP/1.0 200 OK\r\n\r\nhello", body=b"hello", reusable=False, ends=True),
    "HTTP/1.0 with a length": Case(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", body=b"hi", reusable=False),
    "HTTP/1.0 that stays": Case(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nhi", body=b"hi"),
    "it closes": Case(OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi", body=b"hi", reusable=False),
    "another coding": Case(OK + b"transfer-encoding: gzip\r\n\r\nhi", body=b"hi", reusable=False, ends=True),
    "both lengths": Case(OK + b"content-length: 9\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", body=b"hi"),
    "interim": Case(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi", body=b"hi"
    ),
    "interim that closes": Case(
        b"HTTP/1.1 100 Continue\r\nconnection: close\r\n\r\nHTTP/1.0 102 Wait\r\n\r\n" + OK + b"content-length: 2\r\n\r\nhi", body=b"hi"
    ),
    "204": Case(b"HTTP/1.1 204 No Content\r\n\r\n", status=204),
    "304 with a length": Case(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", status=304),
    "to HEAD": Case(OK + b"content-length: 5\r\n\r\n", method="HEAD", reusable=False),
    "to HEAD, in chunks": Case(OK + b"transfer-encoding: chunked\r\n\r\n", method="HEAD", reusable=False),
    "more than was asked for": Case(
        OK + b"content-length: 2\r\n\r\nhi" + OK + b"content-length: 2\r\n\r\nho", body=b"hi", reusable=False
    ),
    "more, after the end": Case(OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi??", body=b"hi", reusable=False),
    "more than was asked for, after the end": Case(
        OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi" + OK + b"content-length: 2\r\n\r\nho", body=b"hi", reusable=False
    ),
    "more, and no HTTP": Case(OK + b"content-length: 2\r\n\r\nhi??", body=b"hi", reusable=False),
}


def read(case: Case, *pieces: bytes) -> Incoming:
    answer, body = Incoming(case.method), b""
    for piece in pieces:
        answer.feed(piece)
        body += answer.take()
    assert answer.whole is not case.ends
    assert (answer.head is not None, answer.reusable) == (True, case.reusable)
    answer.end()
    assert (answer.whole, answer.reusable, body) == (True, False, case.body)
    return answer


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_any_split_of_the_bytes_gives_the_same_answer(case: Case) -> None:
    wire = case.wire
    splits = [[wire], [wire[i : i + 1] for i in range(len(wire))], *([wire[:cut], wire[cut:]] for cut in range(1, len(wire)))]
    for split in splits:
        head = read(case, *split).head
        assert head is not None
        assert head.status == case.status


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        OK + b"content-length: 5\r\n\r\nhell",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_an_answer_that_ends_too_early_is_broken(wire: bytes) -> None:
    answer = Incoming("POST")
    answer.feed(wire)
    with pytest.raises(Broken):
        answer.end()
    assert not answer.reusable


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        OK + b"content-length: x\r\n\r\n",
        OK + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
        OK + b"name\x00: x\r\n\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_broken(wire: bytes) -> None:
    with pytest.raises(Broken):
        Incoming("POST").feed(wire)


def test_headers_are_lower_case_latin_1_and_all_there() -> None:
    answer = Incoming("GET")
    answer.feed(OK + b"X-Name: Gr\xf6\xdfe \xff\r\nVia: a\r\nvia: b\r\ncontent-length: 0\r\n\r\n")
    assert answer.head is not None
    assert answer.head.headers == {"x-name": "Größe ÿ", "via": "a, b", "content-length": "0"}


def test_a_length_beside_chunks_is_not_passed_on() -> None:
    answer = Incoming("GET")
    answer.feed(CASES["both lengths"].wire)
    assert answer.head is not None
    assert answer.head.headers == {"transfer-encoding": "chunked"}


def test_heads_may_be_large() -> None:
    answer = Incoming("GET")
    one, many = b"x-one: " + b"1" * 60_000 + b"\r\n", b"".join(b"x-%d: %d\r\n" % (i, i) for i in range(2_000))
    assert len(one + many) < LARGEST_HEAD
    for piece in (OK, one[:30_000], one[30_000:], many, b"content-length: 2\r\n\r\nhi"):
        answer.feed(piece)
    assert answer.head is not None
    assert (len(answer.head.headers), answer.take()) == (2_002, b"hi")


@pytest.mark.parametrize(
    "before", [OK + b"x: ", OK + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: "], ids=["head", "trailers"]
)
def test_but_neither_they_nor_trailers_are_without_an_end(before: bytes) -> None:
    answer = Incoming("GET")
    for more in (before, *[b"x" * 1000] * (LARGEST_HEAD // 1000)):
        answer.feed(more)
    with pytest.raises(Broken):
        answer.feed(b"x" * 1000)


def test_a_body_may_be_as_long_as_it_likes() -> None:
    answer = Incoming("GET")
    answer.feed(OK + b"transfer-encoding: chunked\r\n\r\n")
    for _ in range(3 * LARGEST_HEAD // 1000):
        answer.feed(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
    assert len(answer.take()) == 3 * LARGEST_HEAD // 1000 * 1000
