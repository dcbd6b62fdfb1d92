"""Who reads the records of exchanges, by the settings."""

from __future__ import annotations

from collections.abc import Sequence

from gw_extproc.settings import Settings
from gw_extproc.telemetry.record import Reader


def readers(settings: Settings) -> Sequence[Reader]:
    """Those that these settings switch on."""
    return ()
