"""What is not ours passes through untouched: every message is answered with itself."""

from __future__ import annotations

from collections.abc import Sequence

from gw_extproc.core.errors import GatewayError
from gw_extproc.extproc import messages
from gw_extproc.extproc.modes import Duplex
from gw_extproc.telemetry.record import current


class PassThrough:
    """Answers each of Envoy's messages so that nothing changes, in whatever mode the filter runs."""

    def __init__(self, duplex: Duplex) -> None:
        self._duplex = duplex
        self.over = False

    def token(self, _: messages.Request) -> None:
        return None

    async def fail(self, error: GatewayError) -> Sequence[messages.Reply]:
        return [messages.immediate(error.status, error.body(), error.headers)]

    def leave(self) -> None:
        return None

    async def handle(self, kind: str, request: messages.Request) -> Sequence[messages.Reply]:
        self.over = _ends(kind, request)
        match kind:
            case "request_headers":
                return [messages.request_headers()]
            case "response_headers":
                current().http_status = int(messages.headers(request.response_headers.headers).get(":status", "0"))
                return [messages.response_headers()]
            case "request_body":
                return [messages.same_request_body(request.request_body, duplex=self._duplex.request)]
            case "response_body":
                return [messages.same_response_body(request.response_body, duplex=self._duplex.response)]
            case "request_trailers":
                return [messages.request_trailers()]
            case "response_trailers":
                return [messages.response_trailers()]
            case _:
                return []


def _ends(kind: str, request: messages.Request) -> bool:
    """Whether the message is the last of the answer."""
    match kind:
        case "response_headers":
            return request.response_headers.end_of_stream
        case "response_body":
            return request.response_body.end_of_stream
        case _:
            return kind == "response_trailers"
