"""The gateway's own secrets: names tenants, and seals what a client carries for it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gw_extproc.store import keys
from gw_extproc.store.connection import Connection
from gw_extproc.store.errors import BadSeal, StoreDown
from gw_extproc.store.keyring import Keyring, SealingKey
from gw_extproc.store.scripts import EXCHANGE

RELOAD = 60.0
"""Seconds between looks for new keys."""

RELOAD_PAUSE = 1.0
"""Seconds between looks that blobs ask for: anybody can send one that nobody sealed."""


class Vault:
    """Keys come from the setting `secrets` (the first seals, all unseal, the last also names tenants and must stay), or are kept in the
    store, made by whoever comes first."""

    def __init__(
        self, connection: Connection, retention_seconds: int, secrets: Sequence[str] = (), clock: Callable[[], float] = time.time
    ) -> None:
        self._connection = connection
        self._retention = retention_seconds
        self._clock = clock
        self._given = bool(secrets)
        self._keys = _given(secrets) if secrets else None
        self._keeping: asyncio.Task[None] | None = None
        self._loading = asyncio.Lock()
        self._loaded = 0.0

    async def open(self) -> None:
        if self._given:
            return
        with suppress(StoreDown):
            await self.reload()
        self._keeping = asyncio.create_task(self._keep(), name="store keys")

    async def close(self) -> None:
        if self._keeping:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    def tenant(self, credential: str) -> str:
        """32 hexadecimal characters; the same for the same credential for ever. Raises StoreDown while there are no keys."""
        key = _derived(self._ring().tenant, b"tenant")
        return hmac.new(key, credential.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def seal(self, tenant: str, purpose: str, text: str) -> str:
        """Raises StoreDown while there are no keys."""
        return self._fernet(tenant, purpose).encrypt(text.encode("utf-8", "surrogatepass")).decode()

    async def unseal(self, tenant: str, purpose: str, blob: str) -> str:
        """Raises BadSeal, or StoreDown while there are no keys."""
        text = self._unsealed(tenant, purpose, blob)
        if text is None and await self._reloaded():
            text = self._unsealed(tenant, purpose, blob)
        if text is None:
            raise BadSeal
        return text

    async def reload(self) -> None:
        """Takes the keys that the store has; puts there what it lacks. Raises StoreDown."""
        async with self._loading:
            present = await self._exchange(b"", self._keys.encode() if self._keys else Keyring.made(self._clock()).encode())
            kept = Keyring.decode(present)
            rotated = kept.rotated(self._clock(), self._retention)
            if rotated is not kept:
                kept = Keyring.decode(await self._exchange(present, rotated.encode()))
            self._keys = kept
            self._loaded = time.monotonic()

    async def _reloaded(self) -> bool:
        """Whether there may be other keys now."""
        if self._given or time.monotonic() - self._loaded < RELOAD_PAUSE:
            return False
        with suppress(StoreDown):
            await self.reload()
            return True
        return False

    async def _keep(self) -> None:
        while True:
            await self._connection.until_up()
            with suppress(StoreDown):
                await self.reload()
            await asyncio.sleep(RELOAD if self._keys else RELOAD_PAUSE)

    async def _exchange(self, expected: bytes, wanted: bytes) -> bytes:
        """What the store has now: what is wanted, if it was as expected."""
        return (await self._connection.run(EXCHANGE, [keys.SECRETS], expected, wanted))[0]

    def _ring(self) -> Keyring:
        if self._keys is None:
            raise StoreDown("it has not given the keys yet")
        return self._keys

    def _unsealed(self, tenant: str, purpose: str, blob: str) -> str | None:
        try:
            return self._fernet(tenant, purpose).decrypt(blob).decode("utf-8", "surrogatepass")
        except (InvalidToken, ValueError):  # ValueError: not even ASCII
            return None

    def _fernet(self, tenant: str, purpose: str) -> MultiFernet:
        info = f"seal {tenant} {purpose}".encode()
        in_use = self._ring().in_use(self._clock())
        return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key, info))) for key in in_use])


@lru_cache(maxsize=256)  # that of tenants' names is asked for by every request
def _derived(key: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=b"gw-extproc " + info).derive(key)


def _given(secrets: Sequence[str]) -> Keyring:
    """The newest first, as they are given; in the ring the oldest is first."""
    given = [secret.encode() for secret in secrets]
    return Keyring(given[-1], tuple(SealingKey(number, key) for number, key in enumerate(reversed(given))))
