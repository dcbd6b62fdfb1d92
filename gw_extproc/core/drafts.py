"""Output items while they grow. Each draft opens with its id and index, keeps them, and closes into the finished item.

A draft announces itself (`response.output_item.added`), its growth (deltas) and its end (`.done` events, `response.output_item.done`),
in the order that spec digest section (b) asks for. `item()` is the item as it stands, in whatever state that is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gw_extproc.core.events import Emitter, Grow, delta_prefix
from gw_extproc.core.json_text import InputText
from gw_extproc.core.toolkinds import Tool, WholeCall
from gw_extproc.core.trace import ANNOTATED, CLOSED, LOGPROBS, PART, Mark

Item = dict[str, Any]
Seal = Callable[[str], str]
"""Encrypts a text so that only this gateway can read it again."""


@dataclass(frozen=True)
class Place:
    """What every draft is handed: where to announce, its id, its index in `output`."""

    emitter: Emitter
    id: str
    index: int


class Draft(ABC):
    """An output item that is open until `close`."""

    def __init__(self, place: Place) -> None:
        self._emitter = place.emitter
        self.id = place.id
        self.index = place.index
        self.status = "in_progress"

    @abstractmethod
    def item(self) -> Item:
        """The item as it stands."""

    @abstractmethod
    def _finish(self) -> None:
        """Announces the end of what streams inside the item."""

    def close(self, status: str) -> None:
        """Ends the item as `completed` or `incomplete`."""
        self.status = status
        self._finish()
        self._trace(CLOSED)
        self._emitter.describe("response.output_item.done", self._whole)

    def abandon(self) -> None:
        """Marks the item as incomplete, if it is open, without announcing its end."""
        if self.status == "in_progress":
            self.status = "incomplete"

    def _open(self) -> None:
        self._emitter.trace.open(self.index)
        self._emitter.describe("response.output_item.added", self._whole)

    def _whole(self) -> Mapping[str, Any]:
        return {"output_index": self.index, "item": self.item()}

    def _trace(self, mark: Mark) -> None:
        self._emitter.trace.add(self.index, mark)

    def _where(self, **more: Any) -> dict[str, Any]:
        return {"item_id": self.id, "output_index": self.index, **more}


class ReasoningDraft(Draft):
    """The model's reasoning: one text, streamed as a summary where the caller asked for one, else as reasoning text."""

    def __init__(self, place: Place, *, summary: bool, seal: Seal | None = None) -> None:
        super().__init__(place)
        self._summary = summary
        self._seal = seal
        self._sealed: Item = {}
        self._texts: list[str] = []
        self._open()
        family = "response.reasoning_summary_text" if summary else self._emitter.profile.reasoning_event
        self._family = family
        self._at = self._where(summary_index=0) if summary else self._where(content_index=0)
        self._prefix = delta_prefix(f"{family}.delta", **self._at)
        added = "response.reasoning_summary_part.added" if summary else "response.content_part.added"
        self._emitter.emit(added, **self._at, part=self._part(""))

    def grow(self, text: str) -> None:
        self._texts.append(text)
        self._emitter.delta(self._prefix, self.index, text)

    def growing(self) -> Grow:
        """What lets it grow."""
        return self._emitter.growing(self._prefix, self.index, self._texts)

    def item(self) -> Item:
        text = "".join(self._texts)
        return {
            "id": self.id,
            "type": "reasoning",
            "status": self.status,
            "summary": [{"type": "summary_text", "text": text}] if self._summary and text else [],
            "content": [{"type": "reasoning_text", "text": text}] if text else [],
            **self._sealed,
        }

    def _part(self, text: str) -> Mapping[str, str]:
        return {"type": "summary_text" if self._summary else "reasoning_text", "text": text}

    def _finish(self) -> None:
        text = "".join(self._texts)
        if self._seal is not None:
            self._sealed = {"encrypted_content": self._seal(text)}
        done = "response.reasoning_summary_part.done" if self._summary else "response.content_part.done"
        self._emitter.emit(f"{self._family}.done", **self._at, text=text)
        self._emitter.emit(done, **self._at, part=self._part(text))


class MessageDraft(Draft):
    """An assistant message: text and refusal parts, one open at a time."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._parts: list[_Part] = []
        self._open()

    def text(self, text: str, logprobs: Sequence[Item]) -> None:
        part = self._part("output_text")
        part.texts.append(text)
        if not logprobs:
            self._emitter.delta(part.prefix, self.index, text)
            return
        part.logprobs.extend(logprobs)
        self._trace([len(text), len(logprobs)])
        self._emitter.emit("response.output_text.delta", **part.at, delta=text, logprobs=logprobs)

    def growing(self) -> Grow:
        """What lets the open part, which is one of text, grow."""
        part = self._parts[-1]
        return self._emitter.growing(part.prefix, self.index, part.texts)

    def more_logprobs(self, logprobs: Sequence[Item]) -> None:
        """Those that no text followed belong to the text before them."""
        self._part("output_text").logprobs.extend(logprobs)
        self._trace([LOGPROBS, len(logprobs)])

    def refusal(self, text: str) -> None:
        part = self._part("refusal")
        part.texts.append(text)
        self._emitter.delta(part.prefix, self.index, text)

    def annotate(self, annotation: Item) -> None:
        part = self._part("output_text")
        if annotation in part.annotations:  # some servers say it with every chunk
            return
        self._trace(ANNOTATED)
        self._emitter.emit(
            "response.output_text.annotation.added",
            **part.at,
            annotation_index=len(part.annotations),
            annotation=annotation,
        )
        part.annotations.append(annotation)

    def spoken(self) -> str:
        """The text so far of the open text part."""
        return "".join(self._parts[-1].texts) if self._parts and self._parts[-1].type == "output_text" else ""

    def item(self) -> Item:
        return {
            "id": self.id,
            "type": "message",
            "status": self.status,
            "role": "assistant",
            "content": [part.content() for part in self._parts],
        }

    def _part(self, type: str) -> _Part:
        """The open part of that type; another one is closed first."""
        if self._parts and self._parts[-1].type == type:
            return self._parts[-1]
        self._finish()
        self._trace(PART)
        at = self._where(content_index=len(self._parts))
        logprobs: dict[str, Any] = {"logprobs": []} if type == "output_text" else {}
        part = _Part(type, at, delta_prefix(f"response.{type}.delta", **at, **logprobs))
        self._emitter.describe("response.content_part.added", part.whole)
        self._parts.append(part)
        return part

    def _finish(self) -> None:
        if not self._parts:
            return
        part = self._parts[-1]
        self._emitter.describe(f"response.{part.type}.done", part.said)
        self._emitter.describe("response.content_part.done", part.whole)


class _Part:
    """One content part of a message."""

    def __init__(self, type: str, at: Mapping[str, Any], prefix: bytes) -> None:
        self.type = type
        self.at = at
        self.prefix = prefix
        self.texts: list[str] = []
        self.logprobs: list[Item] = []
        self.annotations: list[Item] = []

    def content(self) -> Item:
        text = "".join(self.texts)
        if self.type == "refusal":
            return {"type": "refusal", "refusal": text}
        return {"type": "output_text", "text": text, "annotations": self.annotations, "logprobs": self.logprobs}

    def whole(self) -> Mapping[str, Any]:
        return {**self.at, "part": self.content()}

    def said(self) -> Mapping[str, Any]:
        """Its place and its text, without what belongs to the part alone."""
        content = self.content()
        return {**self.at, **{key: content[key] for key in ("text", "refusal", "logprobs") if key in content}}


class CompactionDraft(Draft):
    """The condensed context, sealed: announced when it is whole."""

    def __init__(self, place: Place, sealed: str) -> None:
        super().__init__(place)
        self._sealed = sealed
        self._open()

    def item(self) -> Item:
        return {"id": self.id, "type": "compaction", "status": self.status, "encrypted_content": self._sealed}

    def _finish(self) -> None:
        """Nothing of it streams."""


class CallDraft(Draft):
    """A tool call that streams. `arguments` is what the model wrote so far."""

    def __init__(self, place: Place, call_id: str, tool: Tool) -> None:
        super().__init__(place)
        self.call_id = call_id
        self.tool = tool
        self._pieces: list[str] = []

    @property
    def arguments(self) -> str:
        return "".join(self._pieces)

    def grow(self, piece: str) -> None:
        self._pieces.append(piece)

    def _call(self) -> Item:
        call: Item = {"call_id": self.call_id, "name": self.tool.name}
        if self.tool.namespace is not None:
            call["namespace"] = self.tool.namespace
        return call


class FunctionCallDraft(CallDraft):
    """A call of a function tool."""

    def __init__(self, place: Place, call_id: str, tool: Tool) -> None:
        super().__init__(place, call_id, tool)
        self._open()
        self._prefix = delta_prefix("response.function_call_arguments.delta", **self._where())

    def grow(self, piece: str) -> None:
        super().grow(piece)
        self._emitter.delta(self._prefix, self.index, piece)

    def item(self) -> Item:
        return {
            "id": self.id,
            "type": "function_call",
            "status": self.status,
            **self._call(),
            "arguments": self.arguments,
        }

    def _finish(self) -> None:
        if self.status == "completed" and not self.arguments.strip():
            self.grow("{}")  # clients parse the arguments of a function without parameters too
        done = self._where(name=self.tool.name, arguments=self.arguments)
        self._emitter.emit("response.function_call_arguments.done", **done)


class CustomCallDraft(CallDraft):
    """A call of a free-form tool: the text inside the function's `input` argument."""

    def __init__(self, place: Place, call_id: str, tool: Tool) -> None:
        super().__init__(place, call_id, tool)
        self._reader = InputText()
        self._texts: list[str] = []
        self._open()
        self._prefix = delta_prefix("response.custom_tool_call_input.delta", **self._where())

    def grow(self, piece: str) -> None:
        super().grow(piece)
        self.say(self._reader.feed(piece))

    def say(self, text: str) -> None:
        """The input grows by that text, if there is any."""
        if text:
            self._texts.append(text)
            self._emitter.delta(self._prefix, self.index, text)

    def item(self) -> Item:
        return {
            "id": self.id,
            "type": "custom_tool_call",
            "status": self.status,
            **self._call(),
            "input": "".join(self._texts),
        }

    def _finish(self) -> None:
        self.say(self._reader.end())
        self._emitter.emit("response.custom_tool_call_input.done", **self._where(input="".join(self._texts)))


class WholeCallDraft(Draft):
    """A call that has no streaming form: it is announced when its arguments are whole."""

    def __init__(self, place: Place, call_id: str, kind: WholeCall, fields: Item) -> None:
        super().__init__(place)
        self._call_id = call_id
        self._kind = kind
        self._fields = fields
        self._open()

    def item(self) -> Item:
        return {
            "id": self.id,
            "type": self._kind.item_type,
            "status": self.status,
            "call_id": self._call_id,
            **self._fields,
        }

    def _finish(self) -> None:
        for type, fields in self._kind.stream(self._fields):
            self._emitter.emit(type, output_index=self.index, **fields)
