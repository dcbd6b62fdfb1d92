"""The spans of exchanges, as a collector gets them from the processes that users start."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gw_extproc.telemetry import traceparent
from gw_extproc.telemetry.traces import Telling, chosen
from tests import gateway_process as gateways
from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.upstream import Received, Upstream
from tests.sockets import free_port
from tests.telemetry.collector import Collector, Span
from tests.telemetry.conftest import HOOK, KEY, PROMPTLY
from tests.tools.mcp_server import McpServer
from tests.tools.talk import calling, server_tool
from tests.waiting import DEADLINE, until

ROLL = ("dice__roll", '{"sides": 6}')
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLERS_KEY = "sk-of-the-caller-himself"
SECRETS = (KEY, CALLERS_KEY, "token-for-the-dice", "a secret question", "a secret answer", "a-header-for-the-dice")


def create(gateway: Gateway, model: str, headers: Mapping[str, str] | None = None, **body: Any) -> httpx2.Response:
    credentials = {"authorization": f"Bearer {CALLERS_KEY}"}
    body = {"model": model, "input": "a secret question", **body}
    return httpx2.post(f"{gateway.url}/responses", json=body, headers=credentials | dict(headers or {}), timeout=DEADLINE)


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def within(inner: Span, outer: Span) -> bool:
    return outer.began <= inner.began <= inner.ended <= outer.ended


def test_an_inline_exchange(traced: Gateway, upstream: Upstream, collector: Collector) -> None:
    model = upstream.script(chat.answer("a secret answer"))
    answer = create(traced, model, stream=True)
    response = events_of(answer.text)[-1]["response"]
    root, *children = collector.trace_of(response["id"])
    assert (root.name, root.kind, root.failed) == ("POST /v1/responses", "SERVER", False)
    assert {child.parent for child in children} == {root.id}
    assert all(within(child, root) for child in children)
    said = root.attributes
    assert (said["http.route"], said["http.response.status_code"], said["gw_extproc.door"]) == ("/v1/responses", 200, "inline")
    assert (said["gen_ai.request.model"], said["gw_extproc.status"], said["gw_extproc.stored"]) == (model, "completed", True)
    (call,) = named(children, f"chat {model}")
    assert (call.kind, call.events) == ("CLIENT", ["first token"])
    facts = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "generic",
        "gen_ai.request.model": model,
        "gen_ai.request.stream": True,
        "gen_ai.response.id": response["id"],
        "gen_ai.response.model": "scripted",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "http.response.status_code": 200,
        "server.address": "127.0.0.1",
        "server.port": upstream.port,
    }
    assert {name: call.attributes.get(name) for name in facts} == facts
    assert 0 < float(str(call.attributes["gen_ai.response.time_to_first_chunk"])) < DEADLINE
    assert [span.name for span in children if span.kind == "INTERNAL"] == ["translate request"]
    assert [span.name for span in children if "db.system.name" in span.attributes] == ["store save_response"]
    assert root.resource["service.name"] == "gw-extproc"
    assert asked_by(upstream, model).trace_id.hex() == root.trace_id


def asked_by(upstream: Upstream, key: str) -> traceparent.Parent:
    """The span that the next request for that key names."""
    return parent_of(upstream.received(key))


def parent_of(received: Received) -> traceparent.Parent:
    parent = traceparent.parse(received.headers["traceparent"])
    assert parent is not None
    return parent


def webhook_of(upstream: Upstream, response_id: str) -> Received:
    """What the hook was told of that response; those of other tests' responses may come before."""
    while response_id not in str((received := upstream.received(HOOK)).chat):
        pass
    return received


def test_the_trace_is_that_of_whoever_asks(traced: Gateway, upstream: Upstream, collector: Collector) -> None:
    model = upstream.script(chat.answer())
    given = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "vendor=1"}
    response = create(traced, model, given, stream=True)
    root, *_ = collector.trace_of(events_of(response.text)[-1]["response"]["id"])
    assert root.trace_id == TRACE
    sent = upstream.received(model).headers
    assert (sent["traceparent"][3:35], sent["tracestate"]) == (TRACE, "vendor=1")


def test_who_does_not_want_to_be_traced_is_not(traced: Gateway, upstream: Upstream, collector: Collector) -> None:
    model = upstream.script(chat.answer())
    given = f"00-{'d' * 32}-{SPAN}-00"
    create(traced, model, {"traceparent": given}, stream=True)
    parent = asked_by(upstream, model)
    assert (parent.trace_id.hex(), parent.sampled) == ("d" * 32, False)
    queued = create(traced, model, {"traceparent": given}, background=True).json()
    assert not asked_by(upstream, model).sampled
    assert not parent_of(webhook_of(upstream, queued["id"])).sampled
    later = create(traced, model, stream=True)
    collector.trace_of(events_of(later.text)[-1]["response"]["id"])
    assert not [span for span in collector.spans if span.trace_id == "d" * 32]


def test_the_state_of_no_trace_goes_no_further(traced: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    create(traced, model, {"traceparent": "nonsense", "tracestate": "vendor=1"}, stream=True)
    sent = upstream.received(model).headers
    assert traceparent.parse(sent["traceparent"]) is not None
    assert "tracestate" not in sent


def test_one_trace_from_whoever_asks_through_envoy_and_each_call(
    traced: Gateway, upstream: Upstream, collector: Collector, dice: McpServer
) -> None:
    """Above each span of the gateway's are Envoy's, and Envoy's again between the gateway and the model's server."""
    model = upstream.script(calling(ROLL), chat.answer("a secret answer"))
    tool = server_tool(dice, authorization="token-for-the-dice", headers={"x-key": "a-header-for-the-dice"})
    trace = secrets.token_hex(16)  # its own: the collector serves other tests too
    answer = create(traced, model, {"traceparent": f"00-{trace}-{SPAN}-01"}, stream=True, tools=[tool])
    root, *children = collector.trace_of(events_of(answer.text)[-1]["response"]["id"])
    assert (root.trace_id, root.attributes["gw_extproc.door"]) == (trace, "hosted")
    assert {child.parent for child in children} == {root.id}
    calls = sorted(named(children, f"chat {model}"), key=lambda span: span.began)
    (run,), (listing,) = named(children, "execute_tool roll"), named(children, "tools/list")
    assert [call.attributes["gen_ai.response.finish_reasons"] for call in calls] == [["tool_calls"], ["stop"]]
    assert [call.attributes["gen_ai.usage.output_tokens"] for call in calls] == [7, 7]
    assert listing.ended <= calls[0].began
    assert calls[0].ended <= run.began
    assert run.ended <= calls[1].began
    assert (run.kind, run.failed) == ("INTERNAL", False)
    assert (run.attributes["gen_ai.operation.name"], run.attributes["gen_ai.tool.name"]) == ("execute_tool", "roll")
    for call in calls:
        line = collector.line(asked_by(upstream, model).span_id.hex(), SPAN)
        assert 0 < line.index(call.id) < line.index(root.id) < line.index(SPAN) - 1, "Envoy's are between and around them"
    envoys = [span for span in collector.spans if span.trace_id == trace and span.resource["service.name"] == "envoy"]
    assert {"SERVER", "CLIENT"} <= {span.kind for span in envoys}
    said = b"".join(dice.bodies)
    assert f"00-{root.trace_id}-{run.id}-01".encode() in said
    assert f"00-{root.trace_id}-{listing.id}-01".encode() in said


def test_what_fails_is_seen(traced: Gateway, upstream: Upstream, collector: Collector, dice: McpServer) -> None:
    model = upstream.script(calling(("dice__fail", '{"reason": "x"}')), chat.answer())
    answer = create(traced, model, stream=True, tools=[server_tool(dice)])
    _, *children = collector.trace_of(events_of(answer.text)[-1]["response"]["id"])
    (run,) = named(children, "execute_tool fail")
    assert (run.failed, run.attributes["error.type"]) == (True, "failed")
    model = upstream.script(chat.refusal(503, {"error": {"message": "a secret answer"}}))
    assert create(traced, model).status_code == 503
    until(lambda: bool(named(collector.spans, f"chat {model}")), "its span")
    (call,) = named(collector.spans, f"chat {model}")
    assert (call.failed, call.attributes["error.type"], call.attributes["http.response.status_code"]) == (True, "server_error", 503)
    (root,) = (span for span in collector.spans if span.id == call.parent)
    assert (root.failed, root.attributes["http.response.status_code"]) == (True, 503)


def test_a_background_response_and_its_webhook_go_on_with_the_trace(traced: Gateway, upstream: Upstream, collector: Collector) -> None:
    model = upstream.script(chat.answer("a secret answer"))
    queued = create(traced, model, {"traceparent": f"00-{TRACE}-{SPAN}-01"}, background=True).json()
    mine = {"name": "background response", "gen_ai.response.id": queued["id"]}
    until(lambda: any({"name": span.name, **span.attributes}.items() >= mine.items() for span in collector.spans), "the end")
    made, *children = collector.trace_of(queued["id"])
    (root,) = (span for span in collector.spans if span.kind == "SERVER" and span.attributes.get("gen_ai.response.id") == queued["id"])
    assert (made.name, made.kind, made.parent) == ("background response", "CONSUMER", root.id)
    assert root.trace_id == made.trace_id == TRACE
    (call,) = named(children, f"chat {model}")
    assert (call.parent, asked_by(upstream, model).trace_id.hex()) == (made.id, TRACE)
    assert webhook_of(upstream, queued["id"]).headers["traceparent"] == f"00-{TRACE}-{made.id}-01"


def test_nothing_that_was_said_and_no_credential_is_told(traced: Gateway, collector: Collector) -> None:
    """The last of these tests: it looks at what all of them have left, but for the gateway that is to tell contents."""
    assert collector.spans
    told, log = b"".join(sent for sent in collector.requests if b"talkative" not in sent), traced.log()
    assert [secret for secret in SECRETS if secret.encode() in told or secret in log] == []


def test_contents_where_they_are_asked_for(talkative: Gateway, upstream: Upstream, collector: Collector) -> None:
    model = upstream.script([chat.JSON, chat.completion(content="a secret answer")])
    response = create(talkative, model, instructions="Be brief.").json()
    root, *children = collector.trace_of(response["id"])
    assert root.resource["service.name"] == "talkative"
    (call,) = named(children, f"chat {model}")
    asked = json.loads(str(call.attributes["gen_ai.input.messages"]))
    assert asked[-1] == {"role": "user", "parts": [{"type": "text", "content": "a secret question"}]}
    (answered,) = json.loads(str(call.attributes["gen_ai.output.messages"]))
    assert answered["parts"] == [{"type": "text", "content": "a secret answer"}]
    assert CALLERS_KEY.encode() not in b"".join(collector.requests)


def test_a_collector_that_is_away_holds_nobody_up(upstream: Upstream) -> None:
    """Nobody listens there: answers come all the same, the log says it once, and the process ends in time."""
    model, nowhere = upstream.script(chat.answer()), f"http://127.0.0.1:{free_port()}"
    options = ("--upstream", f"{upstream.url}/v1", "--otlp-endpoint", nowhere)
    with gateways.started(*options, command="http", env=PROMPTLY | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}) as gateway:
        for _ in range(3):
            assert create(gateway, model).status_code == 200
            until(lambda: "traces are lost" in gateway.log(), "a line about it")
        gateway.process.terminate()
        assert gateway.end() == 0
        said = [line["event"] for line in map(json.loads, gateway.log().splitlines()) if line["level"] == "warning"]
        assert said == [f"traces are lost: the collector at {nowhere} does not take them"]


class Moody(SpanExporter):
    """A way to a collector that takes spans or does not."""

    takes = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self.takes else SpanExportResult.FAILURE


def test_a_collector_that_comes_and_goes_is_told_when_it_does(caplog: pytest.LogCaptureFixture) -> None:
    moody = Moody()
    told = Telling(moody, "http://there")
    for moody.takes in (False, False, True, True, False):
        told.export(())
    lost = "traces are lost: the collector at http://there does not take them"
    assert caplog.messages == [lost, "traces are taken again by the collector at http://there", lost]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (1.0, 1000), (0.25, 250)])
def test_a_share_of_all_traces_is_chosen(share: float, expected: int) -> None:
    ids = [bytes(8) + (number * 2**64 // 1000).to_bytes(8) for number in range(1000)]
    assert sum(chosen(id, share) for id in ids) == expected
