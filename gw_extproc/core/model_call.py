"""One model call: what its answer says, passed on to the output of the response."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gw_extproc.core import chunks, upstream_errors, usage
from gw_extproc.core.calls import Calls, GrowingCall
from gw_extproc.core.drafts import MessageDraft, ReasoningDraft
from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import Grow
from gw_extproc.core.facts import Facts, Source, marked
from gw_extproc.core.output import Output
from gw_extproc.core.repetition import Pattern
from gw_extproc.core.request import Plan
from gw_extproc.core.sse import Chunk
from gw_extproc.core.think import Kind, ThinkSplitter

OpenCall = Callable[[str, str], GrowingCall]
"""Opens a call by its id and the function's name on the wire."""


class ModelCall:
    """Reads the chunks of one answer. Nothing in it outlives the call: what the response keeps is in its output."""

    def __init__(
        self,
        output: Output,
        open_call: OpenCall,
        plan: Plan,
        *,
        think_tags: bool,
        prompt_bytes: int,
        sources: Sequence[Source] = (),
    ) -> None:
        """`sources` are those that the model was given by number, to cite them as `[n]`."""
        self.facts = Facts()
        self.prompt_bytes = prompt_bytes
        self._output = output
        self._calls = Calls(open_call)
        self._think = ThinkSplitter(enabled=think_tags)
        self.plan = plan
        self._sources = sources
        self.growing: tuple[Pattern, Grow] | None = None
        """A pattern whose repetitions only let an open text grow, and how."""

    def read(self, chunk: Chunk) -> UpstreamError | None:
        """Takes one chunk, or a whole Chat completion; gives the error that it is, if it is one."""
        if error := upstream_errors.in_chunk(chunk):
            return error
        chunk = chunks.unwrapped(chunk)
        self.facts.read(chunk)
        choice = chunks.followed_choice(chunk.get("choices"), self.facts.index)
        if choice is None:
            return None
        if choice.get("error"):  # OpenRouter
            return upstream_errors.from_document(choice)
        self._read(choice)
        return None

    def repeated(self, pattern: Pattern, chunk: Chunk, *, over: bool) -> None:
        """Notes what would do all that this chunk of the pattern did, were it read again with another text."""
        grow = None if over else self._grower(chunk)
        self.growing = None if grow is None else (pattern, grow)

    def end(self) -> None:
        """The answer is over: says what was held back."""
        self._flush_think()
        self._calls.end()
        spoken = self._output.spoken()
        for annotation in (*self.facts.citations(spoken), *marked(spoken, self._sources)):
            self._output.annotation(annotation)

    def usage(self) -> usage.Usage | None:
        """What the upstream counted."""
        return usage.counted(self.facts.usage)

    def _grower(self, chunk: Chunk) -> Grow | None:
        """What would do all that this chunk did, were it read again with another text; None where it did more than say one."""
        delta = chunk["choices"][0]["delta"]
        said = [name for name, value in delta.items() if value and name != "role"]
        if self.plan.logprobs or len(said) != 1:
            return None
        if said[0] == "content":
            return self._output.growing(MessageDraft) if self._think.passing else None
        return self._output.growing(ReasoningDraft)

    def _read(self, choice: chunks.Delta) -> None:
        delta = self._delta(choice)
        if thought := chunks.reasoning(delta):
            self.facts.reasoned = True
            self._output.reasoning(thought)
        if self.plan.logprobs:
            self._output.logprobs(chunks.logprobs(choice))
        for kind, text in chunks.content(delta):
            self._say(kind, text)
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self.facts.spoke = True
            self._output.refusal(refusal)
        if annotations := delta.get("annotations"):
            for annotation in chunks.citations(annotations):
                self._output.annotation(annotation)
        if called := chunks.calls(delta):
            self._flush_think()
            self._calls.feed(called)
        self.facts.finished(choice)

    def _delta(self, choice: chunks.Delta) -> chunks.Delta:
        """What is new in a choice: its delta, or of a message what no delta has said."""
        if self.facts.index is None:
            self.facts.index = choice.get("index")
        delta, message = choice.get("delta"), choice.get("message")
        if not isinstance(message, dict):
            if isinstance(delta, dict):
                self.facts.streamed = self.facts.streamed or chunks.says_something(delta)
                return delta
            return {"content": choice["text"]} if isinstance(choice.get("text"), str) else {}
        if isinstance(delta, dict) and chunks.says_something(delta):
            self.facts.streamed = True
            return delta
        if not self.facts.streamed:
            return message
        said = [
            *(chunks.CONTENT_FIELDS if self.facts.spoke else ()),
            *(chunks.REASONING_FIELDS if self.facts.reasoned else ()),
            *(chunks.CALL_FIELDS if self._calls.begun else ()),
        ]
        return {name: value for name, value in message.items() if name not in said}

    def _say(self, kind: Kind, text: str) -> None:
        """Content may still hold both kinds: reasoning between tags."""
        self.facts.spoke = True
        if kind is Kind.TEXT:
            self._say_split(self._think.feed(text))
        else:
            self._pass_on(kind, text)

    def _flush_think(self) -> None:
        self._say_split(self._think.end())

    def _say_split(self, said: Iterable[tuple[Kind, str]]) -> None:
        for kind, text in said:
            if kind is Kind.TEXT or not self.facts.reasoned:
                self._pass_on(kind, text)

    def _pass_on(self, kind: Kind, text: str) -> None:
        if kind is Kind.TEXT:
            self._output.text(text)
        elif kind is Kind.REASONING:
            self._output.reasoning(text)
        else:
            self._output.refusal(text)
