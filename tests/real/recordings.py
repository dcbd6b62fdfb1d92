"""The bodies that the suite plays: our own, and those of real servers where that folder is at hand."""

from __future__ import annotations

from dataclasses import dataclass

from tests import beside
from tests.real import chat
from tests.real.own_bodies import BODIES


@dataclass(frozen=True)
class Recording:
    name: str
    status: int
    body: bytes

    @property
    def is_stream(self) -> bool:
        return self.name.endswith(".sse")

    @property
    def content_type(self) -> str:
        return "text/event-stream" if self.is_stream else "application/json"

    @property
    def is_error(self) -> bool:
        return not self.is_stream and b'"error"' in self.body and b'"choices"' not in self.body


OWN_ERRORS = (
    Recording("nested-429.json", 429, chat.encoded({"error": {"message": "Slow down.", "type": "rate", "code": "rate_limited"}})),
    Recording("status-in-200.json", 200, chat.encoded({"error": {"message": "Filtered.", "code": "content_filter", "status": 400}})),
    Recording("bare-401.json", 401, chat.encoded({"error": {"message": "Who are you?", "code": 401}})),
    Recording("list-404.json", 404, chat.encoded([{"error": {"message": "No such model.", "code": "model_not_found"}}])),
)


def load() -> list[Recording]:
    """Our own bodies, then the recorded ones."""
    own = [Recording(f"own-{name}", 200, body) for name, (body, _) in BODIES.items()]
    recorded = [Recording(entry["name"], entry["status"], beside.body(entry["name"])) for entry in beside.INDEX]
    return [*own, *OWN_ERRORS, *recorded]
