"""What the upstream said about its answer, besides the answer: model, tier, usage, reason, sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.json_text import written
from gw_extproc.core.sse import BAD_ANSWER, Chunk, Ending

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

SERVICE_TIERS = frozenset({"auto", "default", "flex", "scale", "priority"})
"""The tiers that the standards know; another (Groq's `on_demand`, Mistral's `standard`) is what they call `default`."""

BYTES_PER_TOKEN = 4
"""The usual rule of thumb, for backends that do not count."""

MAX_COUNT = 2**53
"""The largest number that every JSON reader holds exactly."""

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
    answered: bool = False
    """Whether there was a list of choices, however short."""
    cited: Chunk = field(default_factory=dict)
    """The chunk with the sources that `[n]` in the text may mean (Perplexity sends them with each)."""

    def read(self, chunk: Chunk) -> None:
        if isinstance(model := chunk.get("model"), str) and model:
            self.model = model
        if isinstance(tier := chunk.get("service_tier"), str) and tier in SERVICE_TIERS:
            self.service_tier = tier
        choices = chunk.get("choices")
        if isinstance(choices, list):
            self.answered = True
        usage = chunk.get("usage")
        if not usage and isinstance(wrapped := chunk.get("x_groq"), dict):
            usage = wrapped.get("usage")
        if usage and isinstance(usage, dict):
            self.usage = usage
            self.ended_with_usage = not choices
        if chunk.get("citations") or chunk.get("search_results"):
            self.cited = chunk

    def finished(self, choice: Mapping[str, Any]) -> None:
        """Some servers say an empty reason, some say it twice; Moonshot counts here."""
        if isinstance(reason := choice.get("finish_reason"), str) and reason:
            self.finish_reason = reason
            if (usage := choice.get("usage")) and isinstance(usage, dict):
                self.usage = usage

    def fault(self, ending: Ending) -> UpstreamError | None:
        """Why the answer is none, or not whole.

        Its own end is a reason, [DONE], a closing usage chunk, or the end of a JSON body.
        """
        if ending is Ending.WHOLE and not self.answered:
            return UpstreamError("The upstream's answer is not a Chat completion: it has no choices.", code=BAD_ANSWER)
        if self.finish_reason is not None:
            broken = self.finish_reason.lower() in FAILED_REASONS
        else:
            broken = ending is Ending.CUT and not self.ended_with_usage
        return UpstreamError("The upstream's answer broke off.", code="upstream_stream_ended") if broken else None

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
        sources = list(_sources(self.cited))
        for marker in _MARKER.finditer(text) if sources else ():
            number = int(marker.group(1))
            if 0 < number <= len(sources):
                url, title = sources[number - 1]
                yield citation(url, title, marker.start(), marker.end())


def estimated(prompt_bytes: int, answer_bytes: int) -> Usage:
    """Usage by rule of thumb."""
    return _usage(-(-prompt_bytes // BYTES_PER_TOKEN), -(-answer_bytes // BYTES_PER_TOKEN), 0, 0, 0)


def said(item: Mapping[str, Any]) -> int:
    """Bytes that the model wrote for an output item."""
    texts = [part.get("text") or part.get("refusal") or "" for part in item.get("content") or ()]
    written_by_model = (item[name] for name in ("arguments", "input", "action", "operation") if name in item)
    texts += (value if isinstance(value, str) else written(value) for value in written_by_model)
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


def count(value: object) -> int:
    """The whole number that an upstream gave, or 0 for anything that is none."""
    return int(value) if isinstance(value, int | float) and 0 < value < MAX_COUNT else 0


def _count(values: object, name: str) -> int:
    return count(values.get(name)) if isinstance(values, dict) else 0


def _first(values: Mapping[str, Any], *names: str) -> int:
    return next((number for name in names if (number := _count(values, name))), 0)


def _sources(chunk: Chunk) -> Iterator[tuple[str, str]]:
    """URL and title of each source."""
    results, urls = chunk.get("search_results"), chunk.get("citations")
    titles = {}
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and isinstance(url := result.get("url"), str):
            titles[url] = title if isinstance(title := result.get("title"), str) else ""
    for url in urls if isinstance(urls, list) and urls else titles:
        if isinstance(url, str):
            yield url, titles.get(url, "")
