"""The gateway's own keys as they are kept: one that names tenants and never changes, and those that seal, which rotate."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

ROTATION = 30 * 24 * 3600
"""Seconds that a key seals."""

LEAD = 600
"""Seconds that a new key is known before it seals: more than any replica lets pass before it looks for new ones."""


@dataclass(frozen=True)
class SealingKey:
    """`since`: from when on it seals."""

    since: int
    key: bytes


@dataclass(frozen=True)
class Keyring:
    """`sealing` is ordered by time, the oldest first; there is always one."""

    tenant: bytes
    sealing: Sequence[SealingKey]

    @classmethod
    def made(cls, now: float) -> Keyring:
        return cls(secrets.token_bytes(32), (SealingKey(int(now), secrets.token_bytes(32)),))

    @classmethod
    def decode(cls, text: bytes) -> Keyring:
        kept = orjson.loads(text)
        sealing = tuple(SealingKey(key["since"], base64.b64decode(key["key"])) for key in kept["sealing"])
        return cls(base64.b64decode(kept["tenant"]), sealing)

    def encode(self) -> bytes:
        sealing = [{"since": key.since, "key": base64.b64encode(key.key).decode()} for key in self.sealing]
        return orjson.dumps({"tenant": base64.b64encode(self.tenant).decode(), "sealing": sealing})

    def in_use(self, now: float) -> Sequence[bytes]:
        """The key that seals, then all others."""
        current = max((key for key in self.sealing if key.since <= now), key=lambda key: key.since, default=self.sealing[0])
        return [current.key, *(key.key for key in self.sealing if key is not current)]

    def rotated(self, now: float, retention: int) -> Keyring:
        """With a new key where the newest has served its time, and without those that nothing alive was sealed with."""
        if self.sealing[-1].since + ROTATION > now:
            return self
        following = SealingKey(int(now) + LEAD, secrets.token_bytes(32))
        successors = [*self.sealing[1:], following]
        kept = [key for key, successor in zip(self.sealing, successors, strict=True) if successor.since + retention > now]
        return replace(self, sealing=(*kept, following))
