"""Begins exchanges, for a process's readers of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from gw_extproc.telemetry.record import NOBODY, Door, Exchange, Reader

_LONGEST_ID = 128
"""Characters of a request's id that are kept: it comes from outside."""


class Telemetry:
    """The readers of one process; where there are none, nothing is recorded."""

    def __init__(self, readers: Sequence[Reader] = ()) -> None:
        self._readers = tuple(readers)

    async def close(self) -> None:
        """After the last exchange."""
        for reader in self._readers:
            await reader.close()

    def begin(self, door: Door, method: str, route: str, headers: Mapping[str, str]) -> Exchange:
        """The record of an exchange with these request headers (by lower-case name), to be used in a `with` block."""
        if not self._readers:
            return NOBODY
        request_id = headers.get("x-request-id", "")[:_LONGEST_ID] or os.urandom(16).hex()
        exchange = Exchange(door, method, route, request_id, headers.get("traceparent"), self._readers)
        exchange.tell(lambda reader: reader.began(exchange))
        return exchange


OFF = Telemetry()
"""Nobody reads."""
