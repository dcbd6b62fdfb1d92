"""What the caller allows of a server's tools, and what he wants to be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Given = Mapping[str, Any]


def allowed(tool: Given, rule: Sequence[str] | Given | None) -> bool:
    """Whether `allowed_tools` allows it: a list of names, or a filter; without a rule all are."""
    if rule is None:
        return True
    return matches(tool, rule) if isinstance(rule, Mapping) else tool["name"] in rule


def needs_approval(tool: Given, rule: str | Given | None) -> bool:
    """Whether `require_approval` wants to be asked: always, unless something says never. Where both say something, `always` wins."""
    if rule is None or isinstance(rule, str):
        return rule != "never"
    always, never = rule.get("always"), rule.get("never")
    if always is not None and matches(tool, always):
        return True
    return never is None or not matches(tool, never)


def matches(tool: Given, rule: Given) -> bool:
    """Whether all that a filter says holds; one that says nothing means no tool."""
    names, read_only = rule.get("tool_names"), rule.get("read_only")
    if names is None and read_only is None:
        return False
    is_read_only = (tool.get("annotations") or {}).get("readOnlyHint") is True
    return (names is None or tool["name"] in names) and (read_only is None or read_only is is_read_only)
