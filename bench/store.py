"""What a store was asked, as it counts itself: round trips and bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from redis import Redis


@dataclass(frozen=True)
class Traffic:
    """Counted by the server since it began, or between two moments."""

    round_trips: int
    received: int
    sent: int

    @classmethod
    def of(cls, socket: Path) -> Self:
        """All that the gateway asks is a script; its commands inside do not travel."""
        with Redis(unix_socket_path=str(socket), protocol=2, driver_info=None) as client:
            found = cast(dict[str, Any], client.info("everything"))
        calls = sum(int(found.get(f"cmdstat_{each}", {}).get("calls", 0)) for each in ("eval", "evalsha"))
        return cls(calls, int(found["total_net_input_bytes"]), int(found["total_net_output_bytes"]))

    def since(self, before: Traffic) -> Traffic:
        return Traffic(self.round_trips - before.round_trips, self.received - before.received, self.sent - before.sent)
