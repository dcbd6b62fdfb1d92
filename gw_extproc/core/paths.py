"""Paths that more than one part of the gateway must know."""

from __future__ import annotations

RESPONSES = "/v1/responses"
"""What the gateway answers for; all other paths pass it by."""

ASSUMED_BASE = "/v1"
"""The upstream's base path where no upstream is named and only Envoy knows it: OpenAI's."""
