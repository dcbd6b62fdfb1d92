"""Traces: who is traced, and the way of the spans to an OpenTelemetry collector (OTLP over HTTP).

Nothing here waits for the collector. Spans go into a bounded queue that a thread of the SDK empties; where it is full, or the collector
is away, they are lost, which is told once and not for each batch. Imported only where there is a collector, as the SDK takes a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from gw_extproc import __version__
from gw_extproc.settings import Settings
from gw_extproc.telemetry import traceparent
from gw_extproc.telemetry.captured import Captured
from gw_extproc.telemetry.record import Door, Exchange
from gw_extproc.telemetry.spans import Spans, Value

logger = logging.getLogger("gw_extproc.traces")

LAST_SPANS = 2.0
"""Seconds that a process which ends waits for the collector: the launchers wait a little longer for it than its drain timeout."""

PATH = "/v1/traces"

Export = Callable[[ReadableSpan], None]


class Traces:
    """Gives exchanges their ids where they are to be traced, and tells their spans."""

    def __init__(self, spans: Spans, export: Export, close: Callable[[], None], share: float) -> None:
        self._spans = spans
        self._export = export
        self._close = close
        self._share = share

    def began(self, exchange: Exchange) -> None:
        """Who asks decides whether it is traced, if he says so. What is made in the background is traced like the request for it,
        which is read later."""
        if exchange.door is Door.BACKGROUND:
            exchange.span_id = os.urandom(8)
            self._capture(exchange)
            return
        parent = traceparent.parse(exchange.traceparent)
        if parent is None:
            exchange.traceparent = None
        trace_id = os.urandom(16) if parent is None else parent.trace_id
        if chosen(trace_id, self._share) if parent is None else parent.sampled:
            exchange.trace_id, exchange.span_id = trace_id, os.urandom(8)
            self._capture(exchange)

    def _capture(self, exchange: Exchange) -> None:
        if self._spans.content and exchange.captured is None:
            exchange.captured = Captured()

    def ended(self, exchange: Exchange) -> None:
        if exchange.trace_id:
            for span in self._spans.of(exchange):
                self._export(span)

    async def close(self) -> None:
        """Waits a little for what is still to be sent; a thread that the collector keeps longer ends with the process."""
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, LAST_SPANS)


def chosen(trace_id: bytes, share: float) -> bool:
    """Whether a trace is among that share of all: the same answer everywhere for the same id, as OpenTelemetry's samplers give it."""
    return int.from_bytes(trace_id[8:]) < share * 2**64


def traces(settings: Settings) -> Traces:
    """Those that go to the collector of the settings."""
    assert settings.otlp_endpoint is not None, "asked before"
    exporter = Telling(OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint}{PATH}"), settings.otlp_endpoint)
    processor = BatchSpanProcessor(exporter)
    spans = Spans(_resource(), _server(settings), content=settings.trace_content == "on")
    return Traces(spans, processor.on_end, processor.shutdown, settings.trace_sample)


class Telling(SpanExporter):
    """Says once that the collector is away, and that it is back."""

    def __init__(self, exporter: SpanExporter, where: str) -> None:
        self._exporter = exporter
        self._where = where
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            logger.warning("traces are lost: the collector at %s does not take them", self._where)
        elif self._away and not away:
            logger.warning("traces are taken again by the collector at %s", self._where)
        self._away = away
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _resource() -> Resource:
    """What the spans say of this process; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win."""
    ours: dict[str, str | int] = {"service.name": "gw-extproc", "service.version": __version__, "process.pid": os.getpid()}
    return Resource.create().merge(Resource(ours)).merge(OTELResourceDetector().detect())


def _server(settings: Settings) -> Mapping[str, Value]:
    upstream = settings.upstream
    return {} if upstream is None else {"server.address": upstream.host, "server.port": upstream.port}
