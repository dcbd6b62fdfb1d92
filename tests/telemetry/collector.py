"""An OpenTelemetry collector that keeps what it gets (OTLP over HTTP), in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

from tests.waiting import until

Value = str | int | float | bool | list["Value"]


@dataclass(frozen=True)
class Span:
    """A span as it came."""

    name: str
    kind: str
    trace_id: str
    id: str
    parent: str
    began: int
    ended: int
    failed: bool
    attributes: Mapping[str, Value]
    resource: Mapping[str, Value]
    events: Sequence[str]
    links: Sequence[tuple[str, str]]


@dataclass
class Collector:
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def trace_of(self, response_id: str) -> list[Span]:
        """The gateway's spans of the trace in which the response was made, when its exchange has ended: that of the exchange first."""
        until(lambda: self._root(response_id) is not None, f"the span of {response_id}")
        root = self._root(response_id)
        assert root is not None
        of_trace = [span for span in self.spans if span.trace_id == root.trace_id and span is not root]
        return [root, *(span for span in of_trace if span.resource["service.name"] == root.resource["service.name"])]

    def line(self, id: str, top: str) -> list[str]:
        """Ids from that of a span up to the one that began it all. Envoy tells of its spans a few seconds later."""
        until(lambda: self._above(id)[-1] == top, f"the spans between {id} and {top}")
        return self._above(id)

    def _above(self, id: str) -> list[str]:
        parents, line = {span.id: span.parent for span in self.spans}, [id]
        while parent := parents.get(line[-1]):
            line.append(parent)
        return line

    def _root(self, response_id: str) -> Span | None:
        """That of the exchange; of a background response, that of its making."""
        found = [
            span for span in self.spans if span.attributes.get("gen_ai.response.id") == response_id and "http.route" in span.attributes
        ]
        made = [span for span in found if span.kind == "CONSUMER"]
        return next(iter(made or found), None)


@contextmanager
def running(status: int = 200, port: int = 0) -> Iterator[Collector]:
    """One that answers with that status, and keeps nothing unless that is 200."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers["content-length"]
            body = b"".join(_chunks(self.rfile)) if length is None else self.rfile.read(int(length))
            collector.requests.append(body)
            if status == 200:
                collector.spans.extend(_spans(body))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _chunks(stream: BufferedIOBase) -> Iterator[bytes]:
    """Of a body whose length is not told: Envoy's."""
    while size := int(stream.readline(), 16):
        yield stream.read(size)
        stream.readline()
    stream.readline()


def _spans(body: bytes) -> Iterator[Span]:
    for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            yield from (_span(each, resource) for each in of_scope.spans)


def _span(span: Wire, resource: Mapping[str, Value]) -> Span:
    return Span(
        name=span.name,
        kind=Wire.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        failed=span.status.code == 2,
        attributes=_values(span.attributes),
        resource=resource,
        events=[event.name for event in span.events],
        links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
    )


def _values(pairs: Sequence[KeyValue]) -> Mapping[str, Value]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(each) for each in value.array_value.values]
    found = getattr(value, str(kind))
    assert isinstance(found, str | int | float | bool)
    return found
