"""Chat chunks in, Responses events out: the heart of the gateway.

Theory. A response lives through the states of `lifecycle`. `start` announces it; `feed` takes chunks; `end` takes how the upstream's
body ended and decides, from what the upstream said, between completed, incomplete and failed; `fail` ends it with an error. Each gives
back the events that it caused, encoded, except the terminal one: that is for `announce`, once the record is saved or given up (save,
then announce). What arrives before `start` is a bug and raises IllegalMove; what arrives after the end is ignored.

Where the model called tools of the gateway's own, `end` does not end the response: `waiting` are the calls to be run. Once they are,
`resume` takes the next model call, or `stop` ends the response there. What belongs to one model call is in `ModelCall`; the lifecycle,
the emitter and the output belong to the response, so that there is one stream of events whatever number of calls it takes.

A buffered answer is the streamed one fed in one piece: a whole Chat message is read as one large delta, and the caller who wants
JSON gets the object of the terminal event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from gw_extproc.core import lifecycle, upstream_errors, usage
from gw_extproc.core.calls import GrowingCall, SuppressedCall
from gw_extproc.core.drafts import Item, Seal
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import Emitter, Grow, Mute, Profile
from gw_extproc.core.facts import Source
from gw_extproc.core.hosted import Form
from gw_extproc.core.hosted_draft import HostedCall, HostedDraft
from gw_extproc.core.lifecycle import Status
from gw_extproc.core.model_call import ModelCall
from gw_extproc.core.output import NewId, Output
from gw_extproc.core.repetition import Repetition
from gw_extproc.core.request import Plan
from gw_extproc.core.response import Fields, ResponseObject
from gw_extproc.core.sse import Chunk, Ending, Piece
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
    most_calls: int | None = None
    """How many calls the gateway may run, in all (max_tool_calls)."""


class CallEnded(NamedTuple):
    """One model call, as the upstream counts and names it."""

    model: str | None
    finish_reason: str | None
    usage: usage.Usage | None


MOST_CALLS = "max_tool_calls"
"""The `incomplete_details.reason` of a response whose model wanted to call more tools than the caller allows."""


class Assembler:
    """Makes one response. `error` is set once it has failed, `outputs` are its items, encoded, once it has ended."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._emitter = Emitter(making.profile) if making.events else Mute(making.profile)
        self._output = Output(self._emitter, making.new_id, summary=making.plan.summary, seal=making.seal)
        self._allowance = _Allowance(making.most_calls)
        self._call = self._model_call(making.plan, making.prompt_bytes)
        self.status = Status.QUEUED
        self.waiting: Sequence[HostedCall] = ()
        self.outputs: Sequence[bytes] = ()
        self.error: UpstreamError | None = None
        self._condensed: str | None = None
        self._spent = _Spent()
        self._ended_with: Fields = {}

    def condense(self, sealed: str, spent: usage.Usage | None) -> None:
        """The context was condensed, before the start and for so many tokens: the output begins with what it became."""
        self._condensed, self._spent.usage = sealed, spent

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
            self._call.growing = None
            return self._feed(piece)
        if (grow := self.growing(piece)) is not None:
            return grow(piece.text)
        chunk = piece.chunk()
        events = self._feed(chunk)
        self._call.repeated(piece.pattern, chunk, over=self.ended)
        return events

    def growing(self, said: Repetition) -> Grow | None:
        """What does all that this or another repetition of its pattern would do, where that is to let the open text grow."""
        growing = self._call.growing
        return growing[1] if growing is not None and said.pattern is growing[0] else None

    def _feed(self, chunk: Chunk) -> bytes:
        if not lifecycle.takes_input(self.status):
            return b""
        if error := self._call.read(chunk):
            return self.fail(error)
        return self._emitter.take()

    def end(self, ending: Ending) -> bytes:
        """The upstream's body is over: ends the response as what it has become, unless calls are waiting to be run."""
        if not lifecycle.takes_input(self.status):
            return b""
        facts = self._call.facts
        if fault := facts.fault(ending):
            return self.fail(fault)
        reason = facts.incomplete_reason()
        try:
            self._call.end()
            last = "completed" if reason is None else "incomplete"
            self.waiting = self._output.close(last, empty=not self._allowance.exceeded)
        except BadArguments as error:
            return self.fail(UpstreamError(f"The model called a tool with arguments that do not fit it: {error}."))
        self._spent.add(self._call, self._output)
        if not self.waiting:
            self._complete(reason)
        return self._emitter.take()

    def stop(self, reason: str | None) -> bytes:
        """Ends the response between two model calls: as completed, or for that reason as incomplete."""
        self._complete(reason)
        return self._emitter.take()

    def resume(self, plan: Plan, prompt_bytes: int, sources: Sequence[Source] = ()) -> None:
        """The model is called (again), with that plan, and with sources that it may cite by number."""
        self.waiting = ()
        self._call = self._model_call(plan, prompt_bytes, sources)
        self._output.resume()

    def open(self, form: Form, fields: Item) -> HostedDraft:
        """Opens an item of the gateway's own: nobody but the gateway asked for it."""
        return self._output.item(form, fields)

    def take(self) -> bytes:
        """The events of what was done to drafts since the last call."""
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
        if self._call.facts.finish_reason is not None and not self.waiting:
            self.end(Ending.CUT)
        if not self.ended:
            self._output.abandon()
            self._finish(Status.INCOMPLETE, incomplete_details={"reason": reason}, usage=self._counted())

    @property
    def ended(self) -> bool:
        """Whether nothing but the announcement is left."""
        return self.status in lifecycle.TERMINAL

    @property
    def handed_over(self) -> bool:
        """Whether the model called something that is for the caller to answer."""
        return self._output.handed_over

    @property
    def refused_calls(self) -> bool:
        """Whether the model wanted to call more of the gateway's tools than the caller allows."""
        return self._allowance.exceeded

    @property
    def output_tokens(self) -> int:
        """Tokens that the finished model calls have written."""
        return self._spent.output_tokens

    @property
    def usage_estimated(self) -> bool:
        return self._spent.estimated

    @property
    def ended_with(self) -> Mapping[str, Any]:
        """What the object at its end has besides what it began with: usage, reasons, the model that answered."""
        return self._ended_with

    @property
    def finish_reason(self) -> str | None:
        """The upstream's word for the end of the last model call."""
        return self._call.facts.finish_reason

    @property
    def call_ended(self) -> CallEnded:
        """What the upstream has said of the last model call."""
        facts = self._call.facts
        return CallEnded(facts.model, facts.finish_reason, self._call.usage())

    def items(self) -> Sequence[Item]:
        """The items as they stand."""
        return self._output.items()

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
        self._emitter.end(self.status.text, response)
        return self._emitter.take()

    def _announce(self, emitter: Emitter) -> None:
        def object(status: Status) -> bytes:
            return self._making.object.snapshot(status, (), store=self._making.store)

        emitter.begin(object(Status.IN_PROGRESS), object(Status.QUEUED) if self._making.plan.background else None)

    def _model_call(self, plan: Plan, prompt_bytes: int, sources: Sequence[Source] = ()) -> ModelCall:
        think_tags = self._making.think_tags
        return ModelCall(self._output, self._open_call, plan, think_tags=think_tags, prompt_bytes=prompt_bytes, sources=sources)

    def _open_call(self, call_id: str, wire_name: str) -> GrowingCall:
        toolbox = self._call.plan.toolbox
        tool = toolbox.resolve(wire_name)
        hosted = None if tool is None else toolbox.hosted(tool)
        if hosted is not None and hosted.form.runs and not self._allowance.take():
            return SuppressedCall()
        return self._output.call(call_id, tool, hosted)

    def _complete(self, reason: str | None) -> None:
        reason = reason or (MOST_CALLS if self._allowance.exceeded else None)
        self._finish(
            Status.COMPLETED if reason is None else Status.INCOMPLETE,
            completed_at=self._making.clock() if reason is None else None,
            incomplete_details=None if reason is None else {"reason": reason},
            usage=self._spent.usage,
        )

    def _finish(self, status: Status, **changed: Any) -> None:
        self.status = lifecycle.move(self.status, status)
        facts = self._call.facts
        if facts.model:
            changed["model"] = facts.model
        if facts.service_tier:
            changed["service_tier"] = facts.service_tier
        self._ended_with = changed
        self.outputs = [orjson.dumps(item) for item in self._output.items()]

    def _snapshot(self, outputs: Iterable[bytes], *, store: bool) -> bytes:
        return self._making.object.snapshot(self.status, [*map(orjson.Fragment, outputs)], store=store, **self._ended_with)

    def _counted(self) -> usage.Usage | None:
        """What was counted of a response that was broken off: the finished model calls, and the present one if it says so."""
        return usage.added(self._spent.usage, None if self.waiting else self._call.usage())


class _Allowance:
    """How many more calls the gateway may run."""

    def __init__(self, most: int | None) -> None:
        self._left = most
        self.exceeded = False

    def take(self) -> bool:
        if self._left is None:
            return True
        self.exceeded = self.exceeded or self._left == 0
        self._left = max(0, self._left - 1)
        return not self.exceeded


class _Spent:
    """The usage of the finished model calls."""

    def __init__(self) -> None:
        self.usage: usage.Usage | None = None
        self.estimated = False

    def add(self, call: ModelCall, output: Output) -> None:
        counted = call.usage()
        self.estimated = self.estimated or counted is None
        self.usage = usage.added(self.usage, counted or usage.estimated(call.prompt_bytes, output.said_bytes()))

    @property
    def output_tokens(self) -> int:
        return 0 if self.usage is None else int(self.usage["output_tokens"])
