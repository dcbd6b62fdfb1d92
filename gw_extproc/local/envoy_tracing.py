"""Envoy's own spans, where traces are wanted: the gateway's are their children, and both go to the same collector."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.trace import v3 as trace
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google.protobuf import Any

from gw_extproc.local.envoy_names import COLLECTOR
from gw_extproc.local.plan import Tracing

_SERVICE = "envoy"
_PATIENCE = timedelta(seconds=2)  # spans that are late are lost: no request waits for them


def tracing_of(tracing: Tracing | None) -> hcm.HttpConnectionManagerTracing | None:
    """What a connection manager traces: all that somebody in front has decided to, and a share of the rest."""
    if tracing is None:
        return None
    share = envoy_type.Percent(value=100 * tracing.share)
    return hcm.HttpConnectionManagerTracing(
        random_sampling=share,
        spawn_upstream_span=True,
        provider=trace.TracingHttp(name="envoy.tracers.opentelemetry", typed_config=Any.pack(_exporter(tracing))),
    )


def _exporter(tracing: Tracing) -> trace.OpenTelemetryConfig:
    at = tracing.collector
    uri = core.HttpUri(uri=f"{at.url}/v1/traces", cluster=COLLECTOR, timeout=_PATIENCE)
    return trace.OpenTelemetryConfig(service_name=_SERVICE, http_service=core.HttpService(http_uri=uri))
