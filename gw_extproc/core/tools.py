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
from gw_extproc.core.hosted import NOTHING, Hosted, Kit
from gw_extproc.core.notices import Notices
from gw_extproc.core.toolkinds import CUSTOM_PARAMETERS, WHOLE_CALLS, Tool, custom_description

Definition = dict[str, Any]
Wanted = tuple[str, str | None]
"""How a tool_choice means tools: by type, and by name where it gives one (of a namespace: all its tools)."""

LONGEST_NAME = 64
READ: Mapping[str, Sequence[str]] = {
    "function": ("name", "description", "parameters", "strict"),
    "custom": ("name", "description", "format"),
    "namespace": ("name", "description", "tools"),
    "tool_search": ("execution", "description", "parameters"),
    "shell": ("environment",),
}
"""Fields that are translated, besides the type: the schema has checked them. Others that say something are named in the notice."""
_SAYS_NOTHING = (None, False, ["direct"])
"""Defaults: not deferred, called directly."""
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_-]")
_NO_PARAMETERS: Definition = {"type": "object", "properties": {}}


class Toolbox:
    """All tools that this request knows: which of them the model is offered, and which calls it is allowed.

    Mostly these are the same. With tool_choice `none` the tools are offered, as the history speaks of them, but no call is allowed.
    """

    def __init__(self, notices: Notices, *, reject_unsupported: bool, kit: Kit = NOTHING) -> None:
        self._notices = notices
        self._reject_unsupported = reject_unsupported
        self._kit = kit
        self._hosted: dict[Tool, Hosted] = {}
        self._expected: set[Wanted] = set()
        self._names: dict[Tool, str] = {}
        self._tools: dict[str, Tool] = {}
        self._definitions: dict[str, Definition] = {}
        self._left_out: set[Wanted] = set()
        self._offered: frozenset[str] | None = None
        """Names in the model's view; None: all that are defined."""
        self._allowed: frozenset[str] | None = None
        """Names that a call may have; None: any, also one that the model invents."""

    def add(self, tools: Iterable[Mapping[str, Any]], path: str) -> None:
        """Adds the tools of a `tools` list; one that is there already takes the new definition."""
        for index, tool in enumerate(tools):
            self._add(tool, None, f"{path}[{index}]")

    def definitions(self) -> Sequence[Definition]:
        """The offered tools in Chat's form."""
        return [each for name, each in self._definitions.items() if self._offered is None or name in self._offered]

    def offer_only(self, tools: Iterable[Tool]) -> None:
        """Narrows what is offered; any other call is suppressed (Open Responses: allowed_tools is a hard constraint)."""
        self._offered = self._allowed = frozenset(self._names[tool] for tool in tools)

    def allow_none(self) -> None:
        """Suppresses every call, whatever is offered."""
        self._allowed = frozenset()

    def matching(self, wanted: Set[Wanted]) -> Sequence[Tool]:
        """The tools that a tool_choice means."""
        return [tool for tool in self._names if not wanted.isdisjoint(_answers_to(tool))]

    def matched(self) -> Set[Wanted]:
        """All that a tool_choice can mean here."""
        return {answer for tool in self._names for answer in _answers_to(tool)}

    def hosted(self, tool: Tool) -> Hosted | None:
        """What is known of a tool that the gateway runs itself; None of others."""
        return self._hosted.get(tool)

    @property
    def hosts(self) -> bool:
        """Whether the gateway runs any of the tools, or will once it knows them."""
        return bool(self._hosted or self._expected)

    def expected(self) -> Set[Wanted]:
        """All that a tool_choice can mean and that is not known yet, as its list has still to be fetched."""
        return self._expected

    def left_out(self) -> Set[Wanted]:
        """All that a tool_choice could mean if the tools that were left out were here."""
        return self._left_out

    def wire_name(self, tool: Tool) -> str:
        """Its function name; a tool that only the history knows gets the name it would have had."""
        return self._names.get(tool) or _legal(tool)

    def resolve(self, wire_name: str) -> Tool | None:
        """What a call of that function means; None where the call is not allowed. An unknown name is a function's."""
        if self._allowed is not None and wire_name not in self._allowed:
            return None
        return self._tools.get(wire_name) or Tool("function", wire_name)

    def _add(self, tool: Mapping[str, Any], namespace: str | None, path: str) -> None:
        kind = tool["type"]
        if kind == "namespace":
            self._add_namespace(tool, path)
        elif _runs_elsewhere(tool):
            self._leave_out(tool, namespace, path)
        elif kind in ("function", "custom"):
            self._define(Tool(kind, tool["name"], namespace), tool)
        elif kind in WHOLE_CALLS:
            self._define(Tool(kind, kind), tool)
        elif kind in self._kit.reads and self._kit.runs(tool):
            self._host(tool, path)
        else:
            self._leave_out(tool, namespace, path)

    def _add_namespace(self, tool: Mapping[str, Any], path: str) -> None:
        tool = self._read(tool)
        note = tool.get("description") or ""
        for index, member in enumerate(tool["tools"]):
            if note and index == 0:
                description = f"{member.get('description') or ''}\n\nPart of {tool['name']}: {note}".lstrip()
                member = {**member, "description": description}
            self._add(member, tool["name"], f"{path}.tools[{index}]")

    def _host(self, given: Mapping[str, Any], path: str) -> None:
        self._read(given)
        for hosted in self._kit.offers(given, path):
            self._hosted[hosted.tool] = hosted
            function = {"description": hosted.description, "parameters": without_meta_schema(hosted.parameters)}
            self._name(hosted.tool, {name: value for name, value in function.items() if value})
        if not self._kit.complete:
            self._expected.update(_means(given))

    def _define(self, tool: Tool, given: Mapping[str, Any]) -> None:
        self._name(tool, _function(tool, self._read(given)))

    def _name(self, tool: Tool, function: Definition) -> None:
        name = self._names.get(tool) or self._free(tool)
        self._names[tool] = name
        self._tools[name] = tool
        self._definitions[name] = {"type": "function", "function": {"name": name, **function}}

    def _free(self, tool: Tool) -> str:
        legal = _legal(tool)
        return legal if legal not in self._tools else _marked(legal, f"{tool.kind} {tool.namespace} {tool.name}")

    def _read(self, tool: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields that are translated."""
        read = READ.get(tool["type"]) or self._kit.reads.get(tool["type"], ())
        unread = [f"tools[].{name}" for name in _telling(tool) if name not in read]
        if tool["type"] == "shell":
            unread += [f"tools[].environment.{name}" for name in _telling(tool.get("environment") or {})]
        for path in unread:
            self._notices.add("fields not sent", path)
        return {name: tool[name] for name in read if name in tool}

    def _leave_out(self, tool: Mapping[str, Any], namespace: str | None, path: str) -> None:
        kind = str(tool["type"])
        if self._reject_unsupported:
            raise unsupported(path, f"this gateway cannot run the tool {quote(kind)}", code="unsupported_tool")
        name = tool.get("name")
        self._left_out.update(_answers_to(Tool(kind, name if isinstance(name, str) else kind, namespace)))
        self._left_out.update(_means(tool))
        self._notices.add("tools left out", label(tool))


def label(tool: Mapping[str, Any]) -> str:
    """A tool, or what a tool_choice says of one, in a word: `web_search`, `mcp(github)`, `function(look)`."""
    name = tool.get("server_label") or tool.get("name")
    return f"{tool['type']}({name})" if isinstance(name, str) else str(tool["type"])


def _runs_elsewhere(tool: Mapping[str, Any]) -> bool:
    """Whether the tool is of a kind that a function on the wire can be, but meant for a place that is not here."""
    kind = tool["type"]
    if kind == "tool_search":  # the server's own search: nothing is deferred here, so nothing is lost
        return tool.get("execution") != "client"
    if kind == "shell" and (tool.get("environment") or {"type": "local"})["type"] != "local":  # a container that the server keeps
        return True
    callers = tool.get("allowed_callers")  # without `direct`, only programs in the server's sandbox
    return callers is not None and "direct" not in callers


def _telling(fields: Mapping[str, Any]) -> Iterable[str]:
    """The fields that say more than the defaults."""
    return (name for name, value in fields.items() if name != "type" and value not in _SAYS_NOTHING)


def wanted(choice: Mapping[str, Any]) -> Wanted:
    """What a tool_choice says: of an MCP server's tools by the server's label, and by name where it gives one."""
    name, label = choice.get("name"), choice.get("server_label")
    if isinstance(label, str):
        return choice["type"], _of_server(label, name) if isinstance(name, str) else label
    return choice["type"], name if isinstance(name, str) else None


def _means(definition: Mapping[str, Any]) -> Iterable[Wanted]:
    """What a tool_choice may say to mean any tool of a definition."""
    yield definition["type"], None
    if isinstance(label := definition.get("server_label"), str):
        yield definition["type"], label


def _of_server(label: str, name: str) -> str:
    return f"{label}\0{name}"


def _answers_to(tool: Tool) -> Iterable[Wanted]:
    if tool.kind == "mcp" and tool.namespace is not None:
        yield from (("mcp", None), ("mcp", tool.namespace), ("mcp", _of_server(tool.namespace, tool.name)))
        return
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
    digest = hashlib.sha256(what.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_NAME - 9]}_{digest}"


def without_meta_schema(schema: Mapping[str, Any]) -> Definition:
    """Strict servers refuse the meta-schema's name inside a schema; it says nothing to a model."""
    return {name: value for name, value in schema.items() if name != "$schema"}
