"""A stored response's events, told again: byte for byte those of the live stream.

Theory. The trace says what happened, the stored items say with which text: mark by mark, the draft of an item takes the next piece of
what it became, and announces it as it did then. If that does not make the stored items, the trace is not theirs; then the response is
told in the plainest way, each part in one piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from gw_extproc.core import trace
from gw_extproc.core.drafts import (
    CompactionDraft,
    CustomCallDraft,
    Draft,
    FunctionCallDraft,
    Item,
    MessageDraft,
    Place,
    ReasoningDraft,
    WholeCallDraft,
)
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import Emitter, Profile
from gw_extproc.core.hosted import Form
from gw_extproc.core.hosted_draft import HostedDraft
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.response import beginning
from gw_extproc.core.toolkinds import CALL_KINDS, WHOLE_CALLS, Tool
from gw_extproc.core.trace import Mark, Unusable

Given = Mapping[str, Any]

UNKNOWN_ERROR = "server_error"
"""The type of an error whose event nobody remembers."""


Forms = Mapping[str, Form]


def replay(
    object: Given, outputs: Sequence[Given], recorded: bytes, profile: Profile, forms: Forms = MappingProxyType({})
) -> list[bytes]:
    """All events of a response that has ended, each at the index that is its sequence number; behind them the end of the stream.

    `object` is the response as it is kept, without its output; `outputs` are its items; `recorded` is its trace, or empty; `forms` are
    those of the items of the gateway's own tools.
    """
    try:
        stage = _Stage(object, outputs, profile, forms)
        for mark in trace.decode(recorded):
            stage.play(mark)
        stage.compare()
    except Unusable:
        stage = _Stage(object, outputs, profile, forms)
        stage.improvise()
    return stage.end()


class _Part:
    """One part of an item as it was stored, taken piece by piece."""

    def __init__(self, content: Given) -> None:
        self.is_text = "text" in content
        self.text: str = content["text"] if self.is_text else content["refusal"]
        self.logprobs: Sequence[Item] = content.get("logprobs", ())
        self.annotations: Sequence[Item] = content.get("annotations", ())
        self._said = self._scored = self._annotated = 0

    def piece(self, size: int) -> str:
        start, self._said = self._said, self._said + size
        return self.text[start : self._said]

    def scores(self, count: int) -> Sequence[Item]:
        start, self._scored = self._scored, self._scored + count
        return self.logprobs[start : self._scored]

    def annotation(self) -> Item:
        if self._annotated == len(self.annotations):
            raise Unusable
        self._annotated += 1
        return self.annotations[self._annotated - 1]


class _Role:
    """A draft, and the stored item that it tells again. One that is announced whole has nothing to add: any such mark is unusable."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft

    def plain(self) -> Iterator[Mark]:
        """Marks for an item of which only the end is known."""
        return iter(())

    def grow(self, size: int, scores: int) -> None:
        raise Unusable

    def next_part(self) -> None:
        raise Unusable

    def more_logprobs(self, count: int) -> None:
        raise Unusable

    def annotate(self) -> None:
        raise Unusable

    def run(self) -> None:
        raise Unusable

    def close(self, status: str) -> None:
        self.draft.close(status)


class _HostedRole(_Role):
    """A call that the gateway ran: what came of it is announced when it closes."""

    def __init__(self, draft: HostedDraft, text: str, final: Item) -> None:
        super().__init__(draft)
        self._hosted = draft
        self._part = _Part({"text": text})
        self._final = final

    def plain(self) -> Iterator[Mark]:
        if self._part.text:
            yield len(self._part.text)
        if self._hosted.form.runs:
            yield trace.RUNNING

    def grow(self, size: int, scores: int) -> None:
        self._hosted.grow(self._part.piece(size))

    def run(self) -> None:
        self._hosted.run()

    def close(self, status: str) -> None:
        self._hosted.end(status, self._final)


class _TextRole(_Role):
    """An item of one text; `say` makes the draft grow."""

    def __init__(self, draft: Draft, say: Callable[[str], None], text: str) -> None:
        super().__init__(draft)
        self._say = say
        self._part = _Part({"text": text})

    def plain(self) -> Iterator[Mark]:
        if self._part.text:
            yield len(self._part.text)

    def grow(self, size: int, scores: int) -> None:
        self._say(self._part.piece(size))


class _MessageRole(_Role):
    """A message of any number of parts."""

    def __init__(self, draft: MessageDraft, content: Sequence[Given]) -> None:
        super().__init__(draft)
        self._message = draft
        self._parts = [_Part(part) for part in content]
        self._begun = 0

    def plain(self) -> Iterator[Mark]:
        for part in self._parts:
            yield trace.PART
            yield [len(part.text), len(part.logprobs)]
            yield from [trace.ANNOTATED] * len(part.annotations)

    def grow(self, size: int, scores: int) -> None:
        part = self._part()
        if part.is_text:
            self._message.text(part.piece(size), part.scores(scores))
        else:
            self._message.refusal(part.piece(size))

    def next_part(self) -> None:
        self._begun += 1

    def more_logprobs(self, count: int) -> None:
        self._message.more_logprobs(self._part().scores(count))

    def annotate(self) -> None:
        self._message.annotate(self._part().annotation())

    def _part(self) -> _Part:
        if not 0 < self._begun <= len(self._parts):
            raise Unusable
        return self._parts[self._begun - 1]


def _role(item: Given, place: Place, forms: Forms, *, summary: bool) -> _Role:
    """The draft of the item's kind, opened, and what it has to say."""
    match item["type"]:
        case "message":
            return _MessageRole(MessageDraft(place), item["content"])
        case "reasoning":
            sealed = item.get("encrypted_content")
            thought = ReasoningDraft(place, summary=summary, seal=None if sealed is None else lambda _: sealed)
            return _TextRole(thought, thought.grow, "".join(part["text"] for part in item["content"]))
        case "compaction":
            return _Role(CompactionDraft(place, item["encrypted_content"]))
        case "function_call":
            function = FunctionCallDraft(place, item["call_id"], Tool("function", item["name"], item.get("namespace")))
            return _TextRole(function, function.grow, item["arguments"])
        case "custom_tool_call":
            custom = CustomCallDraft(place, item["call_id"], Tool("custom", item["name"], item.get("namespace")))
            return _TextRole(custom, custom.say, item["input"])
        case kind if kind in forms:
            form = forms[kind]
            final = {name: value for name, value in item.items() if name not in ("id", "type", "status")}
            return _HostedRole(HostedDraft(place, form, form.opening(final)), item[form.text] if form.text else "", final)
        case kind:
            fields = {name: value for name, value in item.items() if name not in ("id", "type", "status", "call_id")}
            return _Role(WholeCallDraft(place, item["call_id"], WHOLE_CALLS[CALL_KINDS[kind]], fields))


class _Stage:
    """Where the drafts of one response tell their items again."""

    def __init__(self, object: Given, outputs: Sequence[Given], profile: Profile, forms: Forms) -> None:
        self._forms = forms
        self._object = object
        self._outputs = list(outputs)
        self._emitter = Emitter(profile)
        self._roles: list[_Role] = []
        self._current = -1

    def play(self, mark: object) -> None:
        """Does what a mark says; raises Unusable where that cannot be."""
        match mark:
            case int():
                self._role().grow(mark, 0)
            case [int(size), int(scores)]:
                self._role().grow(size, scores)
            case trace.OPENED:
                self._open()
            case [trace.ITEM, int(index)]:
                self._current = index
            case trace.PART:
                self._role().next_part()
            case [trace.LOGPROBS, int(count)]:
                self._role().more_logprobs(count)
            case trace.ANNOTATED:
                self._role().annotate()
            case trace.CLOSED:
                self._role().close(self._outputs[self._current]["status"])
            case trace.RUNNING:
                self._role().run()
            case [trace.BEGUN, str(model), bool(store)]:
                self._begin({**self._object, **beginning(model, store=store)})
            case [trace.ERROR, str(type), str() | None as code, str() | None as param] if self._object["error"]:
                self._emitter.error(UpstreamError(self._object["error"]["message"], type=type, code=code, param=param))
            case _:
                raise Unusable

    def improvise(self) -> None:
        """Tells the response without a trace: as its model, tier and so on are now, each part in one piece."""
        error = self._object["error"]
        self.play([trace.BEGUN, self._object["model"], self._object["store"]])
        for item in self._outputs:
            self.play(trace.OPENED)
            for mark in self._role().plain():
                self.play(mark)
            if error is None or item["status"] == "completed":
                self.play(trace.CLOSED)
        if error is not None:
            self.play([trace.ERROR, UNKNOWN_ERROR, error["code"], None])

    def compare(self) -> None:
        """Raises Unusable where the items have not become those that were stored."""
        for role in self._roles:
            role.draft.abandon()
        if [role.draft.item() for role in self._roles] != self._outputs:
            raise Unusable

    def end(self) -> list[bytes]:
        """All events, with the terminal one."""
        self._emitter.end(self._object["status"], orjson.dumps({**self._object, "output": self._outputs}))
        return self._emitter.each()

    def _begin(self, object: Given) -> None:
        queued = {**object, "status": Status.QUEUED.text} if object["background"] else None
        self._emitter.begin(orjson.dumps(object), None if queued is None else orjson.dumps(queued))

    def _open(self) -> None:
        self._current = len(self._roles)
        if self._current == len(self._outputs):
            raise Unusable
        item = self._outputs[self._current]
        summary = (self._object["reasoning"] or {}).get("summary") is not None
        self._roles.append(_role(item, Place(self._emitter, item["id"], self._current), self._forms, summary=summary))

    def _role(self) -> _Role:
        if not 0 <= self._current < len(self._roles):
            raise Unusable
        return self._roles[self._current]
