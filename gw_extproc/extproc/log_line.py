"""What comes from outside, made fit for a line of the log."""

from __future__ import annotations

LONGEST = 128
"""Characters of a name in a log line."""


def printable(text: str) -> str:
    """Nothing that a terminal or a log reader would act on."""
    return "".join(char if "!" <= char <= "~" else "?" for char in text[:LONGEST])
