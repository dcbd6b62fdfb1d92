"""The output of a response: which item is open, and what closes it.

Theory. Reasoning and messages are *text*: one of them is open at most, and it closes when anything else opens. Calls stay open to the
end and close in order, because servers interleave their pieces; those that have no streaming form are announced then, after all
others, so that every item is announced in the order of its index. Calls that the gateway runs itself stay open until they have run;
then the model is called again, and what it says follows in the same output. White space alone opens no message (models put line
breaks between their thoughts and their calls) unless it turns out to be the whole answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gw_extproc.core import usage
from gw_extproc.core.calls import GrowingCall, SuppressedCall, WholeCallBuffer
from gw_extproc.core.drafts import CompactionDraft, Draft, Item, MessageDraft, Place, ReasoningDraft, Seal
from gw_extproc.core.events import Emitter, Grow
from gw_extproc.core.hosted import Form, Hosted
from gw_extproc.core.hosted_draft import HostedCall, HostedDraft
from gw_extproc.core.open_calls import OpenCalls
from gw_extproc.core.toolkinds import Tool

NewId = Callable[[str, int], str]
"""Gives the id of the output's item of that index, or of its call of that number: `msg` and 0 to `msg_...00`."""


class Output:
    """Opens, grows and closes the drafts of one response."""

    def __init__(self, emitter: Emitter, new_id: NewId, *, summary: bool, seal: Seal | None = None) -> None:
        self._emitter = emitter
        self._new_id = new_id
        self._summary = summary
        self._seal = seal
        self._drafts: list[Draft] = []
        self._text: ReasoningDraft | MessageDraft | None = None
        self._calls = OpenCalls(self._place, self._drafts)
        self._first = 0  # index of the first item of the present model call
        self._blank = ""  # white space that may begin a message
        self._blank_thought = ""  # white space that may begin a thought
        self._logprobs: list[Item] = []
        self._annotations: list[Item] = []

    def compaction(self, sealed: str) -> None:
        """The condensed context, before anything else."""
        condensed = CompactionDraft(self._place("cmp"), sealed)
        self._drafts.append(condensed)
        self._first = len(self._drafts)
        condensed.close("completed")

    def reasoning(self, text: str) -> None:
        if not isinstance(self._text, ReasoningDraft):
            text = self._blank_thought + text
            self._blank_thought = "" if text.strip() else text
            if self._blank_thought:
                return
            self._close_text()
            self._blank = ""
            self._text = ReasoningDraft(self._place("rs"), summary=self._summary, seal=self._seal)
            self._drafts.append(self._text)
        self._text.grow(text)

    def logprobs(self, logprobs: Sequence[Item]) -> None:
        """Log probabilities go with the text that follows: some of it may be held back, here or before."""
        self._logprobs.extend(logprobs)

    def text(self, text: str) -> None:
        if not isinstance(self._text, MessageDraft):
            text = self._blank + text
            self._blank = "" if text.strip() else text
            if self._blank:
                return
        self._message().text(text, self._held_logprobs())
        if self._annotations:
            self._annotate()

    def refusal(self, text: str) -> None:
        self._message().refusal(text)

    def annotation(self, annotation: Item) -> None:
        """Annotations wait for a text to stand on: some servers send them first."""
        self._annotations.append(annotation)
        self._annotate()

    def growing(self, kind: type[ReasoningDraft | MessageDraft]) -> Grow | None:
        """What lets the open text grow, where it is of that kind and nothing waits to be told with it."""
        text = self._text
        return text.growing() if isinstance(text, kind) and not self._annotations else None

    def spoken(self) -> str:
        """The text of the open message, for markers that refer to sources."""
        return self._text.spoken() if isinstance(self._text, MessageDraft) else ""

    def call(self, call_id: str, tool: Tool | None, hosted: Hosted | None = None) -> GrowingCall:
        """Opens a call; one of a withheld tool (None) is swallowed."""
        self._close_text()
        self._blank = ""
        if tool is None:
            return SuppressedCall()
        return self._calls.open(call_id or self._new_id("call", self._calls.number), tool, hosted)

    def item(self, form: Form, fields: Item) -> HostedDraft:
        """Opens an item of the gateway's own that no model asked for."""
        draft = HostedDraft(self._place(form.id_prefix), form, form.opening(fields))
        self._drafts.append(draft)
        return draft

    def close(self, last_status: str, *, empty: bool = True) -> Sequence[HostedCall]:
        """Closes what the model said, and gives the calls that the gateway now runs: they stay open.

        The last item gets `last_status`, if it was open, all before it are complete (Open Responses: items). An answer that is complete
        and empty gets an empty message, if one may be `empty`. Raises BadArguments, and closes nothing, where the model finished a call
        that does not have its tool's form; the last one may have been cut off, and then there is no such call.
        """
        cut = last_status == "incomplete"
        whole = self._calls.judged(cut=cut)
        if len(self._drafts) == self._first and not len(self._calls) and (self._blank or (empty and not cut)):
            self._message().text(self._blank, self._held_logprobs())
        closing: list[Draft | WholeCallBuffer] = [*self._calls.streaming]
        if self._text is not None:
            self._settle()
            closing.append(self._text)
            self._text = None
        closing += whole
        last = self._drafts[-1] if self._drafts and not whole else None
        for each in closing:
            each.close(last_status if each is last else "completed")
        if cut:
            self._calls.cut()
        return () if cut else self._calls.settle()

    @property
    def handed_over(self) -> bool:
        """Whether the present model call made calls for the caller to answer."""
        return self._calls.for_the_caller

    def resume(self) -> None:
        """The model is called again."""
        self._calls, self._first, self._blank = OpenCalls(self._place, self._drafts, self._calls.number), len(self._drafts), ""

    def abandon(self) -> None:
        """Marks what is open as incomplete without announcing its end: the response has failed."""
        for draft in self._drafts:
            draft.abandon()

    def said_bytes(self) -> int:
        """Bytes that the model wrote in the present model call."""
        return sum(usage.said(draft.item()) for draft in self._drafts[self._first :])

    def items(self) -> list[Item]:
        """The items as they stand, in order."""
        return [draft.item() for draft in self._drafts]

    def _message(self) -> MessageDraft:
        if isinstance(self._text, MessageDraft):
            return self._text
        self._close_text()
        message = self._text = MessageDraft(self._place("msg"))
        self._drafts.append(message)
        return message

    def _close_text(self) -> None:
        if self._text is not None:
            self._settle()
            self._text.close("completed")
            self._text = None

    def _settle(self) -> None:
        """Gives the open text what belongs to it and has waited."""
        self._annotate()
        if isinstance(self._text, MessageDraft) and self._logprobs and self._text.spoken():
            self._text.more_logprobs(self._held_logprobs())

    def _held_logprobs(self) -> Sequence[Item]:
        held = self._logprobs
        if held:
            self._logprobs = []
        return held

    def _annotate(self) -> None:
        if self._annotations and isinstance(self._text, MessageDraft) and self._text.spoken():
            for annotation in self._annotations:
                self._text.annotate(annotation)
            self._annotations = []

    def _place(self, prefix: str) -> Place:
        index = len(self._drafts)
        return Place(self._emitter, self._new_id(prefix, index), index)
