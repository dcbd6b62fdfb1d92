"""The errors of upstream servers, in all their shapes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gw_extproc.core import upstream_errors
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.upstream_errors import LONGEST_MESSAGE, from_object, reshape

FULL = {"message": "no", "type": "t", "param": "p", "code": "c"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"no"}}', "no"),
        (b'[{"error":{"message":"no"}}]', "no"),
        (b'{"error":"no"}', "no"),
        (b'{"message":"no","object":"error"}', "no"),
        (b'{"detail":"no"}', "no"),
        (b'{"detail":[{"loc":["body"],"msg":"no"}]}', '[{"loc":["body"],"msg":"no"}]'),
        (b'{"errors":["no"]}', '["no"]'),
        (b'{"error":{"error_description":"no"}}', "no"),
        (b'{"error":{"message":"","detail":"no"}}', "no"),
        (b'{"error":{"message":{"code":1}}}', '{"code":1}'),
        (b"upstream connect error\n", "upstream connect error"),
        (b"\xff", "\ufffd"),
        (b"503", "503"),
        (b"[]", "The upstream answered with status 503 and no message."),
        (b"", "The upstream answered with status 503 and no message."),
        (b'{"error":null}', "The upstream answered with status 503 and no message."),
        (b"x" * 5000, "x" * LONGEST_MESSAGE),
        (b'{"detail":["%b"]}' % (b"x" * 5000), '["' + "x" * (LONGEST_MESSAGE - 2)),
        (b'{"error":' + b"[" * 300 + b"]" * 300 + b"}", "(nested too deeply to be shown)"),
    ],
)
def test_every_shape_has_its_message(body: bytes, message: str) -> None:
    error = reshape(503, body)
    assert (error.message, error.status, error.type) == (message, 503, "server_error")


def test_type_param_and_code_are_kept() -> None:
    assert reshape(400, orjson.dumps({"error": FULL})).detail() == FULL


@pytest.mark.parametrize("wrong", [None, "", [], {}, False])
def test_what_is_missing_or_wrong_is_null_and_the_status_gives_the_type(wrong: Any) -> None:
    error = reshape(429, orjson.dumps({"error": {"message": "no", "type": wrong, "param": wrong, "code": wrong or None}}))
    assert error.detail() == {"message": "no", "type": "rate_limit_error", "param": None, "code": None}


def test_codes_may_be_numbers_but_nothing_else() -> None:
    assert from_object({"message": "no", "code": 1301}).code == "1301"
    assert from_object({"message": "no", "code": {"no": 1}}).code is None


@pytest.mark.parametrize("name", ["status", "status_code", "code"])
def test_an_error_in_a_stream_may_carry_its_status(name: str) -> None:
    error = from_object({"message": "no", name: 429})
    assert (error.status, error.type) == (429, "rate_limit_error")


@pytest.mark.parametrize("value", [None, "rate_limited", "429", 200, 4290, 429.5, []])
def test_without_a_status_the_fault_is_the_upstreams(value: Any) -> None:
    assert from_object({"message": "no", "status": value}).status == 502


@pytest.mark.parametrize(("given", "message"), [("no", "no"), (["no"], '["no"]'), (True, "true"), (5, "5")])
def test_an_error_may_be_anything(given: Any, message: str) -> None:
    assert from_object(given).message == message


@pytest.mark.parametrize(
    ("code", "status", "told"),
    [
        ("context_length_exceeded", 400, "context_length_exceeded"),
        ("insufficient_quota", 429, "insufficient_quota"),
        ("rate_limited", 429, "rate_limit_exceeded"),
        (None, 400, "invalid_prompt"),
        (None, 422, "invalid_prompt"),
        ("whatever", 502, "server_error"),
    ],
)
def test_a_failed_response_has_a_code_that_clients_know(code: str | None, status: int, told: str) -> None:
    assert upstream_errors.response_code(UpstreamError("no", status=status, code=code)) == told
