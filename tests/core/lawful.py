"""The laws that every stream of events keeps, whatever the upstream sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gw_extproc.core.events import DONE
from tests.events import Json, events

ENDS = ("response.completed", "response.incomplete", "response.failed")
PARTS = ("response.content_part", "response.reasoning_summary_part")
CALLS = {"response.function_call_arguments": "arguments", "response.custom_tool_call_input": "input"}


@dataclass
class Part:
    said: str = ""
    annotations: list[Json] = field(default_factory=list)
    closed: bool = False

    def close(self, part: Json) -> None:
        assert self.said == part.get("text", part.get("refusal"))
        assert self.annotations == part.get("annotations", [])
        self.closed = True


@dataclass
class Item:
    id: str
    type: str
    parts: list[Part] = field(default_factory=list)
    said: str = ""
    commands: list[str] = field(default_factory=list)
    done: Json | None = None

    @property
    def open_part(self) -> Part:
        assert self.done is None
        assert not self.parts[-1].closed
        return self.parts[-1]


class Reader:
    """A client that believes nothing."""

    def __init__(self) -> None:
        self.items: list[Item] = []

    def read(self, event: Json) -> None:
        family, _, what = event["type"].rpartition(".")
        if family == "response.output_item":
            self._item(what, event)
            return
        item = self.items[event["output_index"]]
        assert item.done is None
        if family == "response.shell_call_command":
            self._command(item, what, event)
            return
        assert event["item_id"] == item.id
        if family in PARTS:
            self._part(item, what, event)
        elif family in CALLS:
            self._grow(item, what, event, CALLS[family])
        elif family == "response.output_text.annotation":
            assert event["annotation_index"] == len(item.open_part.annotations)
            item.open_part.annotations.append(event["annotation"])
        else:
            self._text(item, what, event)

    def _item(self, what: str, event: Json) -> None:
        index, item = event["output_index"], event["item"]
        if what == "added":
            assert index == len(self.items)
            assert item["id"] not in [each.id for each in self.items]
            assert item["status"] == "in_progress"
            self.items.append(Item(item["id"], item["type"]))
            return
        known = self.items[index]
        assert (known.id, known.type, known.done) == (item["id"], item["type"], None)
        assert all(part.closed for part in known.parts)
        known.done = item

    @staticmethod
    def _part(item: Item, what: str, event: Json) -> None:
        index = event.get("content_index", event.get("summary_index"))
        if what == "added":
            assert all(part.closed for part in item.parts)
            assert index == len(item.parts)
            item.parts.append(Part())
        else:
            assert index == len(item.parts) - 1
            item.open_part.close(event["part"])

    @staticmethod
    def _text(item: Item, what: str, event: Json) -> None:
        assert event.get("content_index", event.get("summary_index")) == len(item.parts) - 1
        if what == "delta":
            item.open_part.said += event["delta"]
        else:
            assert what == "done"
            assert item.open_part.said == event.get("text", event.get("refusal"))

    @staticmethod
    def _grow(item: Item, what: str, event: Json, name: str) -> None:
        if what == "delta":
            item.said += event["delta"]
        else:
            assert item.said == event[name]

    @staticmethod
    def _command(item: Item, what: str, event: Json) -> None:
        if what == "added":
            assert event["command_index"] == len(item.commands)
            item.commands.append("")
        elif what == "delta":
            item.commands[event["command_index"]] += event["delta"]
        else:
            assert item.commands[event["command_index"]] == event["command"]


def check(wire: bytes, *, abandoned: bool = False) -> Json:
    """Returns the final response of a stream that keeps the laws; one that was abandoned did not close its items."""
    told = events(wire)
    assert wire.endswith(DONE)
    assert wire.count(DONE) == 1
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    types = [event["type"] for event in told]
    assert types[:2] == ["response.created", "response.in_progress"]
    assert [type for type in types if type in ENDS] == types[-1:]
    failed = types[-1] == "response.failed"
    assert [at for at, type in enumerate(types) if type == "error"] == ([len(types) - 2] if failed else [])
    reader = Reader()
    for event in told[2 : -2 if failed else -1]:
        reader.read(event)
    final: Json = told[-1]["response"]
    _check_final(final, told, reader.items, failed=failed, closed=not (failed or abandoned))
    return final


def _check_final(final: Json, told: list[Json], items: list[Item], *, failed: bool, closed: bool) -> None:
    assert {event["response"]["id"] for event in told if "response" in event} == {final["id"]}
    assert told[-1]["type"] == f"response.{final['status']}"
    assert [(item.id, item.type) for item in items] == [(item["id"], item["type"]) for item in final["output"]]
    for item, end in zip(items, final["output"], strict=True):
        assert item.done == end or (not closed and item.done is None and end["status"] == "incomplete")
    assert (final["usage"] is not None) or not closed
    assert (final["error"] is not None) == failed
    assert (final["incomplete_details"] is not None) == (final["status"] == "incomplete")
    statuses: list[Any] = [item["status"] for item in final["output"]]
    assert not closed or "incomplete" not in statuses[:-1]
