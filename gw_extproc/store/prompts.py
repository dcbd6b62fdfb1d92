"""Prompts in the store: each with all its versions, until it is deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gw_extproc.store import keys, prompt_scripts
from gw_extproc.store.connection import Connection, Reply
from gw_extproc.store.errors import NotStored
from gw_extproc.store.scripts import Script

Order = Literal["asc", "desc"]


@dataclass(frozen=True)
class StoredPrompt:
    """A prompt with one of its versions, both JSON."""

    prompt: bytes
    stamp: bytes
    """What a change names, so that it is refused where there was another meanwhile."""
    number: int
    version: bytes


@dataclass(frozen=True)
class Listed:
    """A prompt with its newest version."""

    unique: str
    prompt: bytes
    number: int
    version: bytes


class Prompts:
    """All raise StoreDown."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(self, tenant: str, unique: str, prompt: bytes, version: bytes) -> None:
        """With its first version."""
        await self._run(prompt_scripts.CREATE, tenant, unique, prompt, version)

    async def load(self, tenant: str, unique: str, number: int | None = None) -> StoredPrompt:
        """With that version, or the newest. Raises NotStored, UnknownItem."""
        prompt, stamp, found, version = await self._run(prompt_scripts.LOAD, tenant, unique, "" if number is None else number)
        return StoredPrompt(prompt, stamp, int(found), version)

    async def update(self, tenant: str, unique: str, seen: bytes, stamp: str, prompt: bytes, version: bytes | None) -> int:
        """Replaces the prompt, adds a version if there is one, and gives the number of the newest. Raises NotStored, Changed."""
        (number,) = await self._run(prompt_scripts.UPDATE, tenant, unique, seen, stamp, prompt, version or b"")
        return int(number)

    async def page(self, tenant: str, *, after: str | None, limit: int, order: Order) -> tuple[Sequence[Listed], bool]:
        """Prompts after that one, or from the start, and whether there are more. Raises UnknownItem."""
        more, *fields = await self._run(prompt_scripts.PAGE, tenant, after or "", limit, order)
        rows = zip(*[iter(fields)] * 4, strict=True)
        return [Listed(unique.decode(), prompt, int(number), version) for unique, prompt, number, version in rows], bool(int(more))

    async def versions(
        self, tenant: str, unique: str, *, after: int | None, limit: int, order: Order
    ) -> tuple[Sequence[tuple[int, bytes]], bool]:
        """Versions by their numbers, as `page` gives prompts. Raises NotStored, UnknownItem."""
        start = "" if after is None else after
        more, *fields = await self._run(prompt_scripts.VERSIONS, tenant, unique, start, limit, order)
        return [(int(number), version) for number, version in zip(*[iter(fields)] * 2, strict=True)], bool(int(more))

    async def delete(self, tenant: str, unique: str) -> bool:
        """Whether there was one; all its versions go with it."""
        try:
            await self._run(prompt_scripts.DELETE, tenant, unique)
        except NotStored:
            return False
        return True

    async def _run(self, script: Script, tenant: str, *arguments: str | bytes | int) -> Reply:
        return await self._connection.run(script, keys.of_prompts(tenant), *arguments)
