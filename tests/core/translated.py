"""Words of the request tests: a request with some fields, and the Chat request or the refusal that becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from gw_extproc.core.conversation import Items
from gw_extproc.core.dialects import DIALECTS, Dialect, System
from gw_extproc.core.errors import CallerError
from gw_extproc.core.request import Plan, input_items, translate
from gw_extproc.schema.validation import unknown_fields, validate
from tests.strict_chat import CALL_ID, violations

Fields = dict[str, Any]

FUNCTION: Fields = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}
PICTURE: Fields = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
HELLO: Fields = {"role": "user", "content": "hello"}


def request(**fields: object) -> Fields:
    return {"model": "m", "input": "hello", **fields}


def plan(dialect: str = "generic", /, *, reject: bool = False, history: Sequence[Fields] = (), **fields: Any) -> Plan:
    """What becomes of the request; with a history it continues it."""
    payload = validate(request(**fields))
    items = Items(input_items(payload), history, "previous_response_id" if history else None)
    return translate(payload, items, DIALECTS[dialect], reject_unsupported=reject, unknown=unknown_fields(payload))


def chat(dialect: str = "generic", **fields: Any) -> Fields:
    """The Chat request, which is legal."""
    return legal(orjson.loads(orjson.dumps(plan(dialect, **fields).chat)), DIALECTS[dialect])


def legal(given: Fields, dialect: Dialect) -> Fields:
    found = violations(
        _without_extra(given, dialect),
        system_first=dialect.system is System.FIRST,
        call_id=r"[a-zA-Z0-9]{9}" if dialect.call_ids.exact else CALL_ID,
        empty_content=dialect.empty_content,
    )
    assert found == []
    return given


def _without_extra(given: Fields, dialect: Dialect) -> Fields:
    """The request as it were without the fields that only this dialect's servers know on a call."""
    told = []
    for message in given["messages"]:
        if calls := message.get("tool_calls"):
            first = {name: value for name, value in calls[0].items() if name not in dialect.first_call_extra}
            message = {**message, "tool_calls": [first, *calls[1:]]}
        told.append(message)
    return {**given, "messages": told}


def messages(*items: Fields, dialect: str = "generic", **fields: Any) -> list[Fields]:
    told: list[Fields] = chat(dialect, input=list(items), **fields)["messages"]
    return told


def notice(dialect: str = "generic", **fields: Any) -> str:
    return plan(dialect, **fields).notices.header() or ""


def refusal(dialect: str = "generic", *, reject: bool = False, **fields: Any) -> CallerError:
    with pytest.raises(CallerError) as caught:
        plan(dialect, reject=reject, **fields)
    error = caught.value
    assert error.status == 400
    assert f"'{error.param}'" in error.message
    assert error.message.startswith(("Unsupported value for '", "Invalid value for '", "Missing required parameter: '"))
    assert error.message.endswith(".")
    return error


def refused(dialect: str = "generic", *, reject: bool = False, **fields: Any) -> tuple[str | None, str | None]:
    """The path and the code of the error."""
    error = refusal(dialect, reject=reject, **fields)
    return error.param, error.code


def function_call(call_id: str, name: str = "look", arguments: str = "{}", **fields: object) -> Fields:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **fields}


def output(call_id: str, value: object = "done", **fields: object) -> Fields:
    return {"type": "function_call_output", "call_id": call_id, "output": value, **fields}


def assistant(content: object) -> Fields:
    return {"role": "assistant", "content": content}


def called(call_id: str, name: str = "look", arguments: str = "{}") -> Fields:
    """A call as Chat has it."""
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def told(call_id: str, content: str = "done") -> Fields:
    """An output as Chat has it."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}
