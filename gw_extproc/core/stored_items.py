"""Items in normal form: what callers may send in several ways is kept and given back in the one that OpenAI's document has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gw_extproc.core import credentials

Item = dict[str, Any]
Given = Mapping[str, Any]

_STATUSES = ("in_progress", "completed", "incomplete")
_FAILING = ("mcp_call", "mcp_list_tools", "web_search_call", "code_interpreter_call")  # and `failed`
_PATCHED = "apply_patch_call_output"  # its status is what the model is told of its patch, whatever that says
_TEXTS = ("input_text", "output_text", "text")  # names that clients mix


def normal(item: Given, id: str | None) -> Item:
    """The item with type, status, part lists and all fields that it must have, under that id, or under its own where `id` is None.

    The item is a validated one and no reference. What it means to a model does not change, and what is normal already stays as it is.
    """
    type = item.get("type") or "message"
    form = _FORMS.get(type)
    fields = {**item} if form is None else form(_said(item))
    status = item.get("status")
    known = (*_STATUSES, "failed") if type in _FAILING else _STATUSES
    if not status or (type in _FORMS and type != _PATCHED and status not in known):
        status = "completed"
    id = id or item.get("id")
    head = {"id": id, "type": type, "status": status} if id else {"type": type, "status": status}
    return head | {name: value for name, value in fields.items() if name not in ("id", "type", "status")}


def _said(given: Given) -> Item:
    """What is there: null is as good as absent in all that the gateway knows."""
    return {name: value for name, value in given.items() if value is not None}


def _message(item: Item) -> Item:
    part = _output_part if item["role"] == "assistant" else input_part
    return {"role": item["role"], **item, "content": _parts(item.get("content", ()), part)}


def _tool_output(item: Item) -> Item:
    """A string stays one: OpenAI's document has both forms."""
    output = item.get("output", "")
    return {**item, "output": output if isinstance(output, str) else _parts(output, input_part)}


def _parts(content: str | Sequence[Given], form: Callable[[Given], Item]) -> list[Item]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return [form(part) for part in content]


def input_part(given: Given) -> Item:
    """The normal form of a part that is not the model's."""
    part = _said(given)
    if part["type"] in _TEXTS:
        return {**part, "type": "input_text"}
    return {"detail": "auto", **part} if part["type"] == "input_image" else part


def _output_part(given: Given) -> Item:
    part = _said(given)
    if part["type"] == "refusal":
        return part
    fields = {name: value for name, value in part.items() if name != "type"}
    return {"type": "output_text", "text": part["text"], "annotations": [], "logprobs": [], **fields}


def _reasoning(item: Item) -> Item:
    """`summary` is always there, `content` where it was sent."""
    item = {"summary": [], **item}
    kinds = {"summary": "summary_text", "content": "reasoning_text"}
    return item | {name: [{**part, "type": kind} for part in item[name]] for name, kind in kinds.items() if name in item}


def _local_shell(item: Item) -> Item:
    """Call and output may name each other by `id`, which is not kept."""
    return {**item, "call_id": item.get("call_id") or item["id"]}


def _local_shell_call(item: Item) -> Item:
    return {**_local_shell(item), "action": {"type": "exec", "env": {}, **_said(item["action"])}}


def _shell_call(item: Item) -> Item:
    return {"environment": None, **item, "action": {"timeout_ms": None, "max_output_length": None, **item["action"]}}


def _additional_tools(item: Item) -> Item:
    return {"role": "developer", **item, "tools": [credentials.without(tool) for tool in item.get("tools", ())]}


def _with(**defaults: Any) -> Callable[[Item], Item]:
    return lambda item: {**defaults, **item}


_LISTED: Item = {"description": None, "annotations": None}

_FORMS: Mapping[str, Callable[[Item], Item]] = {
    "message": _message,
    "function_call": _with(),
    "function_call_output": _tool_output,
    "custom_tool_call": _with(),
    "custom_tool_call_output": _tool_output,
    "reasoning": _reasoning,
    "local_shell_call": _local_shell_call,
    "local_shell_call_output": _local_shell,
    "shell_call": _shell_call,
    "shell_call_output": _with(max_output_length=None),
    "apply_patch_call": _with(),
    _PATCHED: _with(),
    "tool_search_call": _with(call_id=None, execution="client"),
    "tool_search_output": _with(call_id=None, execution="client"),
    "additional_tools": _additional_tools,
    "compaction": _with(),
    "mcp_call": _with(approval_request_id=None, output=None, error=None),
    "mcp_list_tools": lambda item: {**item, "error": item.get("error"), "tools": [{**_LISTED, **tool} for tool in item["tools"]]},
    "web_search_call": lambda item: {**item, "action": item.get("action", {"type": "search", "query": "", "queries": []})},
    "code_interpreter_call": _with(container_id="auto", code="", outputs=None),
    "mcp_approval_request": _with(),
    "mcp_approval_response": _with(),
}
"""What becomes of each type that the gateway knows; others are kept as they came."""
