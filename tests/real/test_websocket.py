"""The WebSocket transport with a scripted upstream, through Envoy and without it: frames at once, and clients that leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking
from tests.real.conftest import MAX_BODY
from tests.real.upstream import Gate, Stop, Upstream
from tests.waiting import DEADLINE, until


@contextmanager
def socket(gateway: Gateway, path: str = "/responses") -> Iterator[Connection]:
    """Left without a goodbye, which Envoy answers late."""
    connection = connect(f"{gateway.url.replace('http', 'ws', 1)}{path}", proxy=None, close_timeout=0)
    with connection:
        yield connection


def create(connection: Connection, model: str, **more: Any) -> Iterator[dict[str, Any]]:
    """Begins a turn; then its events, as they come."""
    connection.send(json.dumps({"type": "response.create", **asking(model, **more)}))
    while True:
        event: dict[str, Any] = json.loads(connection.recv(timeout=DEADLINE))
        yield event
        if event["type"] in ("error", "response.completed", "response.failed"):
            return


def test_each_token_arrives_before_the_next_is_sent(either: Gateway, upstream: Upstream) -> None:
    gates = [Gate() for _ in range(5)]
    tokens = [step for number, gate in enumerate(gates) for step in (chat.chunk(content=f"{number} "), gate)]
    with socket(either) as connection:
        deltas = (
            event["delta"] for event in create(connection, upstream.script([chat.EVENTS, *tokens, chat.finish()])) if "delta" in event
        )
        for number, gate in enumerate(gates):
            assert next(deltas) == f"{number} "
            gate.open()
        assert list(deltas) == []


def test_a_client_that_leaves_takes_the_model_call_with_it(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), Gate()])
    with socket(either) as connection:
        events = create(connection, model)
        id = next(events)["response"]["id"]
        next(event for event in events if "delta" in event)
    upstream.received(model).await_gone()
    url = f"{either.url}/responses/{id}"
    until(lambda: httpx2.get(url, timeout=DEADLINE).status_code == 200, "what was said")
    assert httpx2.get(url, timeout=DEADLINE).json()["status"] == "incomplete"


def test_the_headers_of_the_handshake_go_to_the_upstream(either: Gateway, upstream: Upstream) -> None:
    """Those that are about the connection do not."""
    model = upstream.script(chat.answer())
    url = f"{either.url.replace('http', 'ws', 1)}/responses"
    with connect(
        url, proxy=None, close_timeout=0, additional_headers={"authorization": "Bearer sk", "openai-organization": "org-1"}
    ) as connection:
        assert list(create(connection, model))[-1]["type"] == "response.completed"
    headers = upstream.received(model).headers
    assert (headers["authorization"], headers["openai-organization"]) == ("Bearer sk", "org-1")
    assert not [name for name in headers if name.startswith("sec-websocket") or name == "upgrade"]
    assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("end", [Stop.RESET, Stop.CLOSE])
def test_an_upstream_that_breaks_off_ends_its_turn_only(either: Gateway, upstream: Upstream, end: Stop) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), end], [end], chat.answer())
    with socket(either) as connection:
        assert list(create(connection, model, store=False))[-1]["type"] == "response.failed"
        assert list(create(connection, model, store=False))[-1]["type"] == "error"
        assert list(create(connection, model, store=False))[-1]["type"] == "response.completed"


def test_a_frame_that_is_too_large_ends_the_connection(other_gateway: Gateway) -> None:
    with socket(other_gateway) as connection:
        connection.send("x" * (MAX_BODY + 1))
        with pytest.raises(ConnectionClosed) as raised:
            connection.recv(timeout=DEADLINE)
    assert raised.value.rcvd is not None
    assert raised.value.rcvd.code == 1009


def test_the_key_replaces_the_callers(other_gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, chat.chunk(reasoning="Hm."), *chat.text("Four."), chat.finish()])
    with socket(other_gateway) as connection:
        events = list(create(connection, model))
    assert "response.reasoning.delta" in [event["type"] for event in events]
    request = upstream.received(model)
    assert request.headers["authorization"] == "Bearer sk-of-the-gateway"
    assert request.path == "/api/v1/chat/completions"


@pytest.mark.parametrize("path", ["/conversations", "/responses/resp_1", "/realtime"])
def test_no_other_path_has_a_websocket(either: Gateway, upstream: Upstream, path: str) -> None:
    upstream.script(chat.refusal(404, {"error": {"message": "No."}}), key=f"/v1{path}")
    with pytest.raises(InvalidStatus) as raised, socket(either, path):
        pass
    assert 400 <= raised.value.response.status_code < 500
