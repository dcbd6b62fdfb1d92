"""How many tokens a response took: what the upstream counted, in whatever words, or an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Usage = dict[str, Any]
Given = Mapping[str, Any]

BYTES_PER_TOKEN = 4
"""The usual rule of thumb, for backends that do not count."""

MAX_COUNT = 2**53
"""The largest number that every JSON reader holds exactly."""


def merged(known: Given | None, given: object) -> Given | None:
    """What is known after another count: a field that says nothing (absent, null, 0) takes nothing back."""
    if not isinstance(given, dict) or not given:
        return known
    if known is None:
        return given
    news = {
        name: merged(_mapping(known.get(name)), value) if isinstance(value, dict) else value for name, value in given.items() if value
    }
    return {**known, **news}


def _mapping(value: object) -> Given | None:
    return value if isinstance(value, dict) else None


def counted(given: Given | None) -> Usage | None:
    """The usage in the API's form, or None where the upstream did not count."""
    if given is None:
        return None
    whole = _counts(given)
    prompt = whole.get("prompt_tokens") or whole.get("input_tokens") or 0
    completion = whole.get("completion_tokens") or whole.get("output_tokens") or 0
    if not (prompt or completion):
        return None
    into = whole | _counts(given.get("prompt_tokens_details") or given.get("input_tokens_details"))
    out = whole | _counts(given.get("completion_tokens_details") or given.get("output_tokens_details"))
    return _usage(
        prompt,
        completion,
        cached=into.get("cached_tokens") or into.get("prompt_cache_hit_tokens") or into.get("cache_read_input_tokens") or 0,
        written=into.get("cache_write_tokens") or into.get("cache_creation_input_tokens") or 0,
        reasoning=out.get("reasoning_tokens") or 0,
        total=whole.get("total_tokens") or 0,
    )


def estimated(prompt_bytes: int, answer_bytes: int) -> Usage:
    """Usage by rule of thumb."""
    return _usage(-(-prompt_bytes // BYTES_PER_TOKEN), -(-answer_bytes // BYTES_PER_TOKEN))


def added(one: Usage | None, other: Usage | None) -> Usage | None:
    """What two model calls took together; None where neither was counted."""
    if one is None or other is None:
        return one or other
    return {name: added(value, other[name]) if isinstance(value, dict) else value + other[name] for name, value in one.items()}


def said(item: Mapping[str, Any]) -> int:
    """Bytes that the model wrote for an output item."""
    texts = [part.get("text") or part.get("refusal") or "" for part in item.get("content") or ()]
    texts += [str(item[name]) for name in ("arguments", "input", "action", "operation", "code") if name in item]
    return sum(len(text.encode()) for text in texts)


def count(value: object) -> int:
    """The whole number that an upstream gave, as a number or a text, or 0 for anything that is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 16:
        value = int(value)
    return int(value) if isinstance(value, int | float) and 0 < value < MAX_COUNT else 0


def _usage(prompt: int, completion: int, *, cached: int = 0, written: int = 0, reasoning: int = 0, total: int = 0) -> Usage:
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": max(total, prompt + completion),
    }


def _counts(given: object) -> dict[str, int]:
    """What is counted there, besides nothing."""
    if not isinstance(given, dict):
        return {}
    return {name: number for name, value in given.items() if value and (number := count(value))}
