"""Splits a text that begins with <think>...</think> into reasoning and answer, wherever the pieces are cut.

Only a tag at the very beginning counts: later on it may be the subject of the conversation. White space around the tags goes. A closing
tag at the very beginning, left over by a server that took out the reasoning itself, goes too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

TAGS = {
    "<think>": "</think>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "◁think▷": "◁/think▷",
}
"""Opening to closing tags that models write by themselves: DeepSeek, Qwen and most others; Seed; Magistral; Kimi. Tags that
prompts ask for, such as <thinking>, belong to the answer."""

CLOSINGS = tuple(TAGS.values())


_FIRST = frozenset(tag[0] for tag in (*TAGS, *CLOSINGS))


class Kind(Enum):
    REASONING = "reasoning"
    TEXT = "text"
    REFUSAL = "refusal"


class _State(Enum):
    START = "nothing but white space so far"
    OPENED = "inside the tags, before the first thought"
    THINKING = "inside the tags"
    THOUGHT = "after the tags, before the answer"
    ANSWER = "in the answer: all is text"


class ThinkSplitter:
    """Feed it the text; it gives back pieces and what they are. `end` gives what it still held."""

    def __init__(self, *, enabled: bool) -> None:
        self._state = _State.START if enabled else _State.ANSWER
        self._held = ""
        self._closing = ""

    @property
    def passing(self) -> bool:
        """Whether all that follows is text."""
        return self._state is _State.ANSWER

    def feed(self, text: str) -> Iterable[tuple[Kind, str]]:
        return ((Kind.TEXT, text),) if self.passing else self._split(text)

    def end(self) -> Iterator[tuple[Kind, str]]:
        held, self._held = self._held, ""
        if self._state is _State.START and held:
            yield Kind.TEXT, held
        elif self._state is _State.THINKING and held.strip():
            yield Kind.REASONING, held.rstrip()
        self._state = _State.ANSWER

    def _split(self, text: str) -> Iterator[tuple[Kind, str]]:
        self._held += text
        if self._state is _State.START:
            self._start()
        if self._state is _State.OPENED:
            self._held = self._held.lstrip()
            self._state = _State.THINKING if self._held else _State.OPENED
        if self._state is _State.THINKING:
            yield from self._think()
        if self._state is _State.THOUGHT:
            self._held = self._held.lstrip()
            if self._held:
                self._state = _State.ANSWER
        if self._state is _State.ANSWER and self._held:
            yield Kind.TEXT, self._held
            self._held = ""

    def _start(self) -> None:
        start = self._held.lstrip()
        if start and start[0] not in _FIRST:
            self._state = _State.ANSWER
            return
        for opening, closing in TAGS.items():
            if start.startswith(opening):
                self._state, self._held, self._closing = _State.OPENED, start.removeprefix(opening), closing
                return
            if start.startswith(closing):
                self._state, self._held = _State.THOUGHT, start.removeprefix(closing)
                return
        if not any(tag.startswith(start) for tag in (*TAGS, *CLOSINGS)):
            self._state = _State.ANSWER

    def _think(self) -> Iterator[tuple[Kind, str]]:
        thought, closing, rest = self._held.partition(self._closing)
        if closing:
            if thought.strip():
                yield Kind.REASONING, thought.rstrip()
            self._state, self._held = _State.THOUGHT, rest
            return
        certain = thought[: len(thought) - _tail(thought, self._closing)].rstrip()
        if certain:
            yield Kind.REASONING, certain
            self._held = thought[len(certain) :]


def _tail(text: str, tag: str) -> int:
    """How many characters at the end may be the beginning of the tag."""
    return next((size for size in range(min(len(text), len(tag)), 0, -1) if tag.startswith(text[-size:])), 0)
