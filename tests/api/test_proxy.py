"""What is not the gateway's own goes to the upstream and back as it is."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import count
from urllib.parse import urlsplit

import httpx2
import pytest

from gw_extproc.settings import Settings
from tests.api.conftest import MAX_BODY, settings
from tests.api.serving import Api, Served, served
from tests.api.upstream_answers import says
from tests.real import chat
from tests.real.upstream import Gate, Head, Step, Stop, Upstream
from tests.sockets import free_port
from tests.waiting import DEADLINE

_NUMBERS = count(1)


@pytest.fixture
def path(upstream: Upstream) -> str:
    """A path that nobody else asks for."""
    return f"/v1/things/{next(_NUMBERS)}"


def given(upstream: Upstream, path: str, *steps: Step) -> None:
    upstream.script(steps, key=path)


def test_a_request_and_its_answer_go_through(api: Api, upstream: Upstream, path: str) -> None:
    given(upstream, path, Head(201, {"content-type": "text/plain", "x-more": "1", "connection": "close", "etag": "e"}), b"do", b"ne")
    answer = api.call("PUT", f"{path}?a=b&a=c%20d", content=b"thing", headers={"x-title": "T", "content-type": "text/plain"})
    assert (answer.status_code, answer.text) == (201, "done")
    assert (answer.headers["x-more"], answer.headers["etag"], answer.headers["content-type"]) == ("1", "e", "text/plain")
    received = upstream.received(path)
    assert (received.method, received.path, received.body) == ("PUT", f"{path}?a=b&a=c%20d", b"thing")
    assert (received.headers["x-title"], received.headers["content-length"]) == ("T", "5")
    assert received.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert "authorization" in received.headers


def test_a_model_call_is_not_touched(api: Api, upstream: Upstream) -> None:
    model = says(upstream)
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "odd": None}
    answer = api.call("POST", "/v1/chat/completions", json=body)
    assert answer.content == chat.completion(content="Hello")
    assert upstream.received(model).chat == body


def test_a_path_is_passed_on_as_it_was_written(api: Api, upstream: Upstream) -> None:
    for path in ("/v1/a%2Fb", "/v1/a%20b", "/v1/gr%C3%B6%C3%9Fe", "/v1/a//b/"):
        given(upstream, path, Head(200, {"content-length": "2"}), b"ok")
        assert api.call("GET", path).text == "ok"
        assert upstream.received(path).path == path


@pytest.mark.parametrize(
    "path",
    ["/v1/../things", "/v1/a/%2e%2E/%2e./things", "/v1/..%2Fthings", "/v1/./things", "/v1/..", "/v1%2Fthings", "/%761/things"],
)
def test_nobody_climbs_out_of_the_upstreams_base_path(server: Served, path: str) -> None:
    """Written as it is, since clients would resolve it themselves."""
    where = urlsplit(server.url)
    connection = HTTPConnection(str(where.hostname), where.port, timeout=DEADLINE)
    connection.request("GET", path)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (404, "unknown_url")
    connection.close()


def test_nobody_chooses_another_host(upstream: Upstream, store_url: str) -> None:
    """After a base URL without a path, `%2F@` would make the upstream a user's name, and the key somebody else's."""
    options: dict[str, object] = {"upstream": f"http://127.0.0.1:{free_port()}", "store": store_url, "upstream_api_key": "ours"}
    with served(Settings.read(options)) as at, Api(at) as api:
        answer = api.call("GET", f"/v1%2F@127.0.0.1:{upstream.port}/things")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_url")


def test_what_is_about_one_connection_goes_no_further(api: Api, upstream: Upstream, path: str) -> None:
    given(upstream, path, Head(200, {"content-length": "2", "connection": "close, X-Theirs", "x-theirs": "1"}), b"ok")
    answer = api.call("GET", path, headers={"connection": "keep-alive, X-Mine", "x-mine": "1", "x-more": "2"})
    assert (answer.text, "x-theirs" in answer.headers) == ("ok", False)
    received = upstream.received(path).headers
    assert ("x-mine" in received, received["x-more"]) == (False, "2")


def test_a_refusal_stays_as_it_is(api: Api, upstream: Upstream, path: str) -> None:
    given(upstream, path, Head(418, {"content-type": "text/html", "retry-after": "9"}), b"<b>no</b>")
    answer = api.call("DELETE", path)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (418, "<b>no</b>", "9")
    assert "content-length" not in upstream.received(path).headers


def test_an_answer_without_a_body(api: Api, upstream: Upstream, path: str) -> None:
    given(upstream, path, Head(204, {"content-length": "0"}))
    assert (api.call("DELETE", path).status_code, api.call("GET", path).content) == (204, b"")
    given(upstream, path, Head(200, {"content-length": "5"}))
    answer = api.call("HEAD", path)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "5", b"")


def test_bodies_may_be_larger_than_those_that_the_gateway_reads(api: Api, upstream: Upstream, path: str) -> None:
    large = secrets.token_bytes(5 * MAX_BODY)
    given(upstream, path, Head(), *[large] * 5)
    answer = api.call("POST", path, content=large)
    assert answer.content == large * 5
    assert upstream.received(path).body == large


def test_a_body_of_unknown_length_streams(api: Api, upstream: Upstream, path: str) -> None:
    given(upstream, path, Head(), b"ok")

    def pieces() -> Iterator[bytes]:
        yield from (b"a", b"b")

    assert api.call("POST", path, content=pieces()).text == "ok"
    received = upstream.received(path)
    assert (received.body, received.headers["transfer-encoding"]) == (b"ab", "chunked")


def test_an_answer_streams(api: Api, upstream: Upstream, path: str) -> None:
    for kind in ("text/event-stream", "application/x-ndjson"):
        gate = Gate()
        given(upstream, path, Head(200, {"content-type": kind}), b"data: 1\n\n", gate, b"data: 2\n\n")
        with api.stream("GET", path) as answer:
            pieces = answer.iter_raw()
            assert next(pieces) == b"data: 1\n\n"
            gate.open()
            assert b"".join(pieces) == b"data: 2\n\n"


def test_the_head_of_an_event_stream_does_not_wait_for_its_first_event(api: Api, upstream: Upstream, path: str) -> None:
    gate = Gate()
    given(upstream, path, chat.EVENTS, gate, b"data: 1\n\n")
    with api.stream("GET", path) as answer:
        assert answer.status_code == 200
        gate.open()
        assert answer.read() == b"data: 1\n\n"


def test_a_client_that_leaves_ends_the_call(api: Api, upstream: Upstream, path: str) -> None:
    given(upstream, path, chat.EVENTS, b"data: 1\n\n", Gate())
    with api.stream("POST", path, json={"a": "b"}) as answer:
        assert next(answer.iter_raw()) == b"data: 1\n\n"
    upstream.received(path).await_gone()


def test_even_where_finishing_is_asked_for(upstream: Upstream, store_url: str, path: str) -> None:
    """That is about responses, which are kept; what only passes through is of no use to anybody."""
    given(upstream, path, chat.EVENTS, b"data: 1\n\n", Gate())
    with served(settings(upstream, store_url, on_disconnect="finish")) as at, Api(at) as api:
        with api.stream("GET", path) as answer:
            next(answer.iter_raw())
        upstream.received(path).await_gone()


@pytest.mark.parametrize(
    ("kind", "said"), [("text/event-stream", b"data: 1\n\n"), ("text/event-stream", b""), ("application/json", b"{")]
)
def test_an_answer_that_breaks_off_is_broken_for_the_client_too(
    api: Api, upstream: Upstream, path: str, kind: str, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    given(upstream, path, Head(200, {"content-type": kind}), *([said] if said else []), Stop.RESET)
    with caplog.at_level(logging.ERROR), pytest.raises(httpx2.RemoteProtocolError):
        api.call("GET", path)
    assert not [record for record in caplog.records if record.exc_info]


def test_one_that_breaks_off_before_anything_was_said_is_an_error(api: Api, upstream: Upstream, path: str) -> None:
    for steps in ([Stop.CLOSE], [Head(200, {"content-type": "application/json"}), Stop.RESET]):
        given(upstream, path, *steps)
        answer = api.call("GET", path)
        assert (answer.status_code, answer.json()["error"]["message"]) == (502, "The upstream broke off.")


def test_an_upstream_that_is_not_there_is_told(upstream: Upstream, store_url: str) -> None:
    with served(settings(upstream, store_url, egress=f"http://127.0.0.1:{free_port()}/v1")) as at, Api(at) as api:
        answer = api.call("POST", "/v1/embeddings", json={})
        assert (answer.status_code, answer.json()["error"]["message"]) == (503, "The upstream cannot be reached.")


def test_the_gateways_own_key_replaces_the_callers(upstream: Upstream, store_url: str, path: str) -> None:
    given(upstream, path, Head(200, {"content-length": "2"}), b"ok")
    with served(settings(upstream, store_url, upstream_api_key="ours")) as at, Api(at) as api:
        api.call("GET", path)
    assert upstream.received(path).headers["authorization"] == "Bearer ours"
