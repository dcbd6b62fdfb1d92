"""What holds for every path: what is unknown, what is refused, what is passed on, and what probes are told."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import pytest

from gw_extproc.api.operations import OPERATIONS
from tests import valkey
from tests.api.conftest import MAX_BODY, settings
from tests.api.serving import Api, Served, good, served
from tests.api.upstream_answers import says
from tests.real import chat
from tests.real import upstream as upstreams
from tests.real.upstream import Upstream
from tests.waiting import until


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1/nothing"),
        ("POST", "/v1/responses/resp_1/cancel/now"),
        ("GET", "/v1/responses/"),
        ("GET", "/v1/conversations/conv_1/items/msg_1/parts"),
        ("PATCH", "/v1/conversations/"),
        ("GET", "/nothing"),
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v2/responses"),
    ],
)
def test_an_unknown_path_is_404(api: Api, method: str, path: str) -> None:
    status, error = api.refused(method, path)
    message = f"Unknown request URL: {method} {path}. Please check the URL for typos."
    assert (status, error["message"], error["param"], error["code"]) == (404, message, None, "unknown_url")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/responses", "POST"),
        ("PUT", "/v1/responses/resp_1", "GET, DELETE"),
        ("GET", "/v1/responses/compact", "POST"),
        ("POST", "/v1/responses/resp_1/input_items", "GET"),
        ("GET", "/v1/responses/resp_1/cancel", "POST"),
        ("OPTIONS", "/v1/conversations", "POST"),
        ("PATCH", "/v1/conversations/conv_1", "GET, POST, DELETE"),
        ("DELETE", "/v1/models/small", "GET"),
        ("POST", "/readyz", "GET"),
    ],
)
def test_a_wrong_method_is_405(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.json()["error"] == {
        "message": f"Invalid method for URL ({method} {path}).",
        "type": "invalid_request_error",
        "param": None,
        "code": "method_not_allowed",
    }


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.body is not None], ids=lambda each: each.id)
def test_every_body_is_read_alike(api: Api, operation: object) -> None:
    method, path = operation.method, operation.path.format(conversation_id="conv_1", prompt_id="pmpt_1")  # type: ignore[attr-defined]

    def refused(status: int, code: str, content: bytes, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        found, error = api.refused(method, path, content=content, headers=named)
        assert (found, error["code"]) == (status, code), error

    refused(400, "invalid_json", b"{")
    refused(400, "invalid_type", b"[]")
    refused(413, "request_too_large", b"{}" + b" " * MAX_BODY)
    refused(413, "request_too_large", gzip.compress(b" " * (MAX_BODY + 1)), content_encoding="gzip")
    refused(400, "invalid_body", b"no gzip", content_encoding="gzip")
    refused(415, "unsupported_content_encoding", b"{}", content_encoding="br")
    refused(415, "unsupported_media_type", b"{}", content_type="text/plain")


def test_a_body_may_be_compressed(api: Api) -> None:
    body = gzip.compress(orjson.dumps({"metadata": {"a": "b"}}))
    assert good(api.call("POST", "/v1/conversations", content=body, headers={"content-encoding": "gzip"}))["metadata"] == {"a": "b"}


@pytest.mark.parametrize(
    ("query", "param", "code", "message"),
    [
        (
            "limit=0",
            "limit",
            "integer_below_min_value",
            "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0",
        ),
        ("limit=x", "limit", "invalid_type", "Invalid type for 'limit': expected an integer, but got 'x' instead."),
        ("order=up", "order", "invalid_value", "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."),
        ("include[]=x", "include[0]", "invalid_value", "Invalid value: 'x'. Supported values are: 'file_search_call.results', "),
    ],
)
def test_a_wrong_parameter_is_refused_by_its_name(api: Api, query: str, param: str, code: str, message: str) -> None:
    status, error = api.refused("GET", f"/v1/conversations/conv_1/items?{query}")
    assert (status, error["param"], error["code"]) == (400, param, code)
    assert error["message"].startswith(message)


def test_other_paths_are_the_upstreams(api: Api, upstream: Upstream) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="Hello")])
    found = good(api.call("POST", "/v1/chat/completions?a=b", json={"model": model}))
    assert found["choices"][0]["message"]["content"] == "Hello"
    assert upstream.received(model).path == "/v1/chat/completions?a=b"


def test_a_head_is_a_get_without_a_body(api: Api) -> None:
    answer = api.call("HEAD", "/healthz")
    assert (answer.status_code, answer.content) == (200, b"")


@contextmanager
def probed(upstream: Upstream, store: str, **options: object) -> Iterator[tuple[Api, Served]]:
    with served(settings(upstream, store, store_timeout=0.5, **options)) as server, Api(server) as api:
        yield api, server


def ready(api: Api) -> tuple[int, dict[str, str]]:
    answer = api.call("GET", "/readyz")
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


def test_probes_are_told_what_is_there(store_url: str) -> None:
    with valkey.running() as store, upstreams.running() as own:
        own.script([chat.JSON, b"{}"], key="/v1/models")
        with probed(own, store.url) as (api, server):
            until(lambda: ready(api) == (200, {"status": "ok", "store": "up", "upstream": "up"}), "a store that is up")
            store.kill()
            until(lambda: ready(api) == (503, {"status": "unavailable", "store": "down", "upstream": "up"}), "a store that is down")
            assert api.get("/healthz") == {"status": "ok"}
            store.start()
            until(lambda: ready(api)[0] == 200, "a store that is back")
            server.drain()
            until(lambda: ready(api) == (503, {"status": "draining", "store": "up", "upstream": "up"}), "a server that stops")


def test_an_upstream_that_is_away_is_said(store_url: str) -> None:
    with upstreams.running() as gone:
        pass
    with probed(gone, store_url) as (api, _):
        assert ready(api) == (503, {"status": "unavailable", "store": "up", "upstream": "down"})


def test_an_upstream_that_says_nothing_is_not_waited_for(store_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = Upstream()
        mute.port = silent.getsockname()[1]
        with probed(mute, store_url) as (api, _):
            assert ready(api)[1]["upstream"] == "down"


def test_reads_are_refused_while_the_store_is_down(upstream: Upstream) -> None:
    with valkey.running() as store, probed(upstream, store.url) as (api, _):
        response = api.post("/v1/responses", {"model": says(upstream), "input": "hi"})
        store.kill()
        answer = api.call("GET", f"/v1/responses/{response['id']}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert api.call("POST", "/v1/conversations").status_code == 503
        store.start()
        until(lambda: api.call("GET", f"/v1/responses/{response['id']}").status_code == 200, "a store that is back")


def test_a_caller_without_a_name_is_refused_where_one_is_needed(upstream: Upstream, store_url: str) -> None:
    with probed(upstream, store_url, tenant_header="x-tenant") as (api, _):
        assert api.refused("POST", "/v1/conversations")[0] == 401
        made = good(api.call("POST", "/v1/conversations", headers={"x-tenant": "a"}))
        place = f"/v1/conversations/{made['id']}"
        assert api.refused("GET", place, headers={"x-tenant": "b"})[0] == 404
        assert good(api.call("GET", place, headers={"x-tenant": "a"})) == made
