"""What a hundred megabytes cost where one side is slow: memory of Envoy, and of the process that hosts; `python -m bench.hosted`.

Envoy has no back-pressure between its client and an external processor (envoyproxy/envoy#39514): whatever the slow side has not taken
waits in Envoy.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tests.hosted import carrier as carriers
from tests.hosted.apps import Applications, Call
from tests.hosted.carrier import Carrier

TOTAL = 100_000_000
PIECE = bytes(65536)
SLOW = 20_000_000
"""Bytes a second."""

_MEGABYTE = 1_000_000


@dataclass
class Pace:
    """Holds a consumer back to so many bytes a second, or does not."""

    rate: int | None
    began: float = field(default_factory=time.monotonic)
    taken: int = 0

    def due(self, size: int) -> float:
        """Seconds until the next piece may be taken."""
        self.taken += size
        return 0.0 if self.rate is None else max(0.0, self.began + self.taken / self.rate - time.monotonic())


@dataclass
class Peaks:
    """The largest sizes of both processes while something runs, beyond what they were before."""

    ours: psutil.Process
    envoy: psutil.Process
    largest: tuple[int, int] = (0, 0)

    def watch(self, work: Callable[[], None]) -> None:
        before, done = self._sizes(), threading.Event()
        watcher = threading.Thread(target=self._watch, args=(before, done))
        watcher.start()
        try:
            work()
        finally:
            done.set()
            watcher.join()

    def _watch(self, before: tuple[int, int], done: threading.Event) -> None:
        while not done.wait(0.01):
            now = self._sizes()
            self.largest = (max(self.largest[0], now[0] - before[0]), max(self.largest[1], now[1] - before[1]))

    def _sizes(self) -> tuple[int, int]:
        return self.ours.memory_info().rss, self.envoy.memory_info().rss


def upload(carrier: Carrier, apps: Applications, rate: int | None) -> None:
    async def application(call: Call) -> None:
        pace, more = Pace(rate), True
        while more:
            message = await call.receive()
            more = message["more_body"]
            await asyncio.sleep(pace.due(len(message["body"])))
        await call.answer(b"ok")

    with socket.create_connection(("127.0.0.1", carrier.port())) as connection:
        connection.sendall(f"POST {apps.at(application)} HTTP/1.1\r\nhost: x\r\ncontent-length: {TOTAL}\r\n\r\n".encode())
        for start in range(0, TOTAL, len(PIECE)):
            connection.sendall(PIECE[: TOTAL - start])
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def download(carrier: Carrier, apps: Applications, rate: int | None) -> None:
    async def application(call: Call) -> None:
        await call.begin()
        for _ in range(0, TOTAL, len(PIECE)):
            await call.say(PIECE)
        await call.say(b"", more=False)

    with socket.create_connection(("127.0.0.1", carrier.port())) as connection:
        connection.sendall(f"GET {apps.at(application)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode())
        pace = Pace(rate)
        while data := connection.recv(65536):
            time.sleep(pace.due(len(data)))
        assert pace.taken > TOTAL


def main() -> None:
    ours, apps = psutil.Process(), Applications()
    print(f"{'100 MB':24}{'seconds':>10}{'our growth, MB':>18}{'Envoy growth, MB':>20}")
    for name, transfer, rate in (
        ("request, all fast", upload, None),
        ("request, slow to read", upload, SLOW),
        ("answer, all fast", download, None),
        ("answer, slow to read", download, SLOW),
    ):
        with carriers.carrying(apps) as carrier:
            peaks, began = Peaks(ours, ours.children()[0]), time.monotonic()
            peaks.watch(lambda: transfer(carrier, apps, rate))  # noqa: B023 - called at once
            sizes = "".join(f"{size / _MEGABYTE:>{width}.0f}" for size, width in zip(peaks.largest, (18, 20), strict=True))
            print(f"{name:24}{time.monotonic() - began:>10.1f}{sizes}")


if __name__ == "__main__":
    main()
