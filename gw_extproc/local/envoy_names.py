"""What things are called inside Envoy's configuration."""

from __future__ import annotations

LISTENER = "ingress"
"""The listener's name and the prefix of its statistics."""

MODEL = "model"
"""The cluster of the Chat Completions server."""

PROCESSOR = "gw_extproc"
"""The cluster of the processor's workers."""

KEY_VARIABLE = "GW_UPSTREAM_API_KEY"
"""The environment variable from which Envoy takes the upstream's key."""
