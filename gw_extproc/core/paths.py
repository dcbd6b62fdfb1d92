"""Paths that more than one part of the gateway must know."""

from __future__ import annotations

RESPONSES = "/v1/responses"

CHAT = "/chat/completions"
"""Below the upstream's base path: where models are called."""

OWN = (RESPONSES, "/v1/conversations", "/v1/prompts", "/v1/models")
"""What the gateway answers for, with everything below; all other paths pass it by."""

_BELOW = tuple(f"{own}/" for own in OWN)

BULK: tuple[str, ...] = ()
"""Own paths with bodies so large that Envoy hands them straight to the gateway's HTTP listener, where there is back-pressure."""

PROBES = ("/healthz", "/readyz")
"""Where the HTTP listener says that it lives, and that it can serve."""

ASSUMED_BASE = "/v1"
"""The upstream's base path where no upstream is named and only Envoy knows it: OpenAI's."""


def is_own(path: str) -> bool:
    """Whether the gateway answers for a path, given without its query."""
    return path in OWN or path.startswith(_BELOW)
