"""The workers of one gateway, as one of them sees the others: over private sockets, on which each serves the same application."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import httpx2

PATIENCE = 1.0
"""Seconds that another worker may take to answer; who is later is left out."""

_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no certificate, as none is shown on these sockets: to load those that this machine trusts would hold the loop up for 30 ms."""


@dataclass(frozen=True)
class Place:
    """Which worker this is, and by their numbers where the others are (paths of unix sockets)."""

    number: int = 0
    others: Mapping[int, str] = field(default_factory=dict)

    @property
    def workers(self) -> int:
        """How many there are, whether they answer or not."""
        return 1 + len(self.others)

    @classmethod
    def among(cls, sockets: Sequence[str], number: int) -> Place:
        """That of the worker with this number, where `sockets` are those of all."""
        return cls(number, {other: path for other, path in enumerate(sockets) if other != number})


async def ask(place: Place, path: str, patience: float = PATIENCE) -> Mapping[int, bytes]:
    """What the others answer to GET `path`, by their numbers; who is not there, or says no, is not in it."""

    async def one(number: int, socket: str) -> tuple[int, bytes | None]:
        transport = httpx2.AsyncHTTPTransport(uds=socket, verify=_NOBODY)
        try:
            async with httpx2.AsyncClient(transport=transport, timeout=patience, trust_env=False) as client:
                answer = await client.get(f"http://worker{path}")
        except (httpx2.HTTPError, OSError):
            return number, None
        return number, answer.content if answer.status_code == 200 else None

    answers = await asyncio.gather(*(one(number, socket) for number, socket in place.others.items()))
    return {number: answer for number, answer in answers if answer is not None}
