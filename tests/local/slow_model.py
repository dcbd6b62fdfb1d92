"""A model server for tests: tells what it received, and answers /v1/slow in two pieces with a pause of the test's choice."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class SlowModel(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.go_on = threading.Event()
        self.received: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each request."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def slow_model() -> Iterator[SlowModel]:
    with SlowModel() as model:
        thread = threading.Thread(target=model.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield model
        finally:
            model.go_on.set()
            model.shutdown()
            thread.join()


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SlowModel

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((self.path, headers))
        if self.path.endswith("/slow"):
            self._answer_slowly()
        else:
            self._answer()

    def _answer(self) -> None:
        body = json.dumps({"object": "list", "data": [{"id": "slow-1"}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer_slowly(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "10")
        self.end_headers()
        self.wfile.write(b"first")
        self.server.go_on.wait(30)
        self.wfile.write(b"-last")

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at what was received instead."""
