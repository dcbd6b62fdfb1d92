"""The body of a request: what may be read, how large it may be, and that any split of its bytes is the same body."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.bodies import RequestBody
from gw_extproc.core.errors import CallerError

LIMIT = 1000


def body(*pieces: bytes, limit: int = LIMIT, **headers: str) -> bytes:
    """What is read of a body that comes in these pieces."""
    reading = RequestBody({name.replace("_", "-"): value for name, value in headers.items()}, limit)
    for piece in pieces:
        reading.feed(piece)
    return reading.take()


def refusal(*pieces: bytes, limit: int = LIMIT, **headers: str) -> tuple[int, str | None, str]:
    with pytest.raises(CallerError) as caught:
        body(*pieces, limit=limit, **headers)
    return caught.value.status, caught.value.code, caught.value.message


def split(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]


ENCODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
}


@given(st.binary(max_size=LIMIT), st.lists(st.integers(0), max_size=4), st.sampled_from(sorted(ENCODINGS)))
def test_any_split_of_any_body_is_the_same_body(text: bytes, at: list[int], encoding: str) -> None:
    assert body(*split(ENCODINGS[encoding](text), at), content_encoding=encoding) == text


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json", "application/json;charset=utf-8"]
)
def test_what_is_json_by_its_type_is_read(kind: str) -> None:
    assert body(b"{}", content_type=kind) == b"{}"
    assert body(b"{}") == b"{}"


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=json", "application/jsonl", "", "json"])
def test_what_is_not_is_refused_before_it_is_read(kind: str) -> None:
    status, code, message = refusal(content_type=kind)
    assert (status, code) == (415, "unsupported_media_type")
    assert message.startswith("The request body must be application/json, not '")


def test_an_encoding_that_nothing_reads_is_refused_before_it_is_read() -> None:
    for encoding in ("br", "zstd", "gzip, gzip", "x" * 10_000):
        status, code, message = refusal(content_encoding=encoding)
        assert (status, code) == (415, "unsupported_content_encoding")
        assert len(message) < 200


def test_a_body_may_be_as_large_as_the_limit_and_not_larger() -> None:
    assert len(body(b"x" * LIMIT)) == LIMIT
    assert len(body(gzip.compress(b"x" * LIMIT), content_encoding="gzip")) == LIMIT
    too_large = (413, "request_too_large", "The request body is larger than 1000 bytes.")
    assert refusal(b"x" * LIMIT, b"x") == too_large
    assert refusal(gzip.compress(b"x" * (LIMIT + 1)), content_encoding="gzip") == too_large


def test_one_that_announces_too_much_is_refused_before_it_is_read() -> None:
    assert refusal(content_length=str(LIMIT + 1))[:2] == (413, "request_too_large")
    assert body(b"{}", content_length=str(LIMIT)) == b"{}"
    assert body(b"{}", content_length="many") == b"{}"


def test_a_bomb_is_refused_at_the_limit() -> None:
    bomb = gzip.compress(bytes(20_000_000))
    assert refusal(bomb, content_encoding="gzip")[:2] == (413, "request_too_large")


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_not_compressed_as_it_says_is_refused(encoding: str) -> None:
    message = "The request body is not compressed as its content-encoding says."
    assert refusal(b'{"model": "m"}', content_encoding=encoding) == (400, "invalid_body", message)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_that_is_cut_off_is_refused(encoding: str) -> None:
    cut = ENCODINGS[encoding](b'{"model": "m"}')[:-5]
    message = "The request body ends before its compression does."
    assert refusal(cut, content_encoding=encoding) == (400, "invalid_body", message)


def test_nothing_of_a_body_is_kept_once_it_was_taken() -> None:
    reading = RequestBody({}, LIMIT)
    reading.feed(b"{}")
    assert (reading.take(), reading.take()) == (b"{}", b"")
