"""The store as the rest of the gateway sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gw_extproc.store.connection import Connection, Told, untold
from gw_extproc.store.conversations import Conversations
from gw_extproc.store.prompts import Prompts
from gw_extproc.store.queue import Queue
from gw_extproc.store.responses import Responses
from gw_extproc.store.runs import Runs
from gw_extproc.store.vault import Vault


@dataclass(frozen=True)
class Store:
    """The parts over one connection; open it in the loop that uses it."""

    connection: Connection
    responses: Responses
    conversations: Conversations
    prompts: Prompts
    vault: Vault
    runs: Runs
    queue: Queue

    @classmethod
    async def open(
        cls, url: str, *, attempt_seconds: float, retries: int, retention: int, secrets: Sequence[str] = (), told: Told = untold
    ) -> Store:
        """Raises ValueError for a wrong URL and nothing else: a store that is away comes back by itself.

        An attempt takes `attempt_seconds` at most and is repeated `retries` times at most; `retention` is seconds too. `told` hears of
        each operation that is over.
        """
        connection = Connection(url, timeout=attempt_seconds, retries=retries, told=told)
        responses, conversations = Responses(connection, retention), Conversations(connection, retention)
        vault, runs, queue = Vault(connection, retention, secrets), Runs(connection, retention), Queue(connection, retention)
        store = cls(connection, responses, conversations, Prompts(connection), vault, runs, queue)
        await store.connection.open()
        await store.vault.open()
        return store

    @property
    def up(self) -> bool:
        return self.connection.up

    async def close(self) -> None:
        await self.vault.close()
        await self.connection.close()
