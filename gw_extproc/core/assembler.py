"""Chat chunks in, Responses events out: the heart of the gateway.

Theory. A response lives through the states of `lifecycle`. `start` announces it; `feed` takes chunks; `end` takes how the upstream's
body ended and decides, from what the upstream said, between completed, incomplete and failed; `fail` ends it with an error. Each gives
back the events that it caused, encoded, except the terminal one: that is for `announce`, once the record is saved or given up (save,
then announce). What arrives before `start` is a bug and raises IllegalMove; what arrives after the end is ignored.

A buffered answer is the streamed one fed in one piece: a whole Chat message is read as one large delta, and the caller who wants
JSON gets the object of the terminal event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import orjson

from gw_extproc.core import chunks, lifecycle, upstream_errors, usage
from gw_extproc.core.calls import Calls, GrowingCall
from gw_extproc.core.drafts import MessageDraft, ReasoningDraft, Seal
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import Emitter, Mute, Profile
from gw_extproc.core.facts import Facts
from gw_extproc.core.lane import Grow
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.output import NewId, Output
from gw_extproc.core.repetition import Pattern, Repetition
from gw_extproc.core.request import Plan
from gw_extproc.core.response import Fields, ResponseObject
from gw_extproc.core.sse import Chunk, Ending, Piece
from gw_extproc.core.think import Kind, ThinkSplitter
from gw_extproc.core.toolkinds import BadArguments
from gw_extproc.core.trace import Mark


class Making(NamedTuple):
    """What one response is made with."""

    plan: Plan
    object: ResponseObject
    profile: Profile
    new_id: NewId
    clock: Callable[[], int]
    """Seconds since the epoch."""
    prompt_bytes: int
    """Size of the Chat request, for an estimate of its tokens."""
    think_tags: bool
    store: bool = False
    """Whether the response is meant to be kept: what its first events say."""
    seal: Seal | None = None
    """Encrypts reasoning that the caller wants to carry itself."""
    events: bool = True
    """Whether anybody wants the events, or only the object at the end."""


class Assembler:
    """Makes one response. `error` is set once it has failed, `outputs` are its items, encoded, once it has ended."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._emitter = Emitter(making.profile) if making.events else Mute(making.profile)
        self._output = Output(self._emitter, making.new_id, summary=making.plan.summary, seal=making.seal)
        self._calls = Calls(self._open_call)
        self._think = ThinkSplitter(enabled=making.think_tags)
        self._facts = Facts()
        self._growing: tuple[Pattern, Grow] | None = None
        """A pattern whose repetitions only let an open text grow, and how."""
        self.status = Status.QUEUED
        self.outputs: Sequence[bytes] = ()
        self.error: UpstreamError | None = None
        self.usage_estimated = False
        self._condensed: str | None = None
        self._spent: usage.Usage | None = None
        self._ended_with: Fields = {}

    def condense(self, sealed: str, spent: usage.Usage | None) -> None:
        """The context was condensed, before the start and for so many tokens: the output begins with what it became."""
        self._condensed, self._spent = sealed, spent

    def start(self) -> bytes:
        """Announces the response as created and in progress."""
        self.status = lifecycle.move(self.status, Status.IN_PROGRESS)
        self._emitter.trace.begin(self._making.object.model, store=self._making.store)
        if self._making.events:
            self._announce(self._emitter)
        if self._condensed is not None:
            self._output.compaction(self._condensed)
        return self._emitter.take()

    def opening(self) -> Sequence[bytes]:
        """What `start` gives, event by event, for who says some of it earlier."""
        emitter = Emitter(self._making.profile)
        self._announce(emitter)
        return emitter.each()

    def feed(self, piece: Piece) -> bytes:
        """Takes one chunk, or a whole Chat completion."""
        if not isinstance(piece, Repetition):
            self._growing = None
            return self._feed(piece)
        if (grow := self.growing(piece)) is not None:
            return grow(piece.text)
        chunk = piece.chunk()
        events = self._feed(chunk)
        grow = self._grower(chunk)
        self._growing = None if grow is None else (piece.pattern, grow)
        return events

    def growing(self, said: Repetition) -> Grow | None:
        """What does all that this or another repetition of its pattern would do, where that is to let the open text grow."""
        growing = self._growing
        return growing[1] if growing is not None and said.pattern is growing[0] else None

    def _grower(self, chunk: Chunk) -> Grow | None:
        """What would do all that this chunk did, were it fed again with another text; None where it did more than say one."""
        delta = chunk["choices"][0]["delta"]
        said = [name for name, value in delta.items() if value and name != "role"]
        if self.ended or self._making.plan.logprobs or len(said) != 1:
            return None
        if said[0] == "content":
            return self._output.growing(MessageDraft) if self._think.passing else None
        return self._output.growing(ReasoningDraft)

    def _feed(self, chunk: Chunk) -> bytes:
        if not lifecycle.takes_input(self.status):
            return b""
        if error := upstream_errors.in_chunk(chunk):
            return self.fail(error)
        chunk = chunks.unwrapped(chunk)
        self._facts.read(chunk)
        choice = chunks.followed_choice(chunk.get("choices"), self._facts.index)
        if choice is None:
            return self._emitter.take()
        if choice.get("error"):  # OpenRouter
            return self.fail(upstream_errors.from_document(choice))
        self._read(choice)
        return self._emitter.take()

    def end(self, ending: Ending) -> bytes:
        """The upstream's body is over: ends the response as what it has become."""
        if not lifecycle.takes_input(self.status):
            return b""
        if fault := self._facts.fault(ending):
            return self.fail(fault)
        reason = self._facts.incomplete_reason()
        status = Status.COMPLETED if reason is None else Status.INCOMPLETE
        try:
            self._close(status)
        except BadArguments as error:
            return self.fail(UpstreamError(f"The model called a tool with arguments that do not fit it: {error}."))
        self._finish(
            status,
            completed_at=self._making.clock() if reason is None else None,
            incomplete_details=None if reason is None else {"reason": reason},
            usage=self._usage(),
        )
        return self._emitter.take()

    def fail(self, error: UpstreamError) -> bytes:
        """Ends the response as failed, with what there was: an error event."""
        if self.ended:
            return b""
        self.error = error
        self._output.abandon()
        self._emitter.error(error)
        failure = {"code": upstream_errors.response_code(error), "message": error.message}
        self._finish(Status.FAILED, error=failure, usage=self._counted())
        return self._emitter.take()

    def abandon(self, reason: str) -> None:
        """Ends a response that nobody waits for any more: as incomplete, unless the model had come to its end. One that has not begun
        stays as it is: nobody knows its id."""
        if self.status is not Status.IN_PROGRESS:
            return
        if self._facts.finish_reason is not None:
            self.end(Ending.CUT)
            return
        self._output.abandon()
        self._finish(Status.INCOMPLETE, incomplete_details={"reason": reason}, usage=self._counted())

    @property
    def ended(self) -> bool:
        """Whether nothing but the announcement is left."""
        return self.status in lifecycle.TERMINAL

    def kept(self) -> bytes:
        """The object as it is stored: without its output, which is stored item by item."""
        return self._snapshot((), store=True)

    def marks(self, after: int) -> Sequence[Mark]:
        """The trace so far, without its first marks: what belongs to the events that were given since."""
        return self._emitter.trace.marks[after:]

    def trace(self) -> bytes:
        """What `replay` needs, besides the object and the items, to tell the same events again."""
        return self._emitter.trace.encode()

    def response(self, *, stored: bool) -> bytes:
        """The object as it has ended, encoded."""
        return self._snapshot(self.outputs, store=stored)

    def announce(self, response: bytes) -> bytes:
        """The terminal event, with the object that `response` gave, and the end of the stream."""
        self._emitter.end(self.status.value, response)
        return self._emitter.take()

    def _announce(self, emitter: Emitter) -> None:
        def object(status: Status) -> bytes:
            return self._making.object.snapshot(status, (), store=self._making.store)

        emitter.begin(object(Status.IN_PROGRESS), object(Status.QUEUED) if self._making.plan.background else None)

    def _read(self, choice: chunks.Delta) -> None:
        delta = self._delta(choice)
        if thought := chunks.reasoning(delta):
            self._facts.reasoned = True
            self._output.reasoning(thought)
        if self._making.plan.logprobs:
            self._output.logprobs(chunks.logprobs(choice))
        for kind, text in chunks.content(delta):
            self._say(kind, text)
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._facts.spoke = True
            self._output.refusal(refusal)
        if annotations := delta.get("annotations"):
            for annotation in chunks.citations(annotations):
                self._output.annotation(annotation)
        if called := chunks.calls(delta):
            self._flush_think()
            self._calls.feed(called)
        self._facts.finished(choice)

    def _delta(self, choice: chunks.Delta) -> chunks.Delta:
        """What is new in a choice: its delta, or of a message what no delta has said."""
        if self._facts.index is None:
            self._facts.index = choice.get("index")
        delta, message = choice.get("delta"), choice.get("message")
        if not isinstance(message, dict):
            if isinstance(delta, dict):
                self._facts.streamed = self._facts.streamed or chunks.says_something(delta)
                return delta
            return {"content": choice["text"]} if isinstance(choice.get("text"), str) else {}
        if isinstance(delta, dict) and chunks.says_something(delta):
            self._facts.streamed = True
            return delta
        if not self._facts.streamed:
            return message
        said = [
            *(chunks.CONTENT_FIELDS if self._facts.spoke else ()),
            *(chunks.REASONING_FIELDS if self._facts.reasoned else ()),
            *(chunks.CALL_FIELDS if self._calls.begun else ()),
        ]
        return {name: value for name, value in message.items() if name not in said}

    def _say(self, kind: Kind, text: str) -> None:
        """Content may still hold both kinds: reasoning between tags."""
        self._facts.spoke = True
        if kind is Kind.TEXT:
            self._say_split(self._think.feed(text))
        else:
            self._pass_on(kind, text)

    def _flush_think(self) -> None:
        self._say_split(self._think.end())

    def _say_split(self, said: Iterable[tuple[Kind, str]]) -> None:
        for kind, text in said:
            if kind is Kind.TEXT or not self._facts.reasoned:
                self._pass_on(kind, text)

    def _pass_on(self, kind: Kind, text: str) -> None:
        if kind is Kind.TEXT:
            self._output.text(text)
        elif kind is Kind.REASONING:
            self._output.reasoning(text)
        else:
            self._output.refusal(text)

    def _open_call(self, call_id: str, wire_name: str) -> GrowingCall:
        return self._output.call(call_id, self._making.plan.toolbox.resolve(wire_name))

    def _close(self, status: Status) -> None:
        self._flush_think()
        self._calls.end()
        for annotation in self._facts.citations(self._output.spoken()):
            self._output.annotation(annotation)
        self._output.close(status.value)

    def _finish(self, status: Status, **changed: Any) -> None:
        self.status = lifecycle.move(self.status, status)
        if self._facts.model:
            changed["model"] = self._facts.model
        if self._facts.service_tier:
            changed["service_tier"] = self._facts.service_tier
        self._ended_with = changed
        self.outputs = [orjson.dumps(item) for item in self._output.items()]

    def _snapshot(self, outputs: Iterable[bytes], *, store: bool) -> bytes:
        return self._making.object.snapshot(self.status, [*map(orjson.Fragment, outputs)], store=store, **self._ended_with)

    def _usage(self) -> usage.Usage | None:
        counted = usage.counted(self._facts.usage)
        if counted is None:
            self.usage_estimated = True
            counted = usage.estimated(self._making.prompt_bytes, sum(map(usage.said, self._output.items())))
        return usage.added(self._spent, counted)

    def _counted(self) -> usage.Usage | None:
        """What was counted of a response that was broken off."""
        return usage.added(self._spent, usage.counted(self._facts.usage))
