"""Traffic through a real Envoy, and each metric's value afterwards: with one worker and with two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from openai import OpenAI, OpenAIError

from gw_extproc.telemetry.families import FAMILIES
from gw_extproc.telemetry.tables import Kind
from tests import gateway_process as gateways
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.test_websocket import create, socket
from tests.real.upstream import Gate, Upstream
from tests.telemetry.scrape import Scrape
from tests.tools.mcp_server import McpServer
from tests.tools.talk import calling_whole, server_tool, whole
from tests.waiting import DEADLINE, until

LIMITED = {"error": {"message": "Slow down.", "type": "requests", "code": "rate_limit_exceeded"}}


@dataclass
class Traffic:
    """What was asked for, and what was counted before, during and after it."""

    model: str
    during: Scrape
    after: Scrape
    metrics: str


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def gateway(request: pytest.FixtureRequest, upstream: Upstream) -> Iterator[Gateway]:
    options = ("--workers", str(request.param), "--mcp-private-addresses", "allow", "--background-concurrency", "1")
    with gateways.running("--upstream", f"{upstream.url}/v1", *options) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def traffic(gateway: Gateway, upstream: Upstream, dice: McpServer) -> Traffic:
    """Ten requests of which each metric has something to tell."""
    gate = Gate()
    model = upstream.script(
        [chat.EVENTS, *chat.text("one"), gate, *chat.text("two"), chat.finish()],
        whole(),
        chat.refusal(429, LIMITED),
        [chat.JSON, chat.completion("length", content="cut")],
        calling_whole(("dice__roll", '{"sides": 6}'), ("dice__fail", '{"reason": "no"}')),
        whole("A six."),
        chat.answer(),
    )
    with OpenAI(base_url=gateway.url, api_key="any", max_retries=0, timeout=DEADLINE) as client:
        during = _streamed(client, model, gate, gateway)
        response = client.responses.create(model=model, input="Hi", user="me")
        refused: tuple[Any, ...] = (model, 3)
        for wrong in refused:
            with pytest.raises(OpenAIError):
                client.responses.create(model=wrong, input="Hi")
        assert client.responses.create(model=model, input="Hi", store=False).status == "incomplete"
        tools: Any = [server_tool(dice)]
        client.responses.create(model=model, input="Roll!", tools=tools)
        _in_background(client, model)
        client.responses.retrieve(response.id)
    with socket(gateway) as connection:
        assert list(create(connection, model))[-1]["type"] == "response.completed"
    httpx2.patch(f"{gateway.url}/responses/nothing", timeout=DEADLINE)
    until(lambda: Scrape.of(gateway.metrics).value("gateway_open_streams") == 0, "the end of all exchanges")
    return Traffic(model, during, Scrape.of(gateway.metrics), gateway.metrics)


def _streamed(client: OpenAI, model: str, gate: Gate, gateway: Gateway) -> Scrape:
    """What is counted while the answer waits at the gate."""
    with client.responses.stream(model=model, input="Hi") as events:
        for event in events:
            if event.type == "response.output_text.delta" and not gate.opened:
                during = Scrape.of(gateway.metrics)
                gate.open()
    return during


def _in_background(client: OpenAI, model: str) -> None:
    queued = client.responses.create(model=model, input="Hi", background=True)
    until(lambda: client.responses.retrieve(queued.id).status == "completed", "a background response")


GEN_AI = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "generic", "gen_ai_request_model": "MODEL"}
ANSWERED = {**GEN_AI, "gen_ai_response_model": "scripted"}

COUNTED: list[tuple[str, dict[str, str], float]] = [
    ("responses_total", {}, 8),
    ("responses_total", {"model": "MODEL", "status": "completed", "door": "inline", "stream": "true", "stored": "true"}, 1),
    ("responses_total", {"model": "MODEL", "status": "completed", "door": "inline", "stream": "false"}, 1),
    # not by its name: the worker that failed may be another than those that know the model
    ("responses_total", {"status": "failed", "door": "inline"}, 1),
    ("responses_total", {"model": "other", "status": "rejected", "door": "inline"}, 1),
    ("responses_total", {"model": "MODEL", "status": "incomplete", "stored": "false"}, 1),
    ("responses_total", {"model": "MODEL", "status": "completed", "door": "hosted"}, 1),
    ("responses_total", {"model": "MODEL", "status": "completed", "door": "background"}, 1),
    ("responses_total", {"model": "MODEL", "status": "completed", "door": "websocket", "stream": "true"}, 1),
    ("response_duration_seconds_count", {"model": "MODEL", "status": "completed"}, 5),
    ("response_duration_seconds_count", {"status": "failed"}, 1),
    ("tool_execution_duration_seconds_count", {"tool": "mcp", "outcome": "ok"}, 1),
    ("tool_execution_duration_seconds_count", {"tool": "mcp", "outcome": "failed"}, 1),
    ("tool_execution_duration_seconds_count", {"tool": "mcp_list_tools", "outcome": "ok"}, 1),
    ("storage_operations_total", {"operation": "save_response", "outcome": "ok"}, 4),
    ("gateway_store_operation_duration_seconds_count", {"operation": "save_response"}, 4),
    ("storage_operations_total", {"operation": "finish_run", "outcome": "ok"}, 1),
    ("gen_ai_client_operation_duration_seconds_count", {**ANSWERED, "error_type": ""}, 7),
    ("gen_ai_client_operation_duration_seconds_count", {"gen_ai_operation_name": "chat", "error_type": "rate_limit_exceeded"}, 1),
    ("gen_ai_client_token_usage_count", {**ANSWERED, "gen_ai_token_type": "input"}, 6),
    ("gen_ai_client_token_usage_sum", {**ANSWERED, "gen_ai_token_type": "input"}, 7 * 11),
    ("gen_ai_client_token_usage_sum", {**ANSWERED, "gen_ai_token_type": "output"}, 7 * 7),
    ("gen_ai_server_time_to_first_token_seconds_count", GEN_AI, 3),
    ("gen_ai_server_time_per_output_token_seconds_count", GEN_AI, 3),
    ("gateway_ext_proc_duration_seconds_count", {"phase": "request_headers"}, 5),
    ("gateway_ext_proc_duration_seconds_count", {"phase": "request_body"}, 5),
    ("gateway_ext_proc_duration_seconds_count", {"phase": "response_headers"}, 4),
    ("gateway_ext_proc_duration_seconds_count", {"phase": "response_body"}, 4),
    ("gateway_added_time_to_first_token_seconds_count", {"door": "inline"}, 1),
    ("gateway_added_time_to_first_token_seconds_count", {"door": "background"}, 1),
    ("gateway_requests_total", {"method": "POST", "route": "/v1/responses", "status_class": "2xx", "door": "inline"}, 3),
    ("gateway_requests_total", {"method": "POST", "route": "/v1/responses", "status_class": "4xx", "door": "inline"}, 2),
    ("gateway_requests_total", {"method": "POST", "route": "/v1/responses", "status_class": "2xx", "door": "websocket"}, 1),
    ("gateway_requests_total", {"method": "PATCH", "route": "other", "status_class": "4xx", "door": "hosted"}, 1),
    ("gateway_request_fields_total", {"treatment": "not sent", "field": "user", "rule": "hints"}, 1),
    ("gateway_upstream_errors_total", {"status": "429", "error_type": "rate_limit_exceeded"}, 1),
    ("gateway_upstream_errors_total", {}, 1),
    ("gateway_open_streams", {}, 0),
    ("gateway_background_jobs", {}, 0),
    ("gateway_background_queue_depth", {}, 0),
]


@pytest.mark.parametrize(("name", "labels", "expected"), COUNTED, ids=[f"{name}{list(labels.values())}" for name, labels, _ in COUNTED])
def test_what_happened_is_counted(traffic: Traffic, name: str, labels: dict[str, str], expected: float) -> None:
    wanted = {label: traffic.model if value == "MODEL" else value for label, value in labels.items()}
    found = list(traffic.after.each(name, **wanted))
    assert found, f"no {name} {wanted}"
    assert traffic.after.value(name, **wanted) == expected, found


def test_what_goes_on_is_seen(traffic: Traffic) -> None:
    assert traffic.during.value("gateway_open_streams", door="inline") == 1
    assert traffic.during.value("responses_total") == 0


def test_who_waits_in_the_background_is_seen(gateway: Gateway, traffic: Traffic, upstream: Upstream) -> None:
    """Each worker makes one, and one more waits."""
    gate, workers = Gate(), int(traffic.after.value("gateway_workers_up"))
    model = upstream.script([chat.EVENTS, *chat.text("one"), gate, *chat.text("two"), chat.finish()])

    def counted(name: str, **labels: str) -> float:
        return Scrape.of(gateway.metrics).value(name, **labels)

    with OpenAI(base_url=gateway.url, api_key="any", max_retries=0, timeout=DEADLINE) as client:
        for _ in range(workers + 1):
            client.responses.create(model=model, input="Hi", background=True)
    until(lambda: counted("gateway_background_jobs") == workers, "a job for each worker")
    assert counted("gateway_background_queue_depth") == 1
    assert counted("gateway_open_streams", door="background") == workers
    gate.open()
    until(lambda: counted("responses_total", model=model, door="background", status="completed") == workers + 1, "their end")
    assert counted("gateway_background_jobs") == counted("gateway_background_queue_depth") == 0


def test_what_the_gateway_added_is_within_the_responses(traffic: Traffic) -> None:
    after = traffic.after
    added = {each.labels["phase"]: each.value for each in after.each("gateway_ext_proc_duration_seconds_sum")}
    assert all(seconds > 0 for seconds in added.values())
    assert sum(added.values()) < DEADLINE
    stored = "gateway_store_operation_duration_seconds"
    assert 0 < after.value(f"{stored}_sum", operation="save_response") < DEADLINE
    assert after.value(f"{stored}_count") == after.value("storage_operations_total")
    lag = "gateway_event_loop_lag_seconds"
    assert 0 <= after.value(f"{lag}_sum") < after.value(f"{lag}_count") * DEADLINE


def test_gaps_and_times_are_those_of_the_answers(traffic: Traffic) -> None:
    after = traffic.after
    assert 1 <= after.value("gateway_chunk_gap_seconds_count", model=traffic.model) <= 3
    assert after.value("response_duration_seconds_sum", stream="true") >= after.value("gateway_chunk_gap_seconds_sum") > 0
    assert 0 < after.value("gateway_added_time_to_first_token_seconds_sum", door="inline") < DEADLINE
    assert after.value("gateway_event_loop_lag_seconds_count") > 0


def test_every_worker_is_in_the_answer(gateway: Gateway, traffic: Traffic, request: pytest.FixtureRequest) -> None:
    workers = {sample.labels["worker"] for sample in traffic.after.each("gateway_info", dialect="generic")}
    assert (
        len(workers)
        == traffic.after.value("gateway_workers_up")
        == len([child for child in gateway.family if "gw_extproc.worker" in " ".join(child.cmdline())])
    )
    assert {sample.labels["worker"] for sample in traffic.after.each("process_cpu_seconds_total")} == workers


def test_every_metric_of_the_table_is_there_with_its_type(traffic: Traffic) -> None:
    for family in FAMILIES:
        assert traffic.after.types[family.name.removesuffix("_total")] == family.kind.value
        suffix = "_count" if family.kind is Kind.HISTOGRAM else ""
        sample = next(iter(traffic.after.each(f"{family.name}{suffix}")), None)
        assert sample is not None, f"nothing was told of {family.name}"
        assert set(sample.labels) == {*family.labels, *(("worker",) if family.by_worker else ())}


def test_openmetrics_is_told_to_who_asks_for_it(traffic: Traffic) -> None:
    asked = {"accept": "application/openmetrics-text; version=1.0.0"}
    answer = httpx2.get(traffic.metrics, headers=asked, timeout=DEADLINE)
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
