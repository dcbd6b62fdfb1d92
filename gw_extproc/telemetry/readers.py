"""Who reads the records of exchanges, by the settings."""

from __future__ import annotations

from collections.abc import Sequence

from gw_extproc.settings import Settings
from gw_extproc.telemetry.inspector import Inspector
from gw_extproc.telemetry.lines import Lines
from gw_extproc.telemetry.metrics import Metrics
from gw_extproc.telemetry.record import Reader


def metrics(settings: Settings) -> Metrics | None:
    """The counts, where anybody can ask for them."""
    return Metrics(settings) if settings.admin_port else None


def inspector(settings: Settings, worker: int) -> Inspector | None:
    """The latest exchanges, where anybody may look at them."""
    if not settings.inspects:
        return None
    return Inspector(str(worker), content=settings.inspector == "content")


def readers(settings: Settings, *found: Reader | None) -> Sequence[Reader]:
    """Those that these settings switch on."""
    switched_on: list[Reader] = [reader for reader in found if reader is not None]
    if settings.log_level in ("debug", "info"):  # their lines are no warnings
        switched_on.append(Lines(bodies=settings.log_bodies == "redacted"))
    if settings.otlp_endpoint is not None:
        from gw_extproc.telemetry.traces import traces  # the SDK takes its time and memory

        switched_on.append(traces(settings))
    return switched_on
