"""tool_choice in Chat's form, for the tools that are really offered; it may narrow what is offered and which calls are allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gw_extproc.core.dialects import Dialect
from gw_extproc.core.errors import CallerError, quote
from gw_extproc.core.notices import Notices
from gw_extproc.core.tools import Toolbox, label, wanted


def choose(choice: str | Mapping[str, Any] | None, toolbox: Toolbox, dialect: Dialect, notices: Notices) -> Any:
    """Chat's tool_choice, or None to send none; narrows the toolbox where only some tools, or none, are allowed.

    Raises CallerError where the choice demands a tool that the model cannot be offered.
    """
    if choice is None or isinstance(choice, str):
        if choice == "none":
            toolbox.allow_none()
        if toolbox.definitions() or toolbox.expected():
            return choice
        if choice == "required":
            raise _impossible("it is 'required', but there is no tool that the model can call")
        return None
    if choice["type"] == "allowed_tools":
        return _allowed(choice, toolbox, notices)
    return _named(choice, toolbox, dialect, notices)


def _allowed(choice: Mapping[str, Any], toolbox: Toolbox, notices: Notices) -> str | None:
    mode = choice.get("mode") or "auto"
    matched, left_out = toolbox.matched(), toolbox.left_out()
    for index, each in enumerate(choice["tools"]):
        said = wanted(each)
        if said in matched or _is_expected(each, toolbox):
            continue
        if said[0] in ("function", "custom") and said not in left_out:
            raise _impossible(f"there is no tool {quote(said[1] or said[0])}", f"tool_choice.tools[{index}]")
        notices.add("allowed tools left out", label(each))
    tools = toolbox.matching({wanted(each) for each in choice["tools"]})
    toolbox.offer_only(tools)
    if tools or any(_is_expected(each, toolbox) for each in choice["tools"]):
        return str(mode)
    if mode == "required":
        raise _impossible("it requires one of the allowed tools, but the model can call none of them")
    return None


def _named(choice: Mapping[str, Any], toolbox: Toolbox, dialect: Dialect, notices: Notices) -> Any:
    tools = toolbox.matching({wanted(choice)})
    if not tools and _is_expected(choice, toolbox):
        return "required"
    if not tools:
        name = next(name for key in ("name", "server_label", "type") if isinstance(name := choice.get(key), str))
        raise _impossible(f"it demands the tool {quote(name)}, which is not among the tools that the model can call")
    if len(tools) == 1:
        if dialect.named_tool_choice:
            return {"type": "function", "function": {"name": toolbox.wire_name(tools[0])}}
        notices.shape("named_tool_choice", "tool_choice")
    toolbox.offer_only(tools)
    return "required"


def _is_expected(choice: Mapping[str, Any], toolbox: Toolbox) -> bool:
    """Whether it means a tool that is not known yet: the name may be on a list that has still to be fetched."""
    return wanted({name: value for name, value in choice.items() if name != "name"}) in toolbox.expected()


def following(choice: str | Mapping[str, Any] | None) -> str | Mapping[str, Any] | None:
    """What a tool_choice means for the model calls after the first: it no longer demands anything, but what it forbids stays so."""
    if choice is None or choice == "none":
        return choice
    if not isinstance(choice, str) and choice["type"] == "allowed_tools":
        return {**choice, "mode": "auto"}
    return "auto"


def _impossible(reason: str, param: str = "tool_choice") -> CallerError:
    return CallerError(f"Invalid value for '{param}': {reason}.", code="invalid_value", param=param)
