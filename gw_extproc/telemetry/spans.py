"""The spans of an exchange, made from its record when it has ended: names and attributes are OpenTelemetry's conventions for HTTP
servers, generative AI and MCP.

One span stands for the exchange; those of its steps are its children. What is made in the background goes on with the trace of the
request that queued it, as its child: the conventions for messaging allow that where one message is one piece of work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gw_extproc import __version__
from gw_extproc.telemetry import messages, traceparent
from gw_extproc.telemetry.bounds import PROVIDERS
from gw_extproc.telemetry.printable import printable
from gw_extproc.telemetry.record import Door, Exchange, Step, StepKind

Value = str | int | float | bool | Sequence[str]
Attributes = dict[str, Value]

SCOPE = InstrumentationScope("gw_extproc", __version__)

_BACKGROUND = "background response"
_FAILURE = 500
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


@dataclass(frozen=True)
class Shape:
    """How the span of a step looks."""

    kind: SpanKind
    name: Callable[[Step, Exchange], str]
    attributes: Callable[[Step, Exchange], Mapping[str, Value | None]]


@dataclass(frozen=True)
class Spans:
    """Makes spans, for one process."""

    resource: Resource
    server: Mapping[str, Value] = field(default_factory=dict)
    """Where the model's server is, as attributes."""
    content: bool = False
    """Whether what was asked and answered is told too."""

    def of(self, exchange: Exchange) -> Iterator[ReadableSpan]:
        """The spans of its steps, then its own: who has got that has all."""
        calls = 0
        for step in exchange.steps:
            attributes: Mapping[str, Value | None] = {}
            if step.kind is StepKind.MODEL:
                attributes = {**self.server, **self._said(exchange, step, calls)}
                calls += 1
            yield self._child(exchange, step, attributes)
        yield self._root(exchange)

    def _root(self, exchange: Exchange) -> ReadableSpan:
        parent = traceparent.parse(exchange.traceparent)
        background = exchange.door is Door.BACKGROUND
        return ReadableSpan(
            _BACKGROUND if background else f"{printable(exchange.method)} {exchange.route}",
            context=_context(exchange.trace_id, exchange.span_id),
            parent=None if parent is None else _context(parent.trace_id, parent.span_id, remote=True),
            resource=self.resource,
            attributes=_clean(_of_exchange(exchange)),
            kind=SpanKind.CONSUMER if background else SpanKind.SERVER,
            status=_status(failed=(exchange.http_status or 0) >= _FAILURE or exchange.status == "failed"),
            start_time=_clock(exchange, exchange.began),
            end_time=_clock(exchange, exchange.ended),
            instrumentation_scope=SCOPE,
        )

    def _child(self, exchange: Exchange, step: Step, more: Mapping[str, Value | None]) -> ReadableSpan:
        shape = _SHAPES[step.kind]
        return ReadableSpan(
            shape.name(step, exchange),
            context=_context(exchange.trace_id, step.span_id),
            parent=_context(exchange.trace_id, exchange.span_id),
            resource=self.resource,
            attributes=_clean({**shape.attributes(step, exchange), **more, "error.type": step.failed}),
            events=() if step.heard is None else (Event("first token", timestamp=_clock(exchange, step.heard)),),
            kind=shape.kind,
            status=_status(failed=step.failed is not None),
            start_time=_clock(exchange, step.began),
            end_time=_clock(exchange, step.ended),
            instrumentation_scope=SCOPE,
        )

    def _said(self, exchange: Exchange, step: Step, number: int) -> Mapping[str, str | None]:
        """What was asked in a model call; with the last one, what was answered."""
        captured = exchange.captured
        if captured is None or not self.content:
            return {}
        asked = captured.chats[number] if number < len(captured.chats) else b""
        return {
            "gen_ai.input.messages": messages.asked(asked),
            "gen_ai.output.messages": messages.answered(captured.answer) if step is exchange.call else None,
        }


def _of_exchange(exchange: Exchange) -> Mapping[str, Value | None]:
    return {
        "http.request.method": exchange.method,
        "http.route": exchange.route,
        "http.response.status_code": exchange.http_status,
        "http.request.header.x-request-id": [printable(exchange.request_id)],
        "error.type": exchange.error,
        "gw_extproc.error.param": exchange.fault and exchange.fault.param,
        "gen_ai.request.model": exchange.model,
        "gen_ai.response.id": exchange.response_id,
        "gen_ai.conversation.id": exchange.conversation,
        "gw_extproc.door": exchange.door.text,
        "gw_extproc.tenant": exchange.tenant or None,
        "gw_extproc.status": exchange.status,
        "gw_extproc.reason": exchange.reason,
        "gw_extproc.stored": exchange.stored,
        "gw_extproc.left": exchange.left,
        "gw_extproc.notices": [f"{treatment}: {printable(name)}" for treatment, name, _ in exchange.notices][:_MOST_NOTICES],
    }


_MOST_NOTICES = 32


def _of_model_call(step: Step, exchange: Exchange) -> Mapping[str, Value | None]:
    last, facts = step is exchange.call, dict(step.facts)
    reason = facts.pop("finish_reason", None)
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDERS.get(exchange.dialect, exchange.dialect),
        "gen_ai.request.model": exchange.upstream_model,
        "gen_ai.request.stream": exchange.stream,
        "gen_ai.response.id": exchange.response_id if last else None,
        "gen_ai.conversation.id": exchange.conversation,
        "gen_ai.response.time_to_first_chunk": None if step.heard is None else step.heard - step.began,
        "gen_ai.response.finish_reasons": None if reason is None else [str(reason)],
        **facts,
    }


def _of_tool(step: Step, _: Exchange) -> Mapping[str, Value | None]:
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.type": "extension", "gw_extproc.tool": step.name, **step.facts}


def _tool_name(step: Step, _: Exchange) -> str:
    return f"execute_tool {printable(str(step.facts.get('gen_ai.tool.name', step.name)))}"


_SHAPES: Mapping[StepKind, Shape] = {
    StepKind.TRANSLATE: Shape(SpanKind.INTERNAL, lambda step, _: f"translate {step.name}", lambda step, _: step.facts),
    StepKind.STORE: Shape(
        SpanKind.CLIENT,
        lambda step, _: f"store {step.name}",
        lambda step, _: {"db.system.name": "redis", "db.operation.name": step.name, **step.facts},
    ),
    StepKind.MODEL: Shape(
        SpanKind.CLIENT, lambda _, exchange: f"chat {printable(exchange.upstream_model or '')}".rstrip(), _of_model_call
    ),
    StepKind.TOOL: Shape(SpanKind.INTERNAL, _tool_name, _of_tool),
    StepKind.LIST_TOOLS: Shape(
        SpanKind.CLIENT, lambda *_: "tools/list", lambda step, _: {"mcp.method.name": "tools/list", **step.facts}
    ),
}


def _clean(attributes: Mapping[str, Value | None]) -> Attributes:
    """Without what is not known; texts from outside are short and printable, but for contents, which were asked for."""
    return {
        name: printable(value) if isinstance(value, str) and not name.endswith(".messages") else value
        for name, value in attributes.items()
        if value is not None and value != []
    }


def _context(trace_id: bytes, span_id: bytes, *, remote: bool = False) -> SpanContext:
    return SpanContext(int.from_bytes(trace_id), int.from_bytes(span_id), remote, _SAMPLED)


def _status(*, failed: bool) -> Status:
    return Status(StatusCode.ERROR if failed else StatusCode.UNSET)


def _clock(exchange: Exchange, moment: float | None) -> int:
    """What the clock showed then, in nanoseconds."""
    assert moment is not None, "it has ended"
    return int((exchange.began_at + moment - exchange.began) * 1e9)
