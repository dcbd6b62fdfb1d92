"""One exchange as the inspector tells it: in a line of its list, or with everything that is known of it.

Names and times only, unless contents were captured. Times are seconds from the exchange's beginning; `at` is Unix time in milliseconds.
"""

from __future__ import annotations

from typing import Any

from gw_extproc.core import ids
from gw_extproc.core.paths import RESPONSES
from gw_extproc.telemetry.captured import Captured
from gw_extproc.telemetry.pace import GAP_BOUNDS
from gw_extproc.telemetry.record import Door, Exchange, Step, StepKind

Json = dict[str, Any]

STATES = ("running", "completed", "incomplete", "failed", "cancelled", "rejected", "done")
"""What a list can be narrowed to; `done` is what makes no response and went well."""

FAULTS = ("failed", "rejected")


def makes_response(exchange: Exchange) -> bool:
    """Whether it was meant to make one: also where it was refused."""
    return exchange.door in (Door.WEBSOCKET, Door.BACKGROUND) or (exchange.method == "POST" and exchange.route == RESPONSES)


def state(exchange: Exchange) -> str:
    """One of STATES."""
    if exchange.ended is None:
        return "running"
    if exchange.status is not None and exchange.status in STATES:
        return exchange.status
    return "rejected" if exchange.error is not None or (exchange.http_status or 0) >= 400 else "done"


def row(exchange: Exchange, id: str, worker: str, now: float) -> Json:
    """The line; `now` is the time for what is still running."""
    response = ids.parse_response(exchange.response_id or "")
    usage = exchange.usage
    return {
        "id": id,
        "worker": worker,
        "at": round(exchange.began_at * 1000),
        "door": exchange.door.text,
        "method": exchange.method,
        "route": exchange.route,
        "request_id": exchange.request_id,
        "response_id": exchange.response_id,
        "thread": response and response.thread,
        "tenant": exchange.tenant,
        "model": exchange.model,
        "state": state(exchange),
        "http": exchange.http_status,
        "error": exchange.error,
        "param": exchange.fault and exchange.fault.param,
        "left": exchange.left,
        "reason": exchange.reason,
        "stream": exchange.stream,
        "background": exchange.background,
        "stored": exchange.stored,
        "seconds": _since(exchange, now if exchange.ended is None else exchange.ended),
        "first_token": _since(exchange, exchange.pace.first),
        "tokens": usage and usage._asdict(),
        "notices": sum(1 for _ in exchange.notices),
        "tools": sum(1 for step in exchange.steps if step.kind is StepKind.TOOL),
    }


def detail(exchange: Exchange) -> Json:
    """What the line leaves out, besides the contents."""
    pace = exchange.pace
    gaps = pace.gaps()
    return {
        "error_type": exchange.fault and exchange.fault.type,
        "upstream_model": exchange.upstream_model,
        "answered_model": exchange.answered_model,
        "dialect": exchange.dialect,
        "finish_reason": exchange.finish_reason,
        "trace_id": exchange.trace_id.hex() or None,
        "notices": [{"treatment": each.treatment, "field": each.name, "rule": each.rule} for each in exchange.notices],
        "rules": [each._asdict() for each in exchange.notices.shaped()],
        "steps": [_step(exchange, step) for step in exchange.steps],
        "phases": {name: round(seconds, 6) for name, seconds in exchange.phases.items() if seconds},
        "added_to_first_token": exchange.added_to_first_token,
        "pace": {
            "count": pace.count,
            "bounds": GAP_BOUNDS,
            "gaps": gaps.counts,
            "longest": gaps.longest,
            "last": _since(exchange, pace.last),
        },
    }


def _step(exchange: Exchange, step: Step) -> Json:
    return {
        "kind": step.kind.text,
        "name": step.name,
        "began": _since(exchange, step.began),
        "ended": _since(exchange, step.ended),
        "failed": step.failed,
        "facts": step.facts,
    }


def contents(exchange: Exchange, captured: Captured) -> Json:
    """What was said."""
    return {
        "request": _text(captured.request),
        "chats": [_text(chat) for chat in captured.chats],
        "events": [[_since(exchange, at), _text(events)] for at, events in captured.events],
        "answer": _text(captured.answer),
        "cut": captured.cut,
    }


def _text(data: bytes) -> str:
    """Whatever was cut in the middle of a letter."""
    return data.decode("utf-8", "replace")


def _since(exchange: Exchange, at: float | None) -> float | None:
    return None if at is None else round(at - exchange.began, 6)
