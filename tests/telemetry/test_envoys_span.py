"""Where Envoy traces, its trace goes on through the gateway to the model's server."""

from __future__ import annotations

import httpx2

from gw_extproc.telemetry import traceparent
from tests.events import events_of
from tests.real import chat
from tests.real.upstream import Upstream
from tests.telemetry import tracing_envoy
from tests.telemetry.collector import Collector
from tests.telemetry.conftest import PROMPTLY
from tests.waiting import DEADLINE, until

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_envoys_span_is_the_parent(upstream: Upstream, collector: Collector) -> None:
    model = upstream.script(chat.answer())
    with tracing_envoy.running(upstream, collector.url, PROMPTLY) as url:
        headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        body = {"model": model, "input": "Hi", "stream": True}
        answer = httpx2.post(f"{url}/responses", json=body, headers=headers, timeout=DEADLINE)
        root, *others = collector.trace_of(events_of(answer.text)[-1]["response"]["id"])
        until(lambda: any(span.parent == SPAN for span in collector.spans), "Envoy's own span")
    (of_client,) = (span for span in collector.spans if span.parent == SPAN)
    spans = {span.id: span for span in collector.spans}
    assert (root.trace_id, of_client.trace_id) == (TRACE, TRACE)
    assert of_client.resource["service.name"] == "envoy"
    above = [root.id]
    while (parent := spans.get(spans[above[-1]].parent)) is not None:
        above.append(parent.id)
    assert above[-1] == of_client.id, [(span.name, span.id, span.parent) for span in (of_client, root, *others)]
    sent = traceparent.parse(upstream.received(model).headers["traceparent"])
    assert sent is not None
    assert (sent.trace_id.hex(), sent.sampled) == (TRACE, True)
