"""Labels have few values: what a caller or an upstream says is one of these, or "other"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

OTHER = "other"

LEARNED = 50
"""Names of models that are learned where the settings name none."""

_LONGEST = 100  # characters of such a name

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

FIELDS = frozenset(
    {
        *("background", "context_management", "conversation", "frequency_penalty", "include", "input", "instructions"),
        *("max_output_tokens", "max_tool_calls", "metadata", "model", "parallel_tool_calls", "presence_penalty"),
        *("previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention", "reasoning", "safety_identifier"),
        *("service_tier", "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs"),
        *("top_p", "truncation", "usage", "user"),
    }
)
"""Of the API, as far as a notice may be about one."""

_FIELD_OF: Mapping[str, str] = {
    "tools left out": "tools",
    "allowed tools left out": "tool_choice",
    "items left out": "input",
    "outputs left out for want of their call": "input",
    "calls without output": "input",
    "arguments repaired": "input",
    "image detail sent as high": "input",
    "left out to fit the context": "input",
}
"""Notices whose names are no fields: what they are about."""

CANCELLED = frozenset({"CancelledError", "GeneratorExit"})
"""What ends a step because nobody waits for it any more."""

ERRORS = frozenset(
    {
        *("upstream_error", "bad_upstream_answer", "upstream_stream_ended", "upstream_not_configured"),
        *("rate_limit_exceeded", "rate_limit_error", "insufficient_quota", "requests", "tokens"),
        *("invalid_api_key", "authentication_error", "permission_error", "permission_denied", "unauthorized"),
        *("model_not_found", "not_found", "not_found_error", "unknown_url"),
        *("context_length_exceeded", "invalid_request_error", "invalid_value", "invalid_type", "invalid_prompt"),
        *("unsupported_parameter", "unsupported_value", "unknown_parameter", "content_filter", "content_policy_violation"),
        *("server_error", "internal_error", "internal_server_error", "api_error", "overloaded_error", "engine_overloaded", "timeout"),
    }
)
"""Codes and types of errors that are told apart: the gateway's own about the upstream, and those of well-known servers."""

PROVIDERS: Mapping[str, str] = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "deepseek": "deepseek",
    "mistral": "mistral_ai",
    "groq": "groq",
    "gemini": "gcp.gemini",
}
"""What the semantic conventions call whom a dialect belongs to; others are called like their dialect."""

_NAME = re.compile(r"[a-z_]+")


def field_of(heading: str, name: str) -> str:
    """The top-level field that a notice is about."""
    if (known := _FIELD_OF.get(heading)) is not None:
        return known
    found = _NAME.match(name)
    return found.group() if found is not None and found.group() in FIELDS else OTHER


def error_type(failed: str) -> str:
    """The error of a model call."""
    if failed in CANCELLED:
        return "cancelled"
    return failed if failed in ERRORS else OTHER


def status_class(status: int | None) -> str:
    return "none" if status is None else f"{status // 100}xx"


class ModelNames:
    """Names of models that have series of their own."""

    def __init__(self, given: Iterable[str]) -> None:
        """Where none are given, the first that were called successfully."""
        self._known = set(given)
        self._learns = not self._known

    def answered(self, name: str) -> None:
        """A call by that name was a success: a caller cannot make names up for that."""
        if self._learns and len(self._known) < LEARNED and 0 < len(name) <= _LONGEST:
            self._known.add(name)

    def label(self, name: str) -> str:
        return name if name in self._known else OTHER
