"""Tools that the gateway runs itself, as far as the translation must know them: what they offer, and the form of their items.

Theory. Such a tool offers the model functions. A call of one of them is an item of the tool's own type, whose life is: it opens; its
text, if it has one, grows; it runs; it closes with what came of it. What is announced at each step, and how the finished item stands
in the Chat history of later turns, is the `Form`, data that the tool brings along. The core runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from gw_extproc.core.toolkinds import Fields, Tool

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """A finished call, in the Chat history."""

    tool: Tool
    arguments: str
    output: str


Note = str
"""What an item that is no call tells the model: it stands as a system message."""


@dataclass(frozen=True)
class Form:
    """How the items of one type are announced and told."""

    item_type: str
    id_prefix: str
    told: Callable[[Given], Told | Note | None]
    """How a stored or sent item stands in the Chat history; None where it says nothing to a model."""
    opening: Callable[[Given], Fields] = dict
    """From the fields that the item ends with to those that it is announced with: the same ones, some of them still empty."""
    text: str | None = None
    """The field that grows, if one does."""
    text_event: str = ""
    """The family of its events: `{text_event}.delta` and `.done`."""
    opened: str | None = None
    """The event behind `response.output_item.added`."""
    running: str | None = None
    """The event when the call begins to run."""
    ended: Mapping[str, str] = field(default_factory=dict)
    """By the status in which the item ends, the event before `response.output_item.done`."""
    broken_off: str = "incomplete"
    """The status of an item whose response ended before it."""
    runs: bool = True
    """Whether the gateway has something to do; else the item is for the caller, who decides on it."""


@dataclass(frozen=True)
class Hosted:
    """A function that the gateway runs, as the model is offered it."""

    tool: Tool
    form: Form
    description: str
    parameters: Given
    fields: Callable[[str], Fields]
    """From the arguments as the model wrote them to the fields of the item. Any text has some: a wrong one is the tool's to answer."""
    streams: bool = False
    """Whether the item's text is the arguments, so that it can be announced while they arrive."""


class Kit(Protocol):
    """What the gateway runs, as one request may use it."""

    @property
    def forms(self) -> Mapping[str, Form]:
        """By item type."""

    @property
    def reads(self) -> Mapping[str, Sequence[str]]:
        """By the type of each tool that it runs, the fields of its definition that it reads."""

    @property
    def complete(self) -> bool:
        """Whether all is known that is offered; else a definition may offer nothing yet, as a list has still to be fetched."""

    @property
    def outputs(self) -> Mapping[str, str]:
        """What the model is told of this response's own calls, by their items' ids, where the items do not say all of it."""

    def runs(self, definition: Given) -> bool:
        """Whether it can run this element of `tools`, which is of such a type."""

    def offers(self, definition: Given, path: str) -> Sequence[Hosted]:
        """The functions behind an element of `tools` that it runs; raises CallerError where it is wrong."""


class EmptyKit:
    """The gateway runs nothing itself."""

    forms: Mapping[str, Form] = {}
    reads: Mapping[str, Sequence[str]] = {}
    complete = True
    outputs: Mapping[str, str] = {}

    def runs(self, definition: Given) -> bool:
        """It is asked of nothing, as it reads nothing."""
        return False

    def offers(self, definition: Given, path: str) -> Sequence[Hosted]:
        return ()


NOTHING = EmptyKit()
