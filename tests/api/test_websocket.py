"""The WebSocket transport: turns one after the other, what lives in the connection, and how it ends."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection
from websockets.typing import Origin

from tests import valkey
from tests.api.conftest import MAX_BODY, settings
from tests.api.serving import Api, Served, served
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Gate, Stop, Upstream
from tests.waiting import DEADLINE, until

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
NOT_FOUND = (404, "previous_response_not_found", "previous_response_id")


class Wire:
    """One connection of one caller."""

    def __init__(self, socket: Connection, model: str) -> None:
        self.socket = socket
        self.model = model

    def ask(self, asked: object = "hello", **fields: Any) -> None:
        self.send({"type": "response.create", "model": self.model, "input": asked, "store": False, **fields})

    def send(self, frame: object) -> None:
        self.socket.send(json.dumps(frame))

    def event(self) -> Json:
        """The next frame."""
        frame = self.socket.recv(DEADLINE)
        assert isinstance(frame, str)
        found: Json = json.loads(frame)
        return found

    def events(self) -> list[Json]:
        """The frames of one turn."""
        found = [self.event()]
        while found[-1]["type"] not in ENDS:
            found.append(self.event())
        return found

    def turn(self, asked: object = "hello", **fields: Any) -> Json:
        """The response of a turn that ends well."""
        self.ask(asked, **fields)
        last = self.events()[-1]
        assert last["type"] == "response.completed", last
        response: Json = last["response"]
        return response

    def refused(self) -> tuple[int, str | None, str | None]:
        """Status, code and parameter of the error that the next frame is."""
        frame = self.event()
        assert frame.keys() == {"type", "status", "error"}
        assert frame["type"] == "error"
        assert frame["error"].keys() == {"message", "type", "param", "code"}
        return frame["status"], frame["error"]["code"], frame["error"]["param"]

    def closed(self) -> int:
        """The code with which the server closes."""
        with pytest.raises(ConnectionClosed) as end:
            self.socket.recv(DEADLINE)
        assert end.value.rcvd is not None
        return end.value.rcvd.code


@contextmanager
def connected(at: Served, model: str, key: str | None = None) -> Iterator[Wire]:
    headers = {"authorization": f"Bearer {key or secrets.token_hex(8)}"}
    with connect(f"{at.url.replace('http', 'ws')}/v1/responses", additional_headers=headers, proxy=None) as socket:
        yield Wire(socket, model)


@pytest.fixture
def model(upstream: Upstream) -> str:
    """Says 1, then 2, then 3."""
    return upstream.script(*(chat.answer(str(number)) for number in range(1, 10)))


@pytest.fixture
def key() -> str:
    return secrets.token_hex(8)


@pytest.fixture
def wire(server: Served, model: str, key: str) -> Iterator[Wire]:
    with connected(server, model, key) as wire:
        yield wire


@pytest.fixture
def reader(server: Served, key: str) -> Iterator[Api]:
    """The same caller over HTTP."""
    with Api(server, key) as api:
        yield api


def told(upstream: Upstream, model: str) -> list[object]:
    """What the model was told in its next call."""
    messages = upstream.received(model).chat["messages"]
    assert isinstance(messages, list)
    return [message["content"] for message in messages]


def test_a_turn_is_one_frame_per_event(wire: Wire) -> None:
    wire.ask()
    found = wire.events()
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    assert [event["type"] for event in found][:2] == ["response.created", "response.in_progress"]
    assert found[-1]["response"]["output"][0]["content"][0]["text"] == "1"
    assert found[-1]["response"]["store"] is False
    wire.ask()
    assert wire.event()["type"] == "response.created"  # and no [DONE] in between


def test_the_upgrade_stays_between_client_and_gateway(wire: Wire, upstream: Upstream, key: str) -> None:
    wire.turn()
    headers = upstream.received(wire.model).headers
    assert headers["authorization"] == f"Bearer {key}"
    assert not [name for name in headers if name.startswith("sec-websocket") or name == "upgrade"]
    assert "connection" not in headers  # whose default is to stay


def test_a_turn_continues_what_only_this_connection_remembers(wire: Wire, upstream: Upstream, reader: Api) -> None:
    first = wire.turn("one")
    second = wire.turn("two", previous_response_id=first["id"])
    third = wire.turn("three", previous_response_id=second["id"])
    assert third["previous_response_id"] == second["id"]
    assert [told(upstream, wire.model) for _ in range(3)][-1] == ["one", "1", "two", "2", "three"]
    for response in (first, second, third):
        assert reader.call("GET", f"/v1/responses/{response['id']}").status_code == 404


def test_only_the_latest_response_is_remembered(wire: Wire) -> None:
    first, _ = wire.turn(), wire.turn()
    wire.ask(previous_response_id=first["id"])
    assert wire.refused() == NOT_FOUND


def test_an_unknown_response_is_not_found_and_the_connection_goes_on(wire: Wire) -> None:
    wire.ask(previous_response_id="resp_" + "0" * 48)
    assert wire.refused() == NOT_FOUND
    assert wire.turn()["status"] == "completed"


def test_another_connection_does_not_know_it(wire: Wire, server: Served, key: str) -> None:
    first = wire.turn()
    with connected(server, wire.model, key) as other:
        other.ask(previous_response_id=first["id"])
        assert other.refused() == NOT_FOUND
        assert other.turn()["status"] == "completed"
    assert wire.turn(previous_response_id=first["id"])["status"] == "completed"


def test_a_continuation_that_fails_makes_it_forgotten(wire: Wire) -> None:
    first = wire.turn()
    wire.ask([{"type": "function_call_output", "call_id": "call_1", "output": ""}], previous_response_id=first["id"])
    assert wire.refused() == (400, "tool_call_not_found", "input[0]")
    wire.ask(previous_response_id=first["id"])
    assert wire.refused() == NOT_FOUND


def test_so_does_one_that_the_upstream_refuses_or_breaks_off(wire: Wire, upstream: Upstream) -> None:
    refusing = upstream.script(chat.refusal(500, {"error": {"message": "No."}}))
    breaking = upstream.script([chat.EVENTS, *chat.text("Hel"), Stop.CLOSE])
    for model in (refusing, breaking):
        first = wire.turn()
        wire.ask(previous_response_id=first["id"], model=model)
        assert wire.events()[-1]["type"] in ("error", "response.failed")
        wire.ask(previous_response_id=first["id"])
        assert wire.refused() == NOT_FOUND


def test_another_turn_that_fails_leaves_it_alone(wire: Wire) -> None:
    first = wire.turn()
    wire.ask(background=True)
    wire.refused()
    wire.ask(previous_response_id="resp_1")
    wire.refused()
    assert wire.turn(previous_response_id=first["id"])["status"] == "completed"


def test_what_is_stored_is_continued_from_there(wire: Wire, upstream: Upstream, reader: Api, server: Served, key: str) -> None:
    first = wire.turn("one", store=True)
    assert first["store"] is True
    assert reader.get(f"/v1/responses/{first['id']}") == first
    second = wire.turn("two", store=True, previous_response_id=first["id"])
    with connected(server, wire.model, key) as other:
        other.turn("three", previous_response_id=second["id"])
    assert [told(upstream, wire.model) for _ in range(3)][-1] == ["one", "1", "two", "2", "three"]


def test_a_stored_turn_takes_what_was_only_remembered_with_it(
    wire: Wire, upstream: Upstream, reader: Api, server: Served, key: str
) -> None:
    first = wire.turn("one")
    second = wire.turn("two", previous_response_id=first["id"])
    third = wire.turn("three", previous_response_id=second["id"], store=True)
    with connected(server, wire.model, key) as other:
        fourth = other.turn("four", previous_response_id=third["id"], store=True)
    assert [told(upstream, wire.model) for _ in range(4)][-1] == ["one", "1", "two", "2", "three", "3", "four"]
    listed = reader.get(f"/v1/responses/{fourth['id']}/input_items", order="asc")["data"]
    assert [item["content"][0]["text"] for item in listed] == ["one", "1", "two", "2", "three", "3", "four"]
    assert len({item["id"] for item in listed}) == len(listed)
    assert reader.call("GET", f"/v1/responses/{second['id']}").status_code == 404


def test_a_turn_of_a_conversation_that_is_not_stored_can_be_continued_too(wire: Wire, upstream: Upstream, reader: Api) -> None:
    id = reader.post("/v1/conversations", {"items": [{"role": "user", "content": "before"}]})["id"]
    first = wire.turn("one", conversation=id)
    wire.turn("two", previous_response_id=first["id"])
    assert [told(upstream, wire.model) for _ in range(2)] == [["before", "one"], ["before", "one", "1", "two"]]
    assert len(reader.get(f"/v1/conversations/{id}/items")["data"]) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("stream", False), ("stream_options", {}), ("background", True)],
)
def test_parameters_of_http_alone_are_refused(wire: Wire, name: str, value: object) -> None:
    wire.ask(**{name: value})
    assert wire.refused() == (400, "unknown_parameter", name)
    assert wire.turn()["status"] == "completed"


def test_those_that_ask_for_what_happens_anyway_are_not(wire: Wire) -> None:
    assert wire.turn(stream=True, stream_options=None, background=False, generate=True)["background"] is False


@pytest.mark.parametrize(("name", "value"), [("generate", False), ("stream_id", "lane-1")])
def test_what_openais_sockets_can_besides_is_refused(wire: Wire, name: str, value: object) -> None:
    wire.ask(**{name: value})
    assert wire.refused() == (400, "unsupported_parameter", name)
    assert wire.turn()["status"] == "completed"


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("", "invalid_json", None),
        ('{"type": ', "invalid_json", None),
        ("[]", "invalid_type", None),
        ("null", "invalid_type", None),
        ("{}", "invalid_value", "type"),
        ('{"type": "response.steer"}', "invalid_value", "type"),
        ('{"type": ["response.create"]}', "invalid_value", "type"),
        ('{"type": "response.create"}', "missing_required_parameter", "model"),
        ('{"type": "response.create", "model": "m", "input": 5}', "invalid_type", "input"),
        ('{"type": "response.create", "model": "m", "input": "a", "previous_response_id": {}}', "invalid_type", "previous_response_id"),
    ],
)
def test_a_frame_that_asks_for_nothing_is_refused(wire: Wire, frame: str, code: str, param: str | None) -> None:
    wire.socket.send(frame)
    assert wire.refused() == (400, code, param)
    assert wire.turn()["status"] == "completed"


def test_a_binary_frame_is_read_like_a_text(wire: Wire) -> None:
    wire.socket.send(json.dumps({"type": "response.create", "model": wire.model, "input": "hello"}).encode())
    assert wire.events()[-1]["type"] == "response.completed"
    wire.socket.send(b"\xff\xfe")
    assert wire.refused() == (400, "invalid_json", None)


def test_a_refusal_of_the_upstream_is_one_error_frame(wire: Wire, upstream: Upstream) -> None:
    wire.ask(model=upstream.script(chat.refusal(429, {"error": {"message": "Slow down.", "type": "tokens", "code": "rate"}})))
    frame = wire.event()
    assert (frame["type"], frame["status"]) == ("error", 429)
    assert frame["error"] == {"message": "Slow down.", "type": "tokens", "param": None, "code": "rate"}
    assert wire.turn()["status"] == "completed"


def test_a_stream_that_breaks_off_ends_with_one_frame(wire: Wire, upstream: Upstream) -> None:
    wire.ask(model=upstream.script([chat.EVENTS, *chat.text("Hel"), Stop.RESET]))
    found = wire.events()
    assert [event["type"] for event in found if event["type"] in ENDS] == ["response.failed"]
    assert wire.turn()["status"] == "completed"


def test_frames_that_are_sent_ahead_are_served_in_their_order(wire: Wire, upstream: Upstream) -> None:
    for number in range(4):
        wire.ask(f"{number}")
    turns = [wire.events() for _ in range(4)]
    assert [turn[-1]["response"]["output"][0]["content"][0]["text"] for turn in turns] == ["1", "2", "3", "4"]
    assert [told(upstream, wire.model) for _ in range(4)] == [["0"], ["1"], ["2"], ["3"]]


def test_more_than_can_wait_are_served_too(wire: Wire) -> None:
    for _ in range(40):
        wire.ask()
    assert {wire.events()[-1]["type"] for _ in range(40)} == {"response.completed"}


def begun(wire: Wire, upstream: Upstream, *more: Any, **fields: Any) -> tuple[Gate, str, str]:
    """A turn in its midst: the gate where the model waits, the model, and the response's id."""
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *more])
    wire.ask(model=model, store=True, **fields)
    id: str = wire.event()["response"]["id"]
    while wire.event()["type"] != "response.output_text.delta":
        pass
    return gate, model, id


def test_a_client_that_leaves_in_mid_turn_breaks_it_off(wire: Wire, upstream: Upstream, reader: Api) -> None:
    _, model, id = begun(wire, upstream)
    wire.ask()
    wire.socket.close()
    upstream.received(model).await_gone()
    until(lambda: reader.call("GET", f"/v1/responses/{id}").status_code == 200, "the record")
    response = reader.get(f"/v1/responses/{id}")
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert response["output"][0]["content"][0]["text"] == "Hel"
    assert upstream.count(wire.model) == 0


def test_where_the_settings_want_it_finished_it_is(upstream: Upstream, store_url: str, model: str, key: str) -> None:
    with served(settings(upstream, store_url, on_disconnect="finish")) as at, Api(at, key) as reader:
        with connected(at, model, key) as wire:
            gate, _, id = begun(wire, upstream, *chat.text("lo"), chat.finish())
        gate.open()
        until(lambda: reader.call("GET", f"/v1/responses/{id}").status_code == 200, "the record")
        response = reader.get(f"/v1/responses/{id}")
        assert (response["status"], response["output"][0]["content"][0]["text"]) == ("completed", "Hello")


def test_a_connection_has_its_time(upstream: Upstream, store_url: str, model: str, key: str) -> None:
    slow = upstream.script([chat.EVENTS, *chat.text("Hel"), Gate()])
    with served(settings(upstream, store_url), longest_socket=0.6) as at, Api(at, key) as reader:
        with connected(at, model, key) as idle, connected(at, slow, key) as busy:
            busy.ask(store=True)
            assert idle.refused() == (400, "websocket_connection_limit_reached", None)
            assert idle.closed() == 1001
            found = busy.events()
            assert found[-1]["error"]["code"] == "websocket_connection_limit_reached"
            assert busy.closed() == 1001
        upstream.received(slow).await_gone()
        assert reader.get(f"/v1/responses/{found[0]['response']['id']}")["status"] == "incomplete"


def test_a_server_that_stops_finishes_the_turn_and_says_goodbye(upstream: Upstream, store_url: str, model: str, key: str) -> None:
    with served(settings(upstream, store_url)) as at, connected(at, model, key) as wire, connected(at, model, key) as idle:
        gate, _, _ = begun(wire, upstream, *chat.text("lo"), chat.finish())
        wire.ask()
        at.stop()
        assert idle.closed() == 1001
        gate.open()
        found = wire.events()
        assert found[-1]["response"]["output"][0]["content"][0]["text"] == "Hello"
        assert wire.closed() == 1001


def test_who_does_not_say_whose_the_connection_is_is_refused(upstream: Upstream, store_url: str, model: str) -> None:
    with served(settings(upstream, store_url, tenant_header="x-tenant")) as at:
        with pytest.raises(InvalidStatus) as refused, connected(at, model):
            pass
        response = refused.value.response
        assert response.status_code == 401
        assert response.body is not None
        assert json.loads(response.body)["error"]["code"] == "missing_tenant"


def test_a_web_page_of_somewhere_else_is_refused(server: Served) -> None:
    place = f"{server.url.replace('http', 'ws')}/v1/responses"
    with pytest.raises(InvalidStatus) as refused, connect(place, origin=Origin("https://elsewhere.example"), proxy=None):
        pass
    assert refused.value.response.status_code == 403
    with connect(place, origin=Origin(server.url), proxy=None):
        pass


def test_other_paths_have_no_websocket(server: Served) -> None:
    for path in ("/v1/conversations", "/v1/nothing", "/v1/responses/compact"):
        with pytest.raises(InvalidStatus), connect(f"{server.url.replace('http', 'ws')}{path}", proxy=None):
            pass


def test_a_store_that_is_away_is_told_and_the_connection_remembers(upstream: Upstream, model: str, key: str) -> None:
    with valkey.running() as store, served(settings(upstream, store.url, store_retries=0)) as at, connected(at, model, key) as wire:
        stored = wire.turn("one", store=True)
        store.kill()
        wire.ask(previous_response_id=stored["id"])
        assert wire.refused() == (503, "store_unavailable", None)
        first = wire.turn("one", store=True)
        assert first["store"] is False
        second = wire.turn("two", store=True, previous_response_id=first["id"])
        assert second["previous_response_id"] == first["id"]
        assert [told(upstream, model) for _ in range(3)][-1] == ["one", "2", "two"]


def test_a_frame_that_is_too_large_ends_the_connection(wire: Wire) -> None:
    wire.ask("x" * MAX_BODY)
    assert wire.closed() == 1009
