"""The errors of upstream servers, in all their shapes."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gw_extproc.core import upstream_errors
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.upstream_errors import LONGEST_MESSAGE, from_document, in_chunk, reshape

FULL = {"message": "no", "type": "t", "param": "p", "code": "c"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"no"}}', "no"),
        (b'[{"error":{"message":"no"}}]', "no"),
        (b'{"error":"no"}', "no"),
        (b'{"message":"no","object":"error"}', "no"),
        (b'{"detail":"no"}', "no"),
        (b'{"detail":[{"loc":["body","messages",0,[]],"msg":"no"},{"msg":"too"}]}', "body.messages.0: no"),
        (b'{"detail":[{"loc":[],"msg":"no"}]}', "no"),
        (b'{"detail":{"message":"no"}}', "no"),
        (b'{"detail":{"a":1}}', '{"a":1}'),
        (b'{"errors":["no"]}', "no"),
        (b'{"errors":["no","never"]}', '["no","never"]'),
        (b'{"result":null,"success":false,"errors":[{"code":7003,"message":"no"}]}', "no"),
        (b'{"error":{"errors":[{"message":"no"}],"message":"outer"}}', "no"),
        (b'{"error":{"error":{"error":{"message":"no"}}},"message":"outer"}', "no"),
        (b'{"error":"outer","error_description":"no"}', "no"),
        (b'{"base_resp":{"status_code":1004,"status_msg":"no"}}', "no"),
        (b'{"fault":{"faultstring":"no","detail":{"errorcode":"c"}}}', "no"),
        (b'{"error_code":17,"error_msg":"no"}', "no"),
        (b'{"Message":"no"}', "no"),
        (b'{"errorMessage":"no"}', "no"),
        (b'{"description":"no"}', "no"),
        (b'{"error":{"error_description":"no"}}', "no"),
        (b'{"error":{"message":"","detail":"no"}}', "no"),
        (b'{"error":{"message":{"code":1}}}', '{"message":{"code":1}}'),
        (b'{"message":{"code":1}}', '{"code":1}'),
        (b"upstream connect error\n", "upstream connect error"),
        (b"\xff", "\ufffd"),
        (b"503", "503"),
        (b"[]", "The upstream answered with status 503 and no message."),
        (b"", "The upstream answered with status 503 and no message."),
        (b'{"error":null}', "The upstream answered with status 503 and no message."),
        (b"x" * 5000, "x" * LONGEST_MESSAGE),
        (b'{"error":{"message":"%b"}}' % (b"x" * 5000), "x" * LONGEST_MESSAGE),
        (b'{"errors":["%b",""]}' % (b"x" * 5000), '["' + "x" * (LONGEST_MESSAGE - 2)),
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
    assert from_document({"message": "no", "code": 1301}).code == "1301"
    assert from_document({"message": "no", "code": {"no": 1}}).code is None


@pytest.mark.parametrize("name", ["status", "status_code", "code"])
def test_an_error_in_a_stream_may_carry_its_status(name: str) -> None:
    error = from_document({"message": "no", name: 429})
    assert (error.status, error.type) == (429, "rate_limit_error")


@pytest.mark.parametrize("name", ["status", "status_code", "statusCode", "http_code", "code"])
@pytest.mark.parametrize("value", [429, "429"])
def test_a_status_has_many_names_and_may_be_a_text(name: str, value: Any) -> None:
    assert from_document({"error": {"message": "no"}, name: value}).status == 429


@pytest.mark.parametrize("value", [None, "rate_limited", "4290", "²²²", "200", 200, 4290, 429.5, []])
def test_without_a_status_the_fault_is_the_upstreams(value: Any) -> None:
    assert from_document({"message": "no", "status": value}).status == 502


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("invalid_request_error", 400),
        ("INVALID_ARGUMENT", 400),
        ("BadRequestError", 400),
        ("content_filter", 400),
        ("context_length_exceeded", 400),
        ("authentication_error", 401),
        ("invalid_api_key", 401),
        ("UNAUTHENTICATED", 401),
        ("permission_error", 403),
        ("PERMISSION_DENIED", 403),
        ("NOT_FOUND", 404),
        ("not_found_error", 404),
        ("model_not_found", 404),
        ("insufficient_quota", 429),
        ("rate_limit_error", 429),
        ("rate_limit_exceeded", 429),
        ("RESOURCE_EXHAUSTED", 429),
        ("too_many_requests", 429),
        ("overloaded_error", 503),
        ("UNAVAILABLE", 503),
    ],
)
@pytest.mark.parametrize("name", ["code", "type", "status"])
def test_a_status_may_be_said_in_words(name: str, word: str, status: int) -> None:
    assert from_document({"error": {"message": "no", name: word.upper()}}).status == status


def test_the_number_counts_before_the_word_and_the_inner_layer_before_the_outer() -> None:
    assert from_document({"error": {"type": "invalid_request_error", "message": "no"}, "status": 429}).status == 429
    assert from_document({"error": {"status": 404, "message": "no"}, "status": 500}).status == 404


def test_the_status_that_is_known_counts_before_all_others() -> None:
    assert from_document({"error": {"status": 404, "message": "no"}}, 503).status == 503


def test_the_kind_is_that_of_the_inner_layer() -> None:
    error = from_document({"type": "error", "error": {"type": "overloaded_error", "message": "no"}})
    assert (error.type, error.status) == ("overloaded_error", 503)


class TestChunks:
    @pytest.mark.parametrize(
        ("chunk", "message"),
        [
            ({"error": {"message": "no"}}, "no"),
            ({"error": {"message": "no"}, "choices": [{"delta": {}}]}, "no"),
            ({"error": "no", "choices": []}, "no"),
            ({"error": {"code": 500}, "choices": []}, '{"code":500}'),
            ({"error": {"code": 0}}, '{"code":0}'),
            ({"object": "error", "message": "no"}, "no"),
            ({"object": "error"}, "The upstream answered with status 502 and no message."),
            ({"detail": "no"}, "no"),
            ({"errors": [{"message": "no"}], "success": False}, "no"),
            ({"fault": {"faultstring": "no"}}, "no"),
            ({"base_resp": {"status_code": 1004, "status_msg": "no"}, "choices": None}, "no"),
            ({"code": 1301, "message": "no"}, "no"),
            ({"code": "InvalidParameter", "message": "no", "request_id": "x"}, "no"),
            ({"error_code": 336, "error_msg": "no"}, "no"),
            ({"error": {"code": 429, "message": "no"}, "choices": []}, "no"),
            ({"status_code": 400, "description": "no"}, "no"),
        ],
    )
    def test_that_are_errors(self, chunk: dict[str, Any], message: str) -> None:
        error = in_chunk(chunk)
        assert error is not None
        assert error.message == message

    @pytest.mark.parametrize(
        "chunk",
        [
            {},
            {"error": None},
            {"error": {}},
            {"error": {}, "choices": [{"delta": {}}]},
            {"error": {"code": 0, "message": ""}, "choices": [{"delta": {}}]},
            {"error": {"code": None, "message": None}, "choices": [], "usage": {}},
            {"error": "", "choices": []},
            {"choices": [], "object": "error"},
            {"choices": [], "code": 500, "message": "ok", "detail": "ok"},
            {"choices": [], "base_resp": {"status_code": 1004}},
            {"base_resp": {"status_code": 0, "status_msg": ""}},
            {"base_resp": "ok"},
            {"errors": [], "success": True},
            {"code": 0, "message": "ok"},
            {"code": 102, "message": "queued"},
            {"code": "Success", "message": "ok"},
            {"error": {"code": 200, "message": "success"}, "choices": []},
            {"code": 200, "message": "ok"},
            {"code": "200", "msg": "ok"},
            {"code": "0", "msg": "ok"},
            {"code": 500, "message": ""},
            {"code": 500, "message": {"content": "a"}},
            {"message": "working on it"},
            {"type": "ping"},
            {"type": "keepalive", "status": "processing"},
        ],
    )
    def test_that_are_none(self, chunk: dict[str, Any]) -> None:
        assert in_chunk(chunk) is None


@pytest.mark.parametrize(("given", "message"), [("no", "no"), (["no"], '["no"]'), (True, "true"), (5, "5")])
def test_an_error_may_be_anything(given: Any, message: str) -> None:
    assert from_document(given).message == message


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
