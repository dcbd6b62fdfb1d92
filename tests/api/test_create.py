"""POST /v1/responses over HTTP: what goes out at once, what happens to whoever leaves, and what errors look like."""

from __future__ import annotations

import gzip
import json
import secrets
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from gw_extproc.schema import answers
from tests import valkey
from tests.api.conftest import MAX_BODY, settings
from tests.api.serving import Api, Served, good, served, strictly
from tests.api.upstream_answers import says
from tests.events import Json, events, events_of
from tests.real import chat
from tests.real.upstream import Gate, Stop, Upstream
from tests.real.upstream import Head as Answered
from tests.waiting import DEADLINE, until

RESPONSES = "/v1/responses"


@pytest.fixture(scope="module")
def finishing(upstream: Upstream, store_url: str) -> Iterator[Served]:
    with served(settings(upstream, store_url, on_disconnect="finish")) as server:
        yield server


def asked(model: str, **fields: object) -> Json:
    return {"model": model, "input": "hello", **fields}


def begun(api: Api, model: str) -> str:
    """The id of a streamed response that the client leaves after its first words."""
    said = b""
    with api.stream("POST", RESPONSES, json=asked(model, stream=True)) as answer:
        for piece in answer.iter_raw():
            said += piece
            if b"Hel" in said:
                break
    id: str = events(said)[0]["response"]["id"]
    return id


def is_stored(api: Api, id: str) -> bool:
    return api.call("GET", f"{RESPONSES}/{id}").status_code == 200


def test_an_object(api: Api, upstream: Upstream) -> None:
    answer = api.call("POST", RESPONSES, json=asked(says(upstream)))
    response = good(answer)
    strictly(answers.Response, response)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert api.get(f"{RESPONSES}/{response['id']}") == response


def test_a_stream(api: Api, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    answer = api.call("POST", RESPONSES, json=asked(model, stream=True))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert "content-length" not in answer.headers
    response = events_of(answer.text)[-1]["response"]
    strictly(answers.Response, response)
    assert api.get(f"{RESPONSES}/{response['id']}") == response


def test_events_go_out_as_they_come(api: Api, upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    with api.stream("POST", RESPONSES, json=asked(model, stream=True)) as answer:
        pieces = answer.iter_raw()
        said = next(pieces)
        while b"Hel" not in said:
            said += next(pieces)
        gate.open()
        said += b"".join(pieces)
    assert events(said)[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"


def test_who_reads_the_terminal_event_finds_the_response_elsewhere_too(upstream: Upstream, finishing: Served, server: Served) -> None:
    key = secrets.token_hex(8)
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hello"), chat.finish(), gate])
    body = asked(model, stream=True)
    with Api(server, key) as here, Api(finishing, key) as there, here.stream("POST", RESPONSES, json=body) as answer:
        said, pieces = b"", answer.iter_raw()
        while b"response.completed" not in said:
            said += next(pieces)
        response = events(said)[-1]["response"]
        assert there.get(f"{RESPONSES}/{response['id']}") == response
        gate.open()


def test_a_client_that_leaves_breaks_it_off(api: Api, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), Gate()])
    id = begun(api, model)
    upstream.received(model).await_gone()
    until(lambda: is_stored(api, id), "the record")
    response = api.get(f"{RESPONSES}/{id}")
    strictly(answers.Response, response)
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert response["output"][0]["content"][0]["text"] == "Hel"


def test_where_the_settings_want_it_finished_it_is(finishing: Served, upstream: Upstream) -> None:
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    with Api(finishing) as api:
        id = begun(api, model)
        assert not is_stored(api, id)
        gate.open()
        until(lambda: is_stored(api, id), "the record")
        response = api.get(f"{RESPONSES}/{id}")
        assert (response["status"], response["output"][0]["content"][0]["text"]) == ("completed", "Hello")


def test_a_server_that_stops_finishes_what_has_no_client_any_more(upstream: Upstream, store_url: str) -> None:
    gate, key = Gate(), secrets.token_hex(8)
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    with served(settings(upstream, store_url, on_disconnect="finish")) as at, Api(at, key) as api:
        id = begun(api, model)
        at.stop()
        gate.open()
    with served(settings(upstream, store_url)) as at, Api(at, key) as api:
        assert api.get(f"{RESPONSES}/{id}")["status"] == "completed"


def test_a_client_that_leaves_before_the_model_answers_ends_the_call(server: Served, upstream: Upstream) -> None:
    model = upstream.script([Gate()])
    where = urlsplit(server.url)
    client = HTTPConnection(str(where.hostname), where.port, timeout=DEADLINE)
    client.request("POST", RESPONSES, json.dumps(asked(model)))
    received = upstream.received(model)
    client.close()
    received.await_gone()


def test_the_query_and_the_headers_reach_the_model(api: Api, upstream: Upstream) -> None:
    model = says(upstream)
    good(api.call("POST", f"{RESPONSES}?api-version=1", json=asked(model), headers={"x-title": "Größe".encode("latin-1")}))
    received = upstream.received(model)
    assert received.path == "/v1/chat/completions?api-version=1"
    assert received.headers["x-title"] == "Größe"


def test_a_compressed_body_is_read(api: Api, upstream: Upstream) -> None:
    body = gzip.compress(json.dumps(asked(says(upstream))).encode())
    good(api.call("POST", RESPONSES, content=body, headers={"content-encoding": "gzip", "content-type": "application/json"}))


def test_an_alias_stands_for_a_model(api: Api, upstream: Upstream) -> None:
    upstream.script([chat.JSON, chat.completion(content="Hello")], key="small")
    good(api.call("POST", RESPONSES, json=asked("fast")))
    assert upstream.received("small").path == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("sent", "status", "code", "param"),
    [
        ({"content": b"{"}, 400, "invalid_json", None),
        ({"json": []}, 400, "invalid_type", None),
        ({"json": {"input": "a"}}, 400, "missing_required_parameter", "model"),
        (
            {"json": {"model": "m", "input": "a", "previous_response_id": "resp_1"}},
            404,
            "previous_response_not_found",
            "previous_response_id",
        ),
        ({"json": {"model": "m", "input": "a", "conversation": {"id": "conv_1"}}}, 404, None, "conversation"),
        ({"json": {"model": "m", "input": "a" * MAX_BODY}}, 413, "request_too_large", None),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, 415, "unsupported_media_type", None),
        ({"content": b"{}", "headers": {"content-encoding": "br"}}, 415, "unsupported_content_encoding", None),
    ],
)
def test_what_cannot_be_honoured_is_refused(api: Api, sent: Json, status: int, code: str | None, param: str | None) -> None:
    found, error = api.refused("POST", RESPONSES, **sent)
    assert (found, error["code"], error["param"]) == (status, code, param)


def test_a_stream_that_begins_with_an_error_is_an_http_error(api: Api, upstream: Upstream) -> None:
    model = upstream.script(chat.refusal(429, {"error": {"message": "Slow down."}}, retry_after="7"))
    for stream in (True, False):
        answer = api.call("POST", RESPONSES, json=asked(model, stream=stream))
        assert (answer.status_code, answer.json()["error"]["message"], answer.headers["retry-after"]) == (429, "Slow down.", "7")


def test_an_upstream_that_breaks_off_is_told(api: Api, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), Stop.RESET])
    told = events_of(api.call("POST", RESPONSES, json=asked(model, stream=True)).text)
    assert [event["type"] for event in told[-2:]] == ["error", "response.failed"]
    model = upstream.script([Answered(200, {"content-type": "application/json"}), b"{", Stop.RESET])
    assert api.call("POST", RESPONSES, json=asked(model)).status_code == 502


def test_a_store_that_is_away_is_told(upstream: Upstream) -> None:
    with valkey.running() as store, served(settings(upstream, store.url, store_retries=0)) as at, Api(at) as api:
        first = api.post(RESPONSES, asked(says(upstream)))
        store.kill()
        found = api.call("POST", RESPONSES, json=asked(says(upstream), previous_response_id=first["id"]))
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
        assert found.json()["error"]["code"] == "store_unavailable"

        def noticed() -> bool:
            answer = api.call("POST", RESPONSES, json=asked(says(upstream)))
            assert good(answer)["store"] is False
            return answer.headers.get("x-gateway-notice") == "not stored: store"

        until(noticed, "that it is known to be away")
        store.start()
        until(lambda: api.post(RESPONSES, asked(says(upstream)))["store"] is True, "the store")
        assert api.get(f"{RESPONSES}/{first['id']}") == first


def test_a_header_names_the_tenant_where_the_settings_say_so(upstream: Upstream, store_url: str) -> None:
    with served(settings(upstream, store_url, tenant_header="x-tenant")) as at, Api(at) as api, Api(at) as other:
        body = asked(says(upstream))
        assert api.refused("POST", RESPONSES, json=body)[0] == 401
        id = good(api.call("POST", RESPONSES, json=body, headers={"x-tenant": "1"}))["id"]
        for caller, tenant, status in ((api, "1", 200), (other, "1", 200), (api, "2", 404)):
            assert caller.call("GET", f"{RESPONSES}/{id}", headers={"x-tenant": tenant}).status_code == status
        assert api.call("GET", f"{RESPONSES}/{id}").status_code == 401
        for both in ([("x-tenant", "1"), ("x-tenant", "2")], [("x-tenant", "2"), ("x-tenant", "1")]):
            assert api.call("GET", f"{RESPONSES}/{id}", headers=both).status_code == 404


def test_one_tenant_may_be_everybody(upstream: Upstream, store_url: str) -> None:
    with served(settings(upstream, store_url, tenant="team")) as at, Api(at) as api, Api(at) as other:
        id = api.post(RESPONSES, asked(says(upstream)))["id"]
        assert other.get(f"{RESPONSES}/{id}")["id"] == id
