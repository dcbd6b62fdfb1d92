"""What goes out: what was asked for, as it was written, and the end of the body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest

from gw_extproc.http1 import outgoing
from gw_extproc.http1.errors import Broken
from gw_extproc.http1.outgoing import Content


async def pieces() -> AsyncIterator[bytes]:
    yield b"a"


@pytest.mark.parametrize(
    ("method", "headers", "content", "framed"),
    [
        ("POST", {}, b"four", {"content-length": "4"}),
        ("POST", {"content-length": "9", "a": "b"}, b"four", {"a": "b", "content-length": "4"}),
        ("POST", {}, b"", {"content-length": "0"}),
        ("GET", {"content-length": "9"}, None, {}),
        ("DELETE", {}, None, {}),
        ("PUT", {}, None, {"content-length": "0"}),
        ("POST", {}, pieces(), {"transfer-encoding": "chunked"}),
        ("POST", {"content-length": "1"}, pieces(), {"content-length": "1"}),
        ("POST", {"content-length": "1", "transfer-encoding": "gzip"}, pieces(), {"content-length": "1"}),
    ],
)
def test_the_end_of_the_body_is_told(method: str, headers: Mapping[str, str], content: Content, framed: Mapping[str, str]) -> None:
    assert outgoing.framed(method, headers, content) == framed


@pytest.mark.parametrize("path", ["/a%2Fb//c/?q=a+b&r=%zz|{}[]^`\"<>\\'", "/", "/../a"])
def test_a_path_stays_as_it_is_written(path: str) -> None:
    assert outgoing.target(path) == path


@pytest.mark.parametrize(
    ("path", "escaped"), [("/größe", "/gr%C3%B6%C3%9Fe"), ("/a b", "/a%20b"), ("/a\r\nb: c\0", "/a%0D%0Ab:%20c%00")]
)
def test_only_what_cannot_stand_there_is_escaped(path: str, escaped: str) -> None:
    assert outgoing.target(path) == escaped


def test_a_head_is_latin_1() -> None:
    assert (
        outgoing.head("GET", "/v1", {"host": "h", "x-size": "Größe\x80"})
        == b"GET /v1 HTTP/1.1\r\nhost: h\r\nx-size: Gr\xf6\xdfe\x80\r\n\r\n"
    )


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a\nx: y", "a\rb", "a\0b"])
def test_no_value_begins_another_line(bad: str) -> None:
    with pytest.raises(Broken):
        outgoing.head("GET", "/", {"x": bad})
    with pytest.raises(Broken):
        outgoing.head("GET", "/", {bad: "x"})
