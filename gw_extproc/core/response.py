"""The response object: the superset of what OpenAI's document and Open Responses require, with the effective values echoed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from gw_extproc.core import credentials
from gw_extproc.core.errors import encode
from gw_extproc.core.lifecycle import Status

Fields = dict[str, Any]
Body = Mapping[str, Any]

DEFAULTS: Mapping[str, Any] = {
    "background": False,
    "frequency_penalty": 0.0,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "presence_penalty": 0.0,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}
"""What holds where the caller says nothing (OpenAI's document: defaults; Open Responses: these fields are never absent)."""

OPTIONAL = ("user", "prompt", "prompt_cache_retention")
"""Echoed where given, absent otherwise."""


class ResponseObject:
    """The constant part of one response, encoded once; `snapshot` adds what changes.

    Raises TooDeep where the caller's values are nested more deeply than can be written.
    """

    def __init__(self, id: str, created_at: int, body: Body) -> None:
        self.model: str = body["model"]
        echoed = {name: body[name] if body.get(name) is not None else value for name, value in DEFAULTS.items()}
        optional = {name: body[name] for name in OPTIONAL if body.get(name) is not None}
        constant: Fields = {
            "id": id,
            "object": "response",
            "created_at": created_at,
            **echoed,
            **optional,
            **_conversation(body.get("conversation")),
            "reasoning": _reasoning(body.get("reasoning")),
            "text": _text(body.get("text") or {}),
            "tool_choice": _tool_choice(echoed["tool_choice"]),
            "tools": [_tool(tool) for tool in body.get("tools") or ()],
        }
        self._constant = encode(constant)[:-1]

    def snapshot(self, status: Status, output: Sequence[orjson.Fragment], *, store: bool, **changed: Any) -> bytes:
        """The object in that state, encoded; `changed` are fields known by now (usage, error, model, ...)."""
        changing = {**beginning(self.model, store=store), "status": status.text, "output": output, **changed}
        return b"%b,%b" % (self._constant, orjson.dumps(changing)[1:])


def beginning(model: str, *, store: bool) -> Fields:
    """The fields that change, as they are when the response is announced."""
    return {
        "model": model,
        "service_tier": "default",
        "status": Status.IN_PROGRESS.text,
        "store": store,
        "output": [],
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "usage": None,
    }


def _conversation(given: str | Body | None) -> Fields:
    if given is None:
        return {}
    return {"conversation": {"id": given if isinstance(given, str) else given["id"]}}


def _reasoning(given: Body | None) -> Fields | None:
    if given is None:
        return None
    summary = given.get("summary") or given.get("generate_summary")
    return {"effort": given.get("effort"), "summary": summary}


def _text(given: Body) -> Fields:
    form = dict(given.get("format") or {"type": "text"})
    if form["type"] == "json_schema":
        form = {
            **{name: value for name, value in form.items() if value is not None},
            "strict": bool(form.get("strict")),
        }
    verbosity = given.get("verbosity")
    return {"format": form} | ({} if verbosity is None else {"verbosity": verbosity})


def _tool_choice(given: str | Body) -> str | Body:
    if isinstance(given, str) or given["type"] != "allowed_tools":
        return given
    return {**given, "mode": given.get("mode") or "auto"}


def _tool(given: Body) -> Fields:
    if given["type"] != "function":
        return credentials.without(given)
    return {"description": None, "parameters": None, "strict": None, **given}
