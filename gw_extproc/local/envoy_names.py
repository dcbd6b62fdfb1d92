"""What things are called inside Envoy's configuration."""

from __future__ import annotations

LISTENER = "ingress"
"""The listener for clients, and the prefix of its statistics."""

EGRESS = "egress"
"""The listener for the gateway's own model calls, and the prefix of its statistics."""

MODEL = "model"
"""The cluster of the Chat Completions server."""

PROCESSOR = "gw_extproc"
"""The cluster of the workers, as processors."""

HTTP = "gw_extproc_http"
"""The cluster of the workers, as HTTP servers."""

COLLECTOR = "otlp"
"""The cluster of the OpenTelemetry collector, where there is one."""

FILTER = "envoy.filters.http.ext_proc"

KEY_VARIABLE = "GW_UPSTREAM_API_KEY"
"""The environment variable from which Envoy takes the upstream's key."""
