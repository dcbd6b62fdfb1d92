"""What comes from outside, made fit for a log, a trace or a terminal."""

from __future__ import annotations

LONGEST = 128
"""Characters of a name."""


def printable(text: str, longest: int = LONGEST) -> str:
    """Nothing that a terminal or a log reader would act on."""
    text = text[:longest]
    if text.isascii() and text.isprintable() and " " not in text:  # nearly always
        return text
    return "".join(char if "!" <= char <= "~" else "?" for char in text)
