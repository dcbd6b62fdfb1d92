"""The modes in which Envoy runs the filter: the one this processor needs, and what it says where that is not set."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from gw_extproc.core.errors import GatewayError
from gw_extproc.extproc import messages
from gw_extproc.telemetry.record import current

logger = logging.getLogger("gw_extproc.modes")

_WRONG = (
    "Envoy's ext_proc filter must run with request_body_mode and response_body_mode FULL_DUPLEX_STREAMED and with all header and "
    "trailer modes SEND; `gw-extproc envoy-config --filter-only` prints such a filter."
)


class Duplex(NamedTuple):
    """Whether the bodies of requests and of responses are in FULL_DUPLEX_STREAMED."""

    request: bool
    response: bool

    @classmethod
    def told(cls, first: messages.Request) -> Duplex:
        """As Envoy says with the first message of an exchange."""
        config = first.protocol_config
        return cls(messages.is_duplex(config.request_body_mode), messages.is_duplex(config.response_body_mode))


class Refusal:
    """Answers a request with an error, whatever it asks for."""

    over = True
    """The first message has the answer."""

    def __init__(self, error: GatewayError) -> None:
        self._error = error

    def token(self, _: messages.Request) -> None:
        return None

    async def handle(self, kind: str, request: messages.Request) -> Sequence[messages.Reply]:
        return await self.fail(self._error) if kind == "request_headers" else ()

    async def fail(self, error: GatewayError) -> Sequence[messages.Reply]:
        exchange = current()
        exchange.http_status = error.status
        exchange.fail(error)
        return [messages.immediate(error.status, error.body(), error.headers)]

    def leave(self) -> None:
        return None


def misconfigured() -> GatewayError:
    """What is wrong and how to mend it; the log says it once."""
    _log_once(_WRONG)
    return GatewayError(_WRONG, code="gateway_misconfigured")


@cache
def _log_once(message: str) -> None:
    logger.error(message)
