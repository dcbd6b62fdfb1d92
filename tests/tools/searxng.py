"""An HTTP server in the shape of SearXNG, and of the others: it answers what a test wants, and notes what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

RESULTS = [
    {"url": "https://news.example.com/one", "title": "One", "content": "The first result."},
    {"url": "https://other.example.org/two", "title": "Two", "content": "The second result."},
    {"url": "javascript:alert(1)", "title": "Three", "content": "No result."},
]


@dataclass
class Searxng:
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """Path, parameters and headers of each request."""
    answer: Any = None
    status: int = 200


@contextmanager
def running() -> Iterator[Searxng]:
    said = Searxng()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = json.loads(self.rfile.read(length)) if length else {}
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            said.asked.append({"path": parts.path, **asked, **body, "headers": headers})
            answer = json.dumps({"results": RESULTS} if said.answer is None else said.answer).encode()
            self.send_response(said.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        said.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield said
        finally:
            server.shutdown()
            thread.join()
