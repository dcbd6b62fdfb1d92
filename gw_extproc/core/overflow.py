"""How servers say that a context is too long for the model, and by how much.

The code of OpenAI is one way; others put it into words, and a server behind a gateway speaks through that. So the table stands for all
of them, whatever the dialect. What is said of a rate of tokens, or of the answer's limit alone, is something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

CODE = "context_length_exceeded"
"""OpenAI's code, which every such error gets."""

CODES = frozenset({CODE, "exceed_context_size_error", "context_window_exceeded", "model_context_window_exceeded", "context_too_large"})
"""Codes and types that say it: llama.cpp's is the second, z.ai's the fourth."""

_OTHERWISE = frozenset({401, 403, 404, 429})
"""Statuses of errors that are about something else, whatever they mention."""

_SAID = re.compile(
    "|".join(
        (
            r"maximum context length",  # OpenAI, Azure, DeepSeek, OpenRouter, vLLM, SGLang
            r"exceeds? the context window",  # OpenAI's newer models
            r"input tokens exceed the configured limit",  # OpenAI
            r"context length is only [\d,]+",  # vLLM
            r"longer than the maximum model length",  # vLLM
            r"longer than the model's context length",  # SGLang, Together
            r"available context size",  # llama.cpp
            r"greater than the context length",  # LM Studio
            r"loaded with context length of only",  # LM Studio
            r"exceeded (?:max )?context length",  # Ollama
            r"too large for model with [\d,]+ maximum context",  # Mistral
            r"prompt is too long",  # Anthropic
            r"exceed context limit",  # Anthropic
            r"input token count.{0,40} exceeds the maximum",  # Gemini
            r"maximum prompt length is [\d,]+",  # xAI
            r"reduce the length of the (?:messages|input)",  # Groq, vLLM
            r"input is too long for requested model",  # Bedrock
            r"exceeded model token limit",  # Kimi
            r"context window exceeds limit",  # MiniMax
            r"range of input length should be",  # DashScope
            r"configured context size is [\d,]+",  # DeepSeek's own server
            r"prompt exceeds max length",  # Zhipu
            r"`inputs` tokens \+ `max_new_tokens` must be",  # TGI
        )
    ),
    re.IGNORECASE,
)

# The first that is found counts: what is more exact stands first.
_LIMITS: Sequence[re.Pattern[str]] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"maximum input length of ([\d,]+)",
        r"(?:length|size|limit|maximum)(?: is| of)?(?: only)? \(?([\d,]+)",
        r"tokens allowed \(([\d,]+)\)",
        r"> ([\d,]+) maximum",
        r"with ([\d,]+) maximum",
        r"token limit: ([\d,]+)",
        r"must be <= ([\d,]+)",
        r"should be \[1, ([\d,]+)\]",
    )
)
_GIVEN: Sequence[re.Pattern[str]] = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"([\d,]+) in the messages",
        r"(?:resulted in|requested(?: about)?|requested a total of|requested:|passed|contains|contain|has|given:) ([\d,]+)",
        r"\(([\d,]+) tokens\)",
        r"too long: ([\d,]+)",
        r"count \(([\d,]+)\)",
    )
)

SHARE = 0.75
"""Of a context that is too long by an unknown amount, how much is tried next: a few attempts find what fits, none loses much more."""

SLACK = 0.95
"""Of what would fit by the server's numbers: they are tokens, and what is left out is measured in bytes."""

LEAST = 0.05
"""The smallest share that is believed: the numbers in a text may be others than those that are looked for."""


def is_said(message: str, names: Sequence[str | None], status: int) -> bool:
    """Whether an error with that message, and with these as its code and type, says that the context is too long."""
    if any(name in CODES for name in names):
        return True
    return status not in _OTHERWISE and _SAID.search(message) is not None


def fitting(message: str) -> float:
    """Which share of the context may fit, by the numbers in the message."""
    limit, given = _number(_LIMITS, message), _number(_GIVEN, message)
    if not (limit and given and limit < given):
        return SHARE
    return max(LEAST, SLACK * limit / given)


def _number(patterns: Sequence[re.Pattern[str]], message: str) -> int:
    found = next((found for pattern in patterns if (found := pattern.search(message))), None)
    digits = "" if found is None else found[1].replace(",", "")
    return int(digits) if 0 < len(digits) < 12 else 0
