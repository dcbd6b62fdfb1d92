"""The tools of one request: what the model is offered, under which names, and what a call of each name means.

Names on the wire are unique, at most 64 characters, letters, digits, `_` and `-`. A tool keeps its own name where that is legal and
free, else it is marked with a digest; a tool of a namespace is `namespace__name`. The same tools always get the same names, so a
history stays readable to the model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from gw_extproc.core.errors import quote, unsupported
from gw_extproc.core.notices import Notices
from gw_extproc.core.toolkinds import CUSTOM_PARAMETERS, WHOLE_CALLS, Tool, custom_description

Definition = dict[str, Any]
Wanted = tuple[str, str | None]
"""How a tool_choice means tools: by type, and by name where it gives one (of a namespace: all its tools)."""

LONGEST_NAME = 64
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]")
_NO_PARAMETERS: Definition = {"type": "object", "properties": {}}


class Toolbox:
    """All tools that this request knows, and those of them that the model may call."""

    def __init__(self, notices: Notices, *, reject_unsupported: bool) -> None:
        self._notices = notices
        self._reject_unsupported = reject_unsupported
        self._names: dict[Tool, str] = {}
        self._tools: dict[str, Tool] = {}
        self._definitions: dict[str, Definition] = {}
        self._withheld: frozenset[str] = frozenset()

    def add(self, tools: Iterable[Mapping[str, Any]], path: str) -> None:
        """Adds the tools of a `tools` list; one that is there already takes the new definition."""
        for index, tool in enumerate(tools):
            self._add(tool, None, f"{path}[{index}]")

    def definitions(self) -> Sequence[Definition]:
        """The offered tools in Chat's form."""
        return [each for name, each in self._definitions.items() if name not in self._withheld]

    def offer_only(self, tools: Iterable[Tool]) -> None:
        """Narrows what is offered; a call of any other tool is suppressed (Open Responses: allowed_tools is a hard constraint)."""
        allowed = {self._names[tool] for tool in tools}
        self._withheld = frozenset(self._definitions) - allowed

    def matching(self, wanted: Set[Wanted]) -> Sequence[Tool]:
        """The tools that a tool_choice means."""
        return [tool for tool in self._names if not wanted.isdisjoint(_answers_to(tool))]

    def wire_name(self, tool: Tool) -> str:
        """Its function name; a tool that only the history knows gets the name it would have had."""
        return self._names.get(tool) or _legal(tool)

    def resolve(self, wire_name: str) -> Tool | None:
        """What a call of that function means; None for a tool withheld from this request. An unknown name is a function's."""
        if wire_name in self._withheld:
            return None
        return self._tools.get(wire_name) or Tool("function", wire_name)

    def _add(self, tool: Mapping[str, Any], namespace: str | None, path: str) -> None:
        kind = tool["type"]
        if kind == "namespace":
            self._add_namespace(tool, path)
        elif kind in ("function", "custom"):
            self._define(Tool(kind, tool["name"], namespace), tool)
        elif kind == "tool_search" and tool.get("execution") != "client":
            self._leave_out(tool, path)  # the server's own search: nothing is deferred here, so nothing is lost
        elif kind in WHOLE_CALLS:
            self._define(Tool(kind, kind), tool)
        else:
            self._leave_out(tool, path)

    def _add_namespace(self, tool: Mapping[str, Any], path: str) -> None:
        note = tool.get("description") or ""
        for index, member in enumerate(tool["tools"]):
            if note and index == 0:
                description = f"{member.get('description') or ''}\n\nPart of {tool['name']}: {note}".lstrip()
                member = {**member, "description": description}
            self._add(member, tool["name"], f"{path}.tools[{index}]")

    def _define(self, tool: Tool, given: Mapping[str, Any]) -> None:
        name = self._names.get(tool) or self._free(tool)
        self._names[tool] = name
        self._tools[name] = tool
        self._definitions[name] = {"type": "function", "function": {"name": name, **_function(tool, given)}}

    def _free(self, tool: Tool) -> str:
        legal = _legal(tool)
        return legal if legal not in self._tools else _marked(legal, f"{tool.kind} {tool.namespace} {tool.name}")

    def _leave_out(self, tool: Mapping[str, Any], path: str) -> None:
        kind = str(tool["type"])
        if self._reject_unsupported:
            raise unsupported(path, f"this gateway cannot run the tool {quote(kind)}", code="unsupported_tool")
        label = tool.get("server_label")
        self._notices.add("tools left out", f"{kind}({label})" if isinstance(label, str) else kind)


def _answers_to(tool: Tool) -> Iterable[Wanted]:
    yield from ((tool.kind, None), (tool.kind, tool.name))
    if tool.namespace is not None:
        yield from (("namespace", None), ("namespace", tool.namespace))


def _function(tool: Tool, given: Mapping[str, Any]) -> Definition:
    if tool.kind == "custom":
        return {"description": custom_description(given), "parameters": CUSTOM_PARAMETERS}
    whole = WHOLE_CALLS.get(tool.kind)
    defaults = {"description": whole.description, "parameters": whole.parameters} if whole else {}
    parameters = without_meta_schema(given.get("parameters") or {})
    definition: Definition = {"parameters": parameters or defaults.get("parameters", _NO_PARAMETERS)}
    if description := given.get("description") or defaults.get("description"):
        definition["description"] = description
    if given.get("strict") is not None:
        definition["strict"] = given["strict"]
    return definition


def _legal(tool: Tool) -> str:
    full = tool.name if tool.namespace is None else f"{tool.namespace}__{tool.name}"
    legal = _ILLEGAL.sub("_", full)
    return legal if len(legal) <= LONGEST_NAME else _marked(legal, full)


def _marked(name: str, what: str) -> str:
    """The name with a digest of what it stands for: unlike a number it does not depend on what else is offered."""
    digest = hashlib.sha256(what.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}_{digest}"


def without_meta_schema(schema: Mapping[str, Any]) -> Definition:
    """Strict servers refuse the meta-schema's name inside a schema; it says nothing to a model."""
    return {name: value for name, value in schema.items() if name != "$schema"}
