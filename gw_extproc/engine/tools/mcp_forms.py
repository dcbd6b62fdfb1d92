"""The items of MCP: lists of tools, calls, requests for approval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from gw_extproc.core.approvals import REQUEST, UNANSWERED
from gw_extproc.core.hosted import Form, Note, Told
from gw_extproc.core.toolkinds import BadArguments, Tool, parse_arguments

Given = Mapping[str, Any]


def tool_of(item: Given) -> Tool:
    return Tool("mcp", item["name"], item["server_label"])


def _legal(arguments: str) -> str:
    """Servers parse the arguments of a history, and fail on what is no object."""
    try:
        parse_arguments(arguments)
    except BadArguments:
        return orjson.dumps({"input": arguments}).decode()
    return arguments.strip() or "{}"


def error_text(error: object) -> str:
    """What an item's `error` says, as the model is told it; older clients send it as a text."""
    if not isinstance(error, Mapping):
        return str(error)
    content = error.get("message") or error.get("content")
    if isinstance(content, list):
        content = "\n".join(str(part.get("text")) for part in content if isinstance(part, Mapping) and part.get("text"))
    return str(content)


def _call_told(item: Given) -> Told:
    error = item.get("error")
    output = item.get("output") if error is None else f"Error: {error_text(error)}"
    return Told(tool_of(item), _legal(item["arguments"]), output if output is not None else "The call was broken off.")


def _list_told(item: Given) -> Note | None:
    error = item.get("error")
    return None if error is None else f"The tools of the MCP server {item['server_label']!r} are not available: {error}"


LIST = Form(
    "mcp_list_tools",
    "mcpl",
    told=_list_told,
    opening=lambda fields: {**fields, "tools": [], "error": None},
    opened="response.mcp_list_tools.in_progress",
    ended={"completed": "response.mcp_list_tools.completed", "failed": "response.mcp_list_tools.failed"},
    broken_off="failed",
)
CALL = Form(
    "mcp_call",
    "mcp",
    told=_call_told,
    opening=lambda fields: {**fields, "arguments": "", "output": None, "error": None},
    text="arguments",
    text_event="response.mcp_call_arguments",
    opened="response.mcp_call.in_progress",
    ended={"completed": "response.mcp_call.completed", "failed": "response.mcp_call.failed"},
)
APPROVAL = Form(REQUEST, "mcpr", told=lambda item: Told(tool_of(item), _legal(item["arguments"]), UNANSWERED), runs=False)
FORMS = (LIST, CALL, APPROVAL)


def call_fields(label: str, name: str, arguments: str, approved_by: str | None = None) -> dict[str, Any]:
    return {
        "server_label": label,
        "name": name,
        "arguments": arguments,
        "approval_request_id": approved_by,
        "output": None,
        "error": None,
    }
