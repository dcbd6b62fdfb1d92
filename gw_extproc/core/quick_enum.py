"""Enums that are asked on every request, or for every chunk."""

from __future__ import annotations

from enum import Enum


class QuickEnum(Enum):
    """Its values are texts. Enum's own `__hash__` and `value` are written in Python."""

    __hash__ = object.__hash__

    def __init__(self, text: str) -> None:
        self.text = text
        """The value."""
