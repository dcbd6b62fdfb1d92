"""All tools of this process, as the translation sees them, and their lives in one response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gw_extproc.core.facts import Source
from gw_extproc.core.hosted import Form, Hosted
from gw_extproc.engine.tools import code_interpreter, mcp_forms, web_search
from gw_extproc.engine.tools.code_interpreter import CodeInterpreterTool
from gw_extproc.engine.tools.mcp import McpTool, RunningMcp
from gw_extproc.engine.tools.tool import Fields, HostedTool, Open, Outcome, Request, Running
from gw_extproc.engine.tools.web_search import WebSearchTool
from gw_extproc.settings import Settings

Given = Mapping[str, Any]

FORMS: Mapping[str, Form] = {form.item_type: form for form in (*mcp_forms.FORMS, web_search.CALL, code_interpreter.CALL)}
"""Of all items that such tools make: also where a tool is switched off, what was stored can be read."""


def tools_of(settings: Settings) -> Sequence[HostedTool]:
    """The tools that these settings switch on."""
    switched: Sequence[tuple[bool, Callable[[Settings], HostedTool]]] = (
        (settings.mcp != "off", McpTool),
        (settings.web_search != "none", WebSearchTool),
        (settings.code_interpreter_url is not None, CodeInterpreterTool),
    )
    return [made(settings) for on, made in switched if on]


class Toolset:
    """The tools before anything is known of a request: a Kit that is not complete."""

    forms = FORMS
    complete = False
    outputs: Mapping[str, str] = {}

    def __init__(self, settings: Settings) -> None:
        self._tools = {kind: tool for tool in tools_of(settings) for kind in tool.reads}
        self.reads = {kind: fields for tool in self._tools.values() for kind, fields in tool.reads.items()}

    def runs(self, definition: Given) -> bool:
        return self._tools[definition["type"]].runs(definition)

    def offers(self, definition: Given, path: str) -> Sequence[Hosted]:
        """What is offered is known later; whether the definition is right, at once. Raises CallerError."""
        self._tools[definition["type"]].check(definition, path)
        return ()

    def running(self, definitions: Sequence[Given], items: Sequence[Given], include: Sequence[str]) -> RunningTools:
        """The tools for a response that has these definitions, of whatever type."""
        ours = [each for each in definitions if each["type"] in self._tools and self.runs(each)]
        tools = {id(tool): tool for tool in (self._tools[definition["type"]] for definition in ours)}.values()
        running: dict[str, Running] = {}
        for tool in tools:
            own = [definition for definition in ours if definition["type"] in tool.reads]
            running |= dict.fromkeys(tool.reads, tool.running(Request(own, items, include)))
        return RunningTools(self.reads, self.runs, running)


class RunningTools:
    """The tools of one response: a Kit that is complete once it is prepared."""

    forms = FORMS
    complete = True

    def __init__(self, reads: Mapping[str, Sequence[str]], runs: Callable[[Given], bool], running: Mapping[str, Running]) -> None:
        self.reads = reads
        self._runs = runs
        self.outputs: dict[str, str] = {}
        self._running = running

    def runs(self, definition: Given) -> bool:
        return definition["type"] in self._running and self._runs(definition)

    @property
    def sources(self) -> Sequence[Source]:
        return [source for tool in self.each for source in tool.sources]

    @property
    def each(self) -> Sequence[Running]:
        return list(dict.fromkeys(self._running.values()))

    def offers(self, definition: Given, path: str) -> Sequence[Hosted]:
        return self._running[definition["type"]].offers(definition)

    async def prepare(self, open: Open) -> None:
        for tool in self.each:
            await tool.prepare(open)

    def of(self, hosted: Hosted) -> Running:
        """The tool that runs calls of that function."""
        return self._running[hosted.tool.kind]

    async def call(self, hosted: Hosted, arguments: str) -> Outcome:
        return await self.of(hosted).call(hosted, arguments)

    def approved(self, request: Given) -> tuple[Hosted, Fields]:
        """The call that was approved, and the fields of its item."""
        tool = self._running["mcp"]
        assert isinstance(tool, RunningMcp), "only its calls are approved"
        return tool.approved(request)

    async def close(self) -> None:
        for tool in self.each:
            await tool.close()
