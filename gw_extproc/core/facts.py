"""What the upstream said about its answer, besides the answer: model, tier, usage, reason, sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gw_extproc.core.sse import Chunk, Ending

Usage = dict[str, Any]

INCOMPLETE_REASONS = {
    "length": "max_output_tokens",
    "max_tokens": "max_output_tokens",
    "model_length": "max_output_tokens",
    "content_filter": "content_filter",
    "safety": "content_filter",
}
"""finish_reason to incomplete_details.reason. `max_tokens` is Anthropic's word, `model_length` Mistral's, `safety` Gemini's. Any
reason that is neither here nor in FAILED_REASONS means that the model came to its end."""

FAILED_REASONS = frozenset({"error", "insufficient_system_resource"})
"""OpenRouter's and DeepSeek's words for an answer that broke off."""

BYTES_PER_TOKEN = 4
"""The usual rule of thumb, for backends that do not count."""

_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass
class Facts:
    """Filled chunk by chunk; the last word counts."""

    model: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    ended_with_usage: bool = False
    """Whether the last chunk with usage had no choices: OpenAI's way to end a stream."""
    sources: Sequence[tuple[str, str]] = field(default_factory=list)
    """URL and title of each source that `[n]` in the text may mean (Perplexity)."""

    def read(self, chunk: Chunk) -> None:
        if model := chunk.get("model"):
            self.model = model if isinstance(model, str) else self.model
        if tier := chunk.get("service_tier"):
            self.service_tier = tier if isinstance(tier, str) else self.service_tier
        usage = chunk.get("usage")
        if isinstance(usage, dict) and usage:
            self.usage = usage
            self.ended_with_usage = not chunk.get("choices")
        if "search_results" in chunk or "citations" in chunk:
            self.sources = list(_sources(chunk))

    def finished(self, choice: Mapping[str, Any]) -> None:
        """Some servers say an empty reason, some say it twice."""
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.finish_reason = reason

    def complete(self, ending: Ending) -> bool:
        """Whether the answer came to an end of its own: a reason, [DONE], a closing usage chunk, or a whole JSON body."""
        if self.finish_reason is not None:
            return self.finish_reason.lower() not in FAILED_REASONS
        return ending is not Ending.CUT or self.ended_with_usage

    def incomplete_reason(self) -> str | None:
        return INCOMPLETE_REASONS.get((self.finish_reason or "").lower())

    def counted(self) -> Usage | None:
        """The usage in the API's form, or None where the upstream did not count."""
        given = self.usage
        if given is None or not (_count(given, "prompt_tokens") or _count(given, "completion_tokens")):
            return None
        prompt, completion = given.get("prompt_tokens_details"), given.get("completion_tokens_details")
        cached = _count(prompt, "cached_tokens") or _first(given, "cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
        written = _count(prompt, "cache_write_tokens") or _count(given, "cache_creation_input_tokens")
        reasoning = _count(completion, "reasoning_tokens") or _count(given, "reasoning_tokens")
        usage = _usage(_count(given, "prompt_tokens"), _count(given, "completion_tokens"), cached, written, reasoning)
        return usage | {"total_tokens": _count(given, "total_tokens") or usage["total_tokens"]}

    def citations(self, text: str) -> Iterator[dict[str, Any]]:
        """The url citations that `[n]` markers in the text stand for."""
        for marker in _MARKER.finditer(text) if self.sources else ():
            number = int(marker.group(1))
            if 0 < number <= len(self.sources):
                url, title = self.sources[number - 1]
                yield citation(url, title, marker.start(), marker.end())


def estimated(prompt_bytes: int, answer_bytes: int) -> Usage:
    """Usage by rule of thumb."""
    return _usage(-(-prompt_bytes // BYTES_PER_TOKEN), -(-answer_bytes // BYTES_PER_TOKEN), 0, 0, 0)


def said(item: Mapping[str, Any]) -> int:
    """Bytes that the model wrote for an output item."""
    texts = [part.get("text") or part.get("refusal") or "" for part in item.get("content") or ()]
    texts += [item[name] for name in ("arguments", "input") if name in item]
    texts += [str(item[name]) for name in ("action", "operation") if name in item]
    return sum(len(text.encode()) for text in texts)


def citation(url: str, title: str, start: int, end: int) -> dict[str, Any]:
    """An annotation of the type url_citation."""
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}


def _usage(prompt: int, completion: int, cached: int, written: int, reasoning: int) -> Usage:
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": prompt + completion,
    }


def _count(values: object, name: str) -> int:
    value = values.get(name) if isinstance(values, dict) else None
    return int(value) if isinstance(value, int | float) else 0


def _first(values: Mapping[str, Any], *names: str) -> int:
    return next((count for name in names if (count := _count(values, name))), 0)


def _sources(chunk: Chunk) -> Iterator[tuple[str, str]]:
    results = [each for each in chunk.get("search_results") or () if isinstance(each, dict) and each.get("url")]
    titles = {str(each["url"]): str(each.get("title") or "") for each in results}
    for url in chunk.get("citations") or titles:
        if isinstance(url, str):
            yield url, titles.get(url, "")
