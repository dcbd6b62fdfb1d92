"""What is kept of one response, as it is saved and as it is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gw_extproc.core.ids import Ref


@dataclass(frozen=True)
class Record:
    """One response to be saved. Its items are JSON with their ids; the object's output is empty, because the items hold it.

    `parent` is as in keys. Without an `object` only the items are kept: nobody can read the response, and in a conversation the
    items belong to that alone. With `conversation` they are appended to its order.
    """

    ref: Ref
    parent: str
    object: bytes | None
    trace: bytes
    inputs: Sequence[bytes]
    outputs: Sequence[bytes]
    conversation: bool


@dataclass(frozen=True)
class Stored:
    """One response as it was saved."""

    object: bytes
    trace: bytes
    inputs: Sequence[bytes]
    outputs: Sequence[bytes]
