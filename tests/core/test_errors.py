"""Errors as clients see them: OpenAI's error object."""

from __future__ import annotations

import orjson
import pytest

from gw_extproc.core.errors import (
    BodyTooLarge,
    CallerError,
    GatewayError,
    InternalError,
    TooDeep,
    UnsupportedMediaType,
    UpstreamError,
    encode,
    encode_item,
    quote,
    shorten,
    unsupported,
)


@pytest.mark.parametrize(
    ("error", "status", "type"),
    [
        (CallerError("no"), 400, "invalid_request_error"),
        (BodyTooLarge("no"), 413, "invalid_request_error"),
        (UnsupportedMediaType("no"), 415, "invalid_request_error"),
        (TooDeep(), 400, "invalid_request_error"),
        (UpstreamError("no"), 502, "server_error"),
        (UpstreamError("no", status=429, type="rate_limit_error"), 429, "rate_limit_error"),
        (InternalError(), 500, "server_error"),
    ],
)
def test_every_error_knows_its_status_and_its_object(error: GatewayError, status: int, type: str) -> None:
    assert error.status == status
    body = orjson.loads(error.body())
    assert body == {"error": error.detail()}
    assert list(body["error"]) == ["message", "type", "param", "code"]
    assert body["error"]["type"] == type
    assert str(error) == error.message


def test_an_error_carries_headers_of_its_own() -> None:
    first, second = UpstreamError("slow down", status=429, code="rate_limit_exceeded", param="model"), UpstreamError("no")
    first.headers = {"retry-after": "1"}
    assert second.headers == {}
    assert (first.detail()["code"], first.detail()["param"]) == ("rate_limit_exceeded", "model")


def test_what_is_not_supported_is_named() -> None:
    error = unsupported("input[0]", "this gateway keeps no files yet")
    assert error.message == "Unsupported value for 'input[0]': this gateway keeps no files yet."
    assert (error.code, error.param, error.status) == ("unsupported_value", "input[0]", 400)


def test_long_quotes_are_cut() -> None:
    assert shorten("x" * 65) == "x" * 64 + "..."
    assert quote("x" * 64) == f"'{'x' * 64}'"
    assert quote("x" * 65) == f"'{'x' * 64}...'"


def test_our_own_fault_is_told_blandly() -> None:
    assert InternalError().detail() == {
        "message": "The gateway failed to process this request.",
        "type": "server_error",
        "param": None,
        "code": "internal_error",
    }


def test_what_can_be_read_but_not_written_again_is_the_callers_fault() -> None:
    assert encode({"a": [1]}) == b'{"a":[1]}'
    deep = orjson.loads(b"[" * 400 + b"]" * 400)
    with pytest.raises(TooDeep) as caught:
        encode(deep)
    assert (caught.value.message, caught.value.code) == ("The request body is nested too deeply.", "invalid_json")


def test_an_item_that_is_kept_can_be_given_back() -> None:
    assert encode_item({"a": [1]}) == b'{"a":[1]}'
    for depth in range(240, 260):
        item = orjson.loads(b"[" * depth + b"]" * depth)
        try:
            encode_item(item)
        except TooDeep:
            continue
        encode({"type": "response.completed", "response": {"output": [item]}})
