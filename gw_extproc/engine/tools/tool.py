"""What a tool of the gateway's is: what it offers the model, how it runs, and the form of its items.

A tool lives as long as the process and knows the settings. For each response `running` gives what belongs to that one: definitions
with the caller's credentials, open connections, what was fetched. A new tool is a module here and a line in `toolset`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gw_extproc.core.facts import Source
from gw_extproc.core.hosted import Form, Hosted
from gw_extproc.core.hosted_draft import HostedDraft

Given = Mapping[str, Any]
Fields = dict[str, Any]

Open = Callable[[Form, Fields], HostedDraft]
"""Announces an item that no model asked for."""


class ToolFailure(Exception):
    """A call came to nothing; the text is for the model and the caller, and never repeats what a stranger's exception says."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Outcome:
    """How a call ended."""

    status: str
    fields: Fields = field(default_factory=dict)
    """What of the item has changed by its end."""
    output: str | None = None
    """What the model is told now, where that is more than the item says."""


@dataclass(frozen=True)
class Request:
    """What a tool may know of the request that it runs for."""

    definitions: Sequence[Given]
    """The elements of `tools` that are of this tool's types."""
    items: Sequence[Given]
    """The context so far."""
    include: Sequence[str]


class Running(ABC):
    """A tool in one response."""

    async def prepare(self, open: Open) -> None:
        """Fetches what has to be known before the model is called; items for it are announced with `open`. Raises nothing."""
        return

    @property
    def sources(self) -> Sequence[Source]:
        """What the model was given so far and may cite by number."""
        return ()

    @abstractmethod
    def offers(self, definition: Given) -> Sequence[Hosted]:
        """The functions behind one of the definitions, once it is prepared."""

    @abstractmethod
    async def call(self, hosted: Hosted, arguments: str) -> Outcome:
        """Runs a call with the arguments that the model wrote. Raises ToolFailure."""

    @abstractmethod
    def failed(self, hosted: Hosted, arguments: str, reason: str) -> Outcome:
        """How a call ends that came to nothing."""

    async def close(self) -> None:
        """Lets go of what was opened."""
        return


class HostedTool(ABC):
    """A tool in this process."""

    reads: Mapping[str, Sequence[str]]
    """By the tool's types, the fields of a definition that are read."""

    def runs(self, definition: Given) -> bool:
        """Whether it can do what the definition wants; else it is a tool that the gateway cannot run."""
        return True

    @abstractmethod
    def check(self, definition: Given, path: str) -> None:
        """Raises CallerError where the definition is wrong."""

    @abstractmethod
    def running(self, request: Request) -> Running:
        """The tool for one response."""
