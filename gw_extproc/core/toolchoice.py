"""tool_choice and parallel_tool_calls, in Chat's form and for the tools that are really offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gw_extproc.core.dialects import Dialect
from gw_extproc.core.errors import CallerError
from gw_extproc.core.toolkinds import Tool
from gw_extproc.core.tools import Toolbox


def choose(choice: str | Mapping[str, Any] | None, toolbox: Toolbox, dialect: Dialect) -> Any:
    """Chat's tool_choice, or None to send none; narrows the toolbox where only some tools are allowed.

    Raises CallerError where the choice demands a tool that the model cannot be offered.
    """
    if choice is None or isinstance(choice, str):
        if choice == "required" and not toolbox.definitions():
            raise _impossible("'tool_choice' is 'required', but there is no tool that the model can call.")
        return choice if toolbox.definitions() else None
    if choice["type"] == "allowed_tools":
        return _allowed(choice, toolbox)
    return _named(choice, toolbox, dialect)


def _allowed(choice: Mapping[str, Any], toolbox: Toolbox) -> str | None:
    mode = choice.get("mode") or "auto"
    tools = [tool for each in choice["tools"] for tool in _matching(each, toolbox)]
    toolbox.offer_only(tools)
    if tools:
        return str(mode)
    if mode == "required":
        raise _impossible("'tool_choice' requires one of the allowed tools, but the model can call none of them.")
    return None


def _named(choice: Mapping[str, Any], toolbox: Toolbox, dialect: Dialect) -> Any:
    tools = _matching(choice, toolbox)
    if not tools:
        wanted = choice.get("name") or choice.get("server_label") or choice["type"]
        text = repr(wanted[:64]) if isinstance(wanted, str) else "named there"
        raise _impossible(f"'tool_choice' demands the tool {text}, which is not among the tools that the model can call.")
    if len(tools) == 1 and dialect.named_tool_choice:
        return {"type": "function", "function": {"name": toolbox.wire_name(tools[0])}}
    toolbox.offer_only(tools)
    return "required"


def _matching(choice: Mapping[str, Any], toolbox: Toolbox) -> Sequence[Tool]:
    name = choice.get("name")
    return toolbox.matching(str(choice.get("type")), name if isinstance(name, str) else None)


def _impossible(message: str) -> CallerError:
    return CallerError(message, code="invalid_value", param="tool_choice")
