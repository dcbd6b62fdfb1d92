"""Chat messages without the oldest, where all of them are too many (`truncation: "auto"`).

Theory. What must stay together is a *block*: a message, or one that calls tools with their outputs and the pictures that follow these;
its reasoning is part of it. Blocks make *turns*: one begins with the user's messages and lasts until the user speaks again. Dropped are
whole turns, the oldest first; when only the last is left, its own oldest blocks. What stays in any case is what system and developer
say, the first messages where a prompt gives them, the user's last message, and the last block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import orjson

from gw_extproc.core.conversation import PICTURES_TITLE

Message = Mapping[str, Any]
Block = Sequence[int]
"""Positions of messages."""

_SYSTEM = frozenset({"system", "developer"})


def shortened(messages: Sequence[Message], share: float, first: int = 0) -> list[Message] | None:
    """The messages of which about that share is left, at least a block less than before; None where nothing more may go.

    `first` is how many that are not the system's have to stay at the beginning.
    """
    sizes = [len(orjson.dumps(message)) for message in messages]
    excess = sum(sizes) * (1 - share)
    dropped: set[int] = set()
    for block in _droppable(messages, first):
        dropped.update(block)
        excess -= sum(sizes[position] for position in block)
        if excess <= 0:
            break
    return [message for position, message in enumerate(messages) if position not in dropped] if dropped else None


def _droppable(messages: Sequence[Message], first: int) -> Iterator[Block]:
    """What may go, the first before the second."""
    *older, last = [*_turns(messages, first)] or [[]]
    for turn in older:
        yield [*chain.from_iterable(turn)]
    spoken = sum(1 for block in last if _is_users(messages, block))
    yield from last[: max(0, spoken - 1)]
    yield from last[spoken:-1]


def _turns(messages: Sequence[Message], first: int) -> Iterator[list[Block]]:
    turn: list[Block] = []
    for block in _blocks(messages, first):
        if turn and _is_users(messages, block) and not _is_users(messages, turn[-1]):
            yield turn
            turn = []
        turn.append(block)
    if turn:
        yield turn


def _blocks(messages: Sequence[Message], first: int) -> Iterator[Block]:
    positions = [position for position, message in enumerate(messages) if message["role"] not in _SYSTEM][first:]
    block: list[int] = []
    for position in positions:
        if block and not _belongs_above(messages[position]):
            yield block
            block = []
        block.append(position)
    if block:
        yield block


def _belongs_above(message: Message) -> bool:
    """Whether a message cannot be without the one before it: an output, or its pictures."""
    content = message.get("content")
    title = content[0].get("text", "") if isinstance(content, list) else ""
    return bool(message["role"] == "tool" or title.startswith(PICTURES_TITLE))


def _is_users(messages: Sequence[Message], block: Block) -> bool:
    return bool(messages[block[0]]["role"] == "user")
