"""Who reads the records of exchanges, by the settings."""

from __future__ import annotations

from collections.abc import Sequence

from gw_extproc.settings import Settings
from gw_extproc.telemetry.lines import Lines
from gw_extproc.telemetry.metrics import Metrics
from gw_extproc.telemetry.record import Reader


def metrics(settings: Settings) -> Metrics | None:
    """The counts, where anybody can ask for them."""
    return Metrics(settings) if settings.admin_port else None


def readers(settings: Settings, counts: Metrics | None) -> Sequence[Reader]:
    """Those that these settings switch on."""
    switched_on: list[Reader] = [Lines(bodies=settings.log_bodies == "redacted")]
    if counts is not None:
        switched_on.append(counts)
    if settings.otlp_endpoint is not None:
        from gw_extproc.telemetry.traces import traces  # the SDK takes its time and memory

        switched_on.append(traces(settings))
    return switched_on
