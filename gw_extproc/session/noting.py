"""What is noted of a response in the record of its exchange."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from gw_extproc.core import credentials
from gw_extproc.core.assembler import Assembler
from gw_extproc.core.errors import TooDeep, encode
from gw_extproc.core.request import Plan
from gw_extproc.telemetry.record import Exchange, Usage


def begun(exchange: Exchange, plan: Plan, response_id: str, asked: str, called: str, dialect: str, *, store: bool) -> None:
    """A request was accepted: the model under the name that was asked for, and that it is called by."""
    exchange.response_id, exchange.model, exchange.upstream_model, exchange.dialect = response_id, asked, called, dialect
    exchange.stream, exchange.background, exchange.stored, exchange.notices = plan.stream, plan.background, store, plan.notices


def asked(exchange: Exchange, request: Mapping[str, Any]) -> None:
    """What the caller wants, where contents are captured: never with his credentials for other servers."""
    if exchange.captured is None:
        return
    shown, items = _shown(request), request.get("input")
    if isinstance(items, list):
        shown["input"] = [_shown(item) for item in items]
    with suppress(TooDeep):  # whatever it does not reach is read, though it cannot be written
        exchange.captured.asks(encode(shown))


def _shown(given: Mapping[str, Any]) -> dict[str, Any]:
    return {**given, "tools": [credentials.without(tool) for tool in given["tools"]]} if given.get("tools") else dict(given)


def ended(exchange: Exchange, assembler: Assembler) -> None:
    """The response has ended."""
    result = assembler.ended_with
    exchange.status, exchange.finish_reason = assembler.status.text, assembler.finish_reason
    exchange.answered_model, exchange.usage = result.get("model"), _usage(result.get("usage"), estimated=assembler.usage_estimated)
    if details := result.get("incomplete_details"):
        exchange.reason = details["reason"]
    if assembler.error is not None:
        exchange.fail(assembler.error)
    call_ended(exchange, assembler)
    if exchange.call is not None:
        exchange.call.end(exchange.error)


def call_ended(exchange: Exchange, assembler: Assembler) -> None:
    """A model has answered; the response may go on with another call."""
    if exchange.call is None:
        return
    facts, call = exchange.call.facts, assembler.call_ended
    if call.model:
        facts["gen_ai.response.model"] = call.model
    if call.finish_reason:
        facts["finish_reason"] = call.finish_reason
    if call.usage is not None:
        facts["gen_ai.usage.input_tokens"] = call.usage["input_tokens"]
        facts["gen_ai.usage.output_tokens"] = call.usage["output_tokens"]
        facts["gen_ai.usage.cache_read.input_tokens"] = call.usage["input_tokens_details"]["cached_tokens"]
        facts["gen_ai.usage.reasoning.output_tokens"] = call.usage["output_tokens_details"]["reasoning_tokens"]


def told(exchange: Exchange, answer: bytes, last: bytes) -> None:
    """The caller is told the object, or the error in its place, with these last events."""
    if exchange.captured is not None:
        exchange.tells(last)
        exchange.captured.tells(answer)


def _usage(given: Mapping[str, Any] | None, *, estimated: bool) -> Usage | None:
    if given is None:
        return None
    return Usage(
        given["input_tokens"],
        given["input_tokens_details"]["cached_tokens"],
        given["output_tokens"],
        given["output_tokens_details"]["reasoning_tokens"],
        estimated,
    )
