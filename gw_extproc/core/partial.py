"""A response as far as it has come, read from the events that were told of it.

Theory. Who made them may be gone, so what they say is all there is. Items are announced, grow by deltas and are replaced by what they
have become when they close; the object is that of the last event that had one. Whatever else an event says adds nothing to an item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from gw_extproc.core import trace
from gw_extproc.core.errors import GatewayError
from gw_extproc.core.events import Emitter, Profile, payloads
from gw_extproc.core.lifecycle import TERMINAL, Status
from gw_extproc.core.trace import Mark

Item = dict[str, Any]

OPENING = 3
"""Events with which a background response is announced: created, queued, in progress. The model has no part in them."""

_TEXTS: Mapping[str, tuple[str, str, str]] = {
    "response.output_text.delta": ("content", "content_index", "text"),
    "response.refusal.delta": ("content", "content_index", "refusal"),
    "response.reasoning_text.delta": ("content", "content_index", "text"),
    "response.reasoning.delta": ("content", "content_index", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index", "text"),
}
"""What grows inside a part: where the parts are, what says which, and the field."""

_FIELDS: Mapping[str, str] = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.code_interpreter_call_code.delta": "code",
}
"""What grows in the item itself."""

_PARTS: Mapping[str, tuple[str, str]] = {
    "response.content_part.added": ("content", "content_index"),
    "response.content_part.done": ("content", "content_index"),
    "response.reasoning_summary_part.added": ("summary", "summary_index"),
    "response.reasoning_summary_part.done": ("summary", "summary_index"),
}
"""Parts as a whole."""

_ENDED = frozenset({"completed", "incomplete", "failed"})


@dataclass
class Partial:
    """What has been told of one response."""

    object: Item = field(default_factory=dict)
    """The response, without its output."""
    items: list[Item] = field(default_factory=list)
    count: int = 0
    """Events so far: the sequence number that comes next."""

    def read(self, events: bytes) -> None:
        """Some whole events, in their order."""
        for type, payload in payloads(events):
            self.count += 1
            self._take(type.decode(), orjson.loads(payload))

    def shown(self, status: Status) -> Item:
        """The object as it stands, with what there is of its output."""
        return {**self.object, "status": status.text, "output": [_as_drafted(item) for item in self.items]}

    def _take(self, type: str, event: Item) -> None:
        if "response" in event:
            self.object = {**event["response"], "output": []}
        elif type == "response.output_item.added":
            self.items.append(event["item"])
        elif type == "response.output_item.done":
            self.items[event["output_index"]] = event["item"]
        elif type == "response.output_text.annotation.added":
            self._item(event)["content"][event["content_index"]]["annotations"].append(event["annotation"])
        elif place := _PARTS.get(type):
            parts, index = place
            self._item(event)[parts][event[index] :] = [event["part"]]
        elif where := _TEXTS.get(type):
            parts, index, name = where
            part = self._item(event)[parts][event[index]]
            part[name] += event["delta"]
            if logprobs := event.get("logprobs"):
                part["logprobs"].extend(logprobs)
        elif growing := _FIELDS.get(type):
            self._item(event)[growing] = self._item(event).get(growing, "") + event["delta"]

    def _item(self, event: Item) -> Item:
        return self.items[event["output_index"]]


@dataclass(frozen=True)
class End:
    """How a response ends whose maker is gone: what is still to be told, and what is to be kept."""

    events: bytes
    count: int
    """Events, with all before them."""
    object: bytes
    outputs: Sequence[bytes]
    trace: bytes


def end(told: Partial, marks: Sequence[Mark], status: Status, error: GatewayError | None, profile: Profile) -> End:
    """Ends it as it stands, as cancelled, or as failed with that error; `marks` are those of the trace that its events left.

    Its record tells the same events again.
    """
    assert status in TERMINAL, status
    emitter = Emitter(profile, told.count)
    if told.count < OPENING:  # so that every background response begins alike
        emitter.emit("response.in_progress", response={**told.object, "status": Status.IN_PROGRESS.text})
    if error is not None:
        emitter.error(error)
    items = [_abandoned(_as_drafted(item)) for item in told.items]
    failure = None if error is None else {"code": error.code or "server_error", "message": error.message}
    object = {**told.object, "status": status.text, "error": failure}
    emitter.end(status.text, orjson.dumps({**object, "output": items}))
    events = emitter.each()
    begun = [trace.BEGUN, told.object["model"], told.object["store"]]
    return End(
        events=b"".join(events),
        count=told.count + len(events) - 1,
        object=orjson.dumps(object),
        outputs=[orjson.dumps(item) for item in items],
        trace=orjson.dumps([begun, *marks, *emitter.trace.marks]),
    )


def _as_drafted(item: Item) -> Item:
    """An open thought as its draft would show it: both as reasoning and, where that was asked for, as a summary."""
    if item["type"] != "reasoning" or item["status"] in _ENDED:
        return item
    summary = "".join(part["text"] for part in item["summary"])
    text = summary or "".join(part["text"] for part in item["content"])
    return {
        **item,
        "summary": [{"type": "summary_text", "text": summary}] if summary else [],
        "content": [{"type": "reasoning_text", "text": text}] if text else [],
    }


def _abandoned(item: Item) -> Item:
    return item if item.get("status") in _ENDED else {**item, "status": "incomplete"}
