"""The latest exchanges: which are kept, how they are told, and that they do not grow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gw_extproc.core.errors import CallerError
from gw_extproc.core.notices import Notices
from gw_extproc.session import noting
from gw_extproc.telemetry import inspector as inspecting
from gw_extproc.telemetry.captured import Captured
from gw_extproc.telemetry.inspector import Inspector, Query
from gw_extproc.telemetry.record import Door, Exchange, Fault, StepKind
from gw_extproc.telemetry.telemetry import Telemetry

THREAD = "0123456789ab" * 2
ALL = Query(everything=True)


def begun(inspector: Inspector, route: str = "/v1/responses", method: str = "POST", **said: Any) -> Exchange:
    exchange = Telemetry([inspector]).begin(Door.HTTP, method, route, {"x-request-id": "req-1"})
    for name, value in said.items():
        setattr(exchange, name, value)
    return exchange


def over(inspector: Inspector, **said: Any) -> None:
    with begun(inspector, **said):
        pass


def told(inspector: Inspector, **wanted: Any) -> list[Any]:
    return [row["model"] for row in inspector.rows(Query(**wanted))]


def test_an_exchange_is_told_while_it_runs_and_when_it_has_ended() -> None:
    inspector = Inspector("3")
    with begun(inspector, model="small") as exchange:
        (row,) = inspector.rows(Query())
        assert (row["worker"], row["state"], row["model"], row["request_id"]) == ("3", "running", "small", "req-1")
        exchange.step(StepKind.STORE, "save_response").end()
        exchange.status, exchange.notices = "completed", Notices()
        exchange.notices.add("not sent", "metadata", "hints")
        exchange.notices.shape("max_tokens", "max_output_tokens")
        assert json.loads(inspector.detail(row["id"]) or b"")["state"] == "running"
    (ended,) = inspector.rows(Query())
    assert (ended["id"], ended["state"], ended["notices"]) == (row["id"], "completed", 1)
    detail = json.loads(inspector.detail(row["id"]) or b"")
    assert detail["notices"] == [{"treatment": "not sent", "field": "metadata", "rule": "hints"}]
    assert detail["rules"] == [{"rule": "max_tokens", "field": "max_output_tokens"}]
    assert [(step["kind"], step["name"]) for step in detail["steps"]] == [("store", "save_response")]
    assert detail["captured"] is None
    assert inspector.detail("unknown") is None


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"status": "failed", "fault": Fault("server_error", "server_error", None)}, "failed"),
        ({"http_status": 400}, "rejected"),
        ({"fault": Fault("invalid_type", "invalid_request_error", "input")}, "rejected"),
        ({"http_status": 200}, "done"),
    ],
)
def test_what_became_of_it_is_one_word(said: dict[str, Any], state: str) -> None:
    inspector = Inspector()
    over(inspector, **said)
    assert [row["state"] for row in inspector.rows(ALL)] == [state]


def test_a_list_is_narrowed() -> None:
    inspector = Inspector()
    over(inspector, model="Qwen-3", status="completed", tenant="aaaa1111", response_id=f"resp_{THREAD}{THREAD}")
    over(inspector, model="llama", status="failed", tenant="bbbb2222")
    over(inspector, model=None, route="/v1/models", method="GET")
    assert told(inspector) == ["llama", "Qwen-3"]
    assert told(inspector, everything=True) == [None, "llama", "Qwen-3"]
    assert told(inspector, model="qwen") == ["Qwen-3"]
    assert told(inspector, state="failed") == told(inspector, errors=True) == told(inspector, tenant="bbbb") == ["llama"]
    assert told(inspector, id="resp_0123") == told(inspector, thread=THREAD) == ["Qwen-3"]
    assert told(inspector, id="req-1", limit=2) == [None, "llama"]
    assert told(inspector, slower=5.0) == []


def test_what_has_changed_since_is_told_once() -> None:
    inspector = Inspector()
    over(inspector, model="first")
    number, _ = inspector.changes(Query(), 0)
    with begun(inspector, model="runs"):
        over(inspector, model="second")
        number, rows = inspector.changes(Query(), number)
        assert {row["model"] for row in rows} == {"runs", "second"}
        _, rows = inspector.changes(Query(), number)
        assert [row["model"] for row in rows] == ["runs"]


def test_probes_are_not_kept_and_polls_do_not_push_responses_out() -> None:
    inspector = Inspector()
    over(inspector, model="kept")
    over(inspector, route="/healthz", method="GET")
    for _ in range(2 * inspecting.MOST_OTHERS):
        over(inspector, route="/v1/responses/{response_id}", method="GET")
    assert told(inspector) == ["kept"]
    assert len(inspector.rows(Query(everything=True, limit=1000))) == 1 + inspecting.MOST_OTHERS


def test_the_oldest_make_room() -> None:
    inspector = Inspector()
    for number in range(inspecting.MOST_RESPONSES + 1):
        over(inspector, model=str(number))
    assert told(inspector, limit=2000)[-1] == "1"


def test_contents_are_bounded_together_and_one_by_one() -> None:
    inspector = Inspector(content=True)
    over(inspector, route="/v1/models", method="GET")
    for _ in range(40):
        with begun(inspector) as exchange:
            noting.asked(exchange, {"input": "x" * 1_000_000})
            noting.told(exchange, b'{"output": "' + b"y" * 1_000_000, b"")
    kept = inspector.rows(ALL)
    details = [inspector.detail(row["id"]) or b"" for row in kept]
    assert len(kept) == 41, "each is still there"
    assert 0 < sum(map(len, details)) <= inspecting.MOST_BYTES + len(kept) * len(',"captured":null')
    assert max(map(len, details)) < 1_000_000
    captured = [json.loads(detail)["captured"] for detail in details]
    assert captured[0]["cut"] is True
    assert [each is not None for each in captured] == sorted((each is not None for each in captured), reverse=True), "the latest"
    assert captured[-2] is None


def test_where_there_are_no_contents_the_oldest_exchanges_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspecting, "MOST_BYTES", 4000)
    inspector = Inspector()
    over(inspector, model="first")
    for number in range(5):
        over(inspector, model=str(number), route="/v1/models", method="GET")
    assert 0 < len(inspector.rows(ALL)) < 6
    assert told(inspector, everything=True)[0] == "4"
    assert told(inspector) == []


def test_the_text_of_an_error_is_among_the_contents() -> None:
    """It may quote what was sent."""
    error = CallerError("Invalid value: 'a secret'.", code="invalid_value", param="input")
    for inspector, shows in ((Inspector(content=True), True), (Inspector(), False)):
        with begun(inspector) as exchange:
            exchange.fail(error)
        (row,) = inspector.rows(Query())
        detail = inspector.detail(row["id"]) or b""
        assert (row["error"], row["param"], json.loads(detail)["error_type"]) == ("invalid_value", "input", "invalid_request_error")
        assert (b"a secret" in detail) is shows


def test_so_many_at_once_are_captured_and_no_more() -> None:
    inspector = Inspector(content=True)
    running = [begun(inspector) for _ in range(inspecting.MOST_CAPTURES + 1)]
    assert [exchange.captured is not None for exchange in running] == [True] * inspecting.MOST_CAPTURES + [False]


def test_credentials_for_other_servers_are_never_captured() -> None:
    inspector = Inspector(content=True)
    tool = {"type": "mcp", "server_url": "https://h/k-secret", "authorization": "k-secret", "headers": {"x": "k-secret"}}
    with begun(inspector) as exchange:
        noting.asked(exchange, {"input": [{"type": "additional_tools", "tools": [tool]}], "tools": [tool]})
    (row,) = inspector.rows(Query())
    detail = inspector.detail(row["id"]) or b""
    assert b"mcp" in detail
    assert b"k-secret" not in detail


def test_without_the_setting_nothing_is_captured() -> None:
    with begun(Inspector()) as exchange:
        noting.asked(exchange, {"input": "a secret"})
        noting.told(exchange, b"{}", b"")
    assert exchange.captured is None


def test_what_another_reader_has_captured_is_not_shown() -> None:
    inspector = Inspector()
    with begun(inspector) as exchange:
        exchange.captured = Captured()
        noting.asked(exchange, {"input": "a secret"})
    (row,) = inspector.rows(Query())
    assert b"a secret" not in (inspector.detail(row["id"]) or b"")
