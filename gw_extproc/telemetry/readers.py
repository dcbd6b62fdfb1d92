"""Who reads the records of exchanges, by the settings."""

from __future__ import annotations

from collections.abc import Sequence

from gw_extproc.settings import Settings
from gw_extproc.telemetry.metrics import Metrics
from gw_extproc.telemetry.record import Reader


def metrics(settings: Settings) -> Metrics | None:
    """The counts, where anybody can ask for them."""
    return Metrics(settings) if settings.admin_port else None


def readers(settings: Settings, counts: Metrics | None) -> Sequence[Reader]:
    """Those that these settings switch on."""
    return [counts] if counts is not None else []
