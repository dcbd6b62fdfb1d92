"""One line of the log for each exchange: who asked for what, what came of it, how long it took.

Never what was said, nor a credential, unless the settings ask for bodies: then as `redaction` leaves them. All that comes from outside
is printable and short.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from gw_extproc.telemetry.captured import Captured
from gw_extproc.telemetry.logs import FIELDS
from gw_extproc.telemetry.printable import printable
from gw_extproc.telemetry.record import Exchange, StepKind
from gw_extproc.telemetry.redaction import shown

logger = logging.getLogger("gw_extproc.exchange")

_PROBES = ("/healthz", "/readyz")
"""Asked every few seconds by whoever watches the process."""

MOST_NOTICES = 32
"""Notices of one exchange that are told: their names may be the caller's."""


class Lines:
    """Writes them; with `bodies`, with what was asked and answered."""

    def __init__(self, *, bodies: bool) -> None:
        self._bodies = bodies

    def began(self, exchange: Exchange) -> None:
        if self._bodies and exchange.captured is None:
            exchange.captured = Captured()

    def ended(self, exchange: Exchange) -> None:
        level = logging.DEBUG if exchange.route in _PROBES else logging.INFO
        if logger.isEnabledFor(level):
            logger.log(level, "exchange", extra={FIELDS: {**dict(_fields(exchange)), **self._said(exchange)}})

    async def close(self) -> None:
        return

    def _said(self, exchange: Exchange) -> Mapping[str, str]:
        captured = exchange.captured
        if not self._bodies or captured is None:
            return {}
        bodies = {"request": shown(captured.request), "answer": shown(captured.answer)}
        return {name: body for name, body in bodies.items() if body is not None}


def _fields(exchange: Exchange) -> Iterator[tuple[str, object]]:
    """What there is to say; what is not known, or is not so, is left out."""
    for name, value in _facts(exchange).items():
        if value is not None and value is not False:
            yield name, printable(value) if isinstance(value, str) else value


def _facts(exchange: Exchange) -> Mapping[str, Any]:
    usage, first, ended = exchange.usage, exchange.pace.first, exchange.ended or exchange.began
    fault = exchange.fault
    notices = [f"{treatment}: {printable(name)}" for treatment, name, _ in islice(exchange.notices, MOST_NOTICES)]
    return {
        "request_id": exchange.request_id,
        "trace_id": exchange.trace_id.hex() or None,
        "door": exchange.door.text,
        "method": exchange.method,
        "route": exchange.route,
        "http_status": exchange.http_status,
        "seconds": round(ended - exchange.began, 4),
        "tenant": exchange.tenant or None,
        "response_id": exchange.response_id,
        "model": exchange.model,
        "upstream_model": exchange.upstream_model if exchange.upstream_model != exchange.model else None,
        "status": exchange.status,
        "reason": exchange.reason,
        "error": exchange.error,
        "error_type": fault and fault.type,
        "error_param": fault and fault.param,
        "left": exchange.left,
        "stream": exchange.stream,
        "background": exchange.background,
        "stored": exchange.stored,
        "first_token_seconds": None if first is None else round(first - exchange.began, 4),
        "model_calls": sum(step.kind is StepKind.MODEL for step in exchange.steps) or None,
        "tools": [printable(step.name) for step in exchange.steps if step.kind is StepKind.TOOL] or None,
        "input_tokens": usage and usage.input,
        "cached_tokens": usage and usage.cached,
        "output_tokens": usage and usage.output,
        "reasoning_tokens": usage and usage.reasoning,
        "tokens_estimated": usage and usage.estimated,
        "notices": notices or None,
    }
