"""What the upstream said about its answer, besides the answer: model, tier, usage, reason, sources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gw_extproc.core.errors import BAD_ANSWER, UpstreamError
from gw_extproc.core.sse import Chunk, Ending
from gw_extproc.core.usage import merged

_CUT = ("length", "max_tokens", "max_output_tokens", "max_length", "max_new_tokens", "token_limit", "model_length")
_CUT_BY_CONTEXT = ("context_length_exceeded", "model_context_window_exceeded")
_FILTERED = ("content_filter", "content_filtered", "safety", "recitation", "prohibited_content", "blocklist", "spii", "sensitive")
_GUARDED = ("guardrail_intervened", "error_toxic")

INCOMPLETE_REASONS = dict.fromkeys((*_CUT, *_CUT_BY_CONTEXT), "max_output_tokens") | dict.fromkeys(
    (*_FILTERED, *_GUARDED), "content_filter"
)
"""finish_reason, in lower case, to incomplete_details.reason: besides OpenAI's words those of Anthropic, Mistral, Gemini, Cohere, Zhipu
and text-generation-inference. Any reason that is neither here nor in FAILED_REASONS means that the model came to its end."""

FAILED_REASONS = frozenset(
    {
        "error",
        "insufficient_system_resource",
        "network_error",
        "abort",
        "cancelled",
        "timeout",
        "server_error",
        "failed",
        "internal_error",
    }
)
"""Words of OpenRouter, DeepSeek, Zhipu, vLLM, SGLang and others for an answer that broke off."""

SERVICE_TIERS = frozenset({"auto", "default", "flex", "scale", "priority"})
"""The tiers that the standards know; another (Groq's `on_demand`, Mistral's `standard`) is what they call `default`."""

Source = tuple[str, str]
"""URL and title."""

_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass
class Facts:
    """Filled chunk by chunk; the last word counts."""

    model: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] | None = None
    ended_with_usage: bool = False
    """Whether the last chunk was one with usage and without choices: OpenAI's way to end a stream."""
    answered: bool = False
    """Whether there was a list of choices, however short."""
    index: object = None
    """Index of the choice that is followed: that of the first to speak."""
    streamed: bool = False
    """Whether a delta said something: a whole message beside or after deltas only repeats what they said."""
    spoke: bool = False
    """Whether there was a text or a refusal."""
    reasoned: bool = False
    """Whether reasoning came in a field of its own: what stands between tags only repeats it."""
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
        if usage:
            self.usage = merged(self.usage, usage)
        if usage or choices:
            self.ended_with_usage = not choices
        if chunk.get("citations") or chunk.get("search_results"):
            self.cited = chunk

    def finished(self, choice: Mapping[str, Any]) -> None:
        """Some servers say an empty reason, or `null` in words, some say it twice; Moonshot counts here."""
        if isinstance(reason := choice.get("finish_reason"), str) and reason not in ("", "null"):
            self.finish_reason = reason
        if usage := choice.get("usage"):
            self.usage = merged(self.usage, usage)

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

    def citations(self, text: str) -> Iterator[dict[str, Any]]:
        """The url citations that `[n]` markers in the text stand for."""
        return marked(text, list(_sources(self.cited)))


def marked(text: str, sources: Sequence[Source]) -> Iterator[dict[str, Any]]:
    """The url citations that `[n]` markers in the text stand for, where there is an n-th source."""
    for marker in _MARKER.finditer(text) if sources else ():
        number = int(marker.group(1))
        if 0 < number <= len(sources):
            url, title = sources[number - 1]
            yield citation(url, title, marker.start(), marker.end())


def citation(url: str, title: str, start: int, end: int) -> dict[str, Any]:
    """An annotation of the type url_citation."""
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}


def _sources(chunk: Chunk) -> Iterator[tuple[str, str]]:
    """URL and title of each source."""
    results, cited = chunk.get("search_results"), chunk.get("citations")
    titles = dict(_titled(results))
    for source in cited if isinstance(cited, list) and cited else titles:
        if isinstance(source, str):
            yield source, titles.get(source, "")
        else:
            yield from _titled([source])


def _titled(results: object) -> Iterator[tuple[str, str]]:
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and isinstance(url := result.get("url") or result.get("link"), str):
            yield url, title if isinstance(title := result.get("title"), str) else ""
