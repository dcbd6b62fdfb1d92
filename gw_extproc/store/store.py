"""The store as the rest of the gateway sees it."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

from gw_extproc.store.connection import Connection
from gw_extproc.store.conversations import Conversations
from gw_extproc.store.responses import Responses
from gw_extproc.store.vault import Vault


@dataclass(frozen=True)
class Store:
    """The parts over one connection; open it in the loop that uses it."""

    connection: Connection
    responses: Responses
    conversations: Conversations
    vault: Vault

    @classmethod
    def open(
        cls, url: str, *, timeout: float, retries: int, retention: int, secrets: Sequence[str] = ()
    ) -> Coroutine[None, None, Store]:
        """Raises ValueError for a wrong URL and nothing else: a store that is away comes back by itself. `timeout` (of an attempt) and
        `retention` are seconds; a call is repeated `retries` times at most."""
        connection = Connection(url, timeout=timeout, retries=retries)
        responses, conversations = Responses(connection, retention), Conversations(connection, retention)
        return cls(connection, responses, conversations, Vault(connection, retention, secrets))._opened()

    async def _opened(self) -> Store:
        await self.connection.open()
        await self.vault.open()
        return self

    @property
    def up(self) -> bool:
        return self.connection.up

    async def close(self) -> None:
        await self.vault.close()
        await self.connection.close()
