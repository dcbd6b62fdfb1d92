"""The latest exchanges of this process, for whoever wants to look at them.

Theory. An exchange that runs is kept as it is, and told as far as it has come whenever somebody asks. One that has ended is kept as the
JSON that it is told in: nothing else of it stays in memory, and its size is known. Old ones make room for new ones. Where there are too
many bytes, the oldest contents go first, and their exchanges stay without them. What makes no response (reads, lists) has a place of
its own, so that a client that polls does not push the others out; probes are not kept.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import orjson

from gw_extproc.core.paths import PROBES
from gw_extproc.telemetry import rows
from gw_extproc.telemetry.captured import Captured
from gw_extproc.telemetry.record import Exchange
from gw_extproc.telemetry.rows import Json

MOST_RESPONSES = 1000
MOST_OTHERS = 200
"""How many ended exchanges are kept."""

MOST_BYTES = 16 * 1024 * 1024
"""All that is kept of ended exchanges."""

MOST_CAPTURES = 64
"""Running exchanges whose contents are captured at the same time: each may take a megabyte."""


@dataclass(frozen=True)
class Query:
    """Which exchanges are wanted; what is not said does not matter."""

    everything: bool = False
    """Also those that make no response."""
    model: str = ""
    """A part of its name."""
    state: str = ""
    tenant: str = ""
    errors: bool = False
    slower: float = 0.0
    """Seconds that it took at least."""
    id: str = ""
    """Of the response, the request or the exchange: the beginning is enough."""
    thread: str = ""
    limit: int = 200

    def wants(self, row: Json, *, makes_response: bool) -> bool:
        return (
            (self.everything or bool(self.id) or makes_response)
            and self.model.lower() in (row["model"] or "").lower()
            and self.state in ("", row["state"])
            and row["tenant"].startswith(self.tenant)
            and (not self.errors or row["state"] in rows.FAULTS)
            and row["seconds"] >= self.slower
            and (not self.id or any((row[name] or "").startswith(self.id) for name in ("response_id", "request_id", "id")))
            and self.thread in ("", row["thread"])
        )


@dataclass(slots=True)
class _Ended:
    number: int
    """By the order in which they ended."""
    row: Json
    detail: bytes
    """Without the contents."""
    makes_response: bool
    contents: bytes = b""
    """Empty where none were captured, and where they had to make room."""

    @property
    def size(self) -> int:
        return len(self.detail) + len(self.contents)


class Inspector:
    """A reader of exchanges that keeps the latest."""

    def __init__(self, worker: str = "0", *, content: bool = False) -> None:
        """`content`: whether to capture what was said, for a while."""
        self.content = content
        self._worker = worker
        self._running: dict[Exchange, str] = {}
        self._ended: tuple[OrderedDict[str, _Ended], OrderedDict[str, _Ended]] = (OrderedDict(), OrderedDict())
        """Others, and those that make responses."""
        self._with_contents: OrderedDict[str, _Ended] = OrderedDict()
        self._bytes = 0
        self.number = 0
        """Of the last exchange that ended."""

    def began(self, exchange: Exchange) -> None:
        if self.content and exchange.captured is None and len(self._running) < MOST_CAPTURES:
            exchange.captured = Captured()
        self._running[exchange] = os.urandom(8).hex()

    def ended(self, exchange: Exchange) -> None:
        id = self._running.pop(exchange)
        if exchange.route in PROBES:
            return
        self.number += 1
        makes_response, row = rows.makes_response(exchange), rows.row(exchange, id, self._worker, time.perf_counter())
        ended = _Ended(self.number, row, orjson.dumps(row | rows.detail(exchange)), makes_response, self._contents(exchange))
        kept = self._ended[makes_response]
        kept[id] = ended
        if ended.contents:
            self._with_contents[id] = ended
        self._bytes += ended.size
        self._make_room(kept, MOST_RESPONSES if makes_response else MOST_OTHERS)

    async def close(self) -> None:
        """It tells nobody else."""

    def rows(self, query: Query) -> Sequence[Json]:
        """The newest first."""
        found = (*self._rows_running(query), *self._rows_ended(query, 0))
        return sorted(found, key=_newest, reverse=True)[: query.limit]

    def changes(self, query: Query, since: int) -> tuple[int, Sequence[Json]]:
        """What runs, and what has ended after that number; and the number for the next time."""
        return self.number, [*self._rows_running(query), *self._rows_ended(query, since)]

    def detail(self, id: str) -> bytes | None:
        """Everything about one exchange, as JSON; None where it is not kept here."""
        for kept in self._ended:
            if (ended := kept.get(id)) is not None:
                return _whole(ended.detail, ended.contents)
        for exchange, known in self._running.items():
            if known == id:
                row = rows.row(exchange, id, self._worker, time.perf_counter())
                return _whole(orjson.dumps(row | rows.detail(exchange)), self._contents(exchange))
        return None

    def _contents(self, exchange: Exchange) -> bytes:
        """Contents may have been captured for another reader, whose they are then."""
        if not self.content or exchange.captured is None:
            return b""
        return orjson.dumps(rows.contents(exchange, exchange.captured))

    def _rows_running(self, query: Query) -> Iterator[Json]:
        now = time.perf_counter()
        for exchange, id in self._running.items():
            row = rows.row(exchange, id, self._worker, now)
            if exchange.route not in PROBES and query.wants(row, makes_response=rows.makes_response(exchange)):
                yield row

    def _rows_ended(self, query: Query, since: int) -> Iterator[Json]:
        for kept in self._ended:
            for ended in reversed(kept.values()):
                if ended.number <= since:
                    break
                if query.wants(ended.row, makes_response=ended.makes_response):
                    yield ended.row

    def _make_room(self, kept: OrderedDict[str, _Ended], most: int) -> None:
        if len(kept) > most:
            self._forget(kept)
        while self._bytes > MOST_BYTES and self._with_contents:
            _, oldest = self._with_contents.popitem(last=False)
            self._bytes -= len(oldest.contents)
            oldest.contents = b""
        while self._bytes > MOST_BYTES:
            self._forget(min(filter(None, self._ended), key=lambda each: next(iter(each.values())).number))

    def _forget(self, kept: OrderedDict[str, _Ended]) -> None:
        id, oldest = kept.popitem(last=False)
        self._with_contents.pop(id, None)
        self._bytes -= oldest.size


def _whole(detail: bytes, contents: bytes) -> bytes:
    """The JSON object with the contents in it."""
    return b'%s,"captured":%s}' % (detail[:-1], contents or b"null")


def _newest(row: Json) -> int:
    at: int = row["at"]
    return at
