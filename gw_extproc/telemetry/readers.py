"""Who reads the records of exchanges, by the settings."""

from __future__ import annotations

from dataclasses import dataclass

from gw_extproc.settings import Settings
from gw_extproc.telemetry.inspector import Inspector
from gw_extproc.telemetry.lines import Lines
from gw_extproc.telemetry.metrics import Metrics
from gw_extproc.telemetry.record import Reader
from gw_extproc.telemetry.telemetry import OFF, Telemetry
from gw_extproc.telemetry.together import Together


@dataclass(frozen=True)
class Seen:
    """The readers of one process."""

    counts: Metrics | None
    """Where anybody can ask for them."""
    kept: Inspector | None
    """The latest exchanges, where anybody may look at them."""
    readers: Together
    """All that the settings switch on, those two among them."""

    @classmethod
    def of(cls, settings: Settings, worker: int) -> Seen:
        counts = Metrics(settings) if settings.admin_port else None
        kept = Inspector(str(worker), content=settings.inspector == "content") if settings.inspects else None
        readers: list[Reader] = [reader for reader in (counts, kept) if reader is not None]
        if settings.log_level in ("debug", "info"):  # their lines are no warnings
            readers.append(Lines(bodies=settings.log_bodies == "redacted"))
        if settings.otlp_endpoint is not None:
            from gw_extproc.telemetry.traces import traces  # the SDK takes its time and memory

            readers.append(traces(settings))
        return cls(counts, kept, Together(readers))

    def telemetry(self) -> Telemetry:
        """Nothing is recorded where nobody reads."""
        return Telemetry([self.readers]) if self.readers.any else OFF
