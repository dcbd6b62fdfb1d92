"""The vault: names for tenants that last, and seals that only their own tenant and purpose open, on every replica."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from gw_extproc.store import keys
from gw_extproc.store.errors import BadSeal
from gw_extproc.store.keyring import LEAD, ROTATION, Keyring
from gw_extproc.store.store import Store
from gw_extproc.store.vault import RELOAD_PAUSE, Vault
from tests import valkey
from tests.store.stores import DAY, eventually, opened
from tests.valkey import Valkey

RETENTION = 31 * DAY
NOBODY = "redis://127.0.0.1:1"


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    """A server whose keys no other test reads."""
    with valkey.running() as server:
        yield server


@pytest.fixture
async def fresh(server: Valkey) -> AsyncIterator[Store]:
    """A store without keys of earlier tests."""
    server.command("DEL", keys.SECRETS)
    async with opened(server.url) as store:
        yield store


async def test_a_tenant_is_a_name_that_does_not_tell_the_credential(fresh: Store) -> None:
    name = fresh.vault.tenant("Bearer sesame")
    assert len(name) == 32
    assert int(name, 16)
    assert fresh.vault.tenant("Bearer sesame") == name
    assert fresh.vault.tenant("Bearer sesame2") != name
    assert fresh.vault.tenant("\udcff")


async def test_what_is_sealed_is_opened_by_its_own_tenant_for_its_own_purpose(fresh: Store) -> None:
    text = "geheim \udcff €" * 1000
    blob = fresh.vault.seal("a" * 32, "reasoning", text)
    assert await fresh.vault.unseal("a" * 32, "reasoning", blob) == text
    assert blob.isascii()
    for tenant, purpose, altered in (
        ("b" * 32, "reasoning", blob),
        ("a" * 32, "compaction", blob),
        ("a" * 32, "reasoning", blob[:-5] + "AAAA="),
        ("a" * 32, "reasoning", blob[:40]),
        ("a" * 32, "reasoning", ""),
        ("a" * 32, "reasoning", "not a blob"),
        ("a" * 32, "reasoning", "\u00e9\udcff"),
    ):
        with pytest.raises(BadSeal):
            await fresh.vault.unseal(tenant, purpose, altered)


async def test_replicas_that_start_at_once_share_their_keys(server: Valkey, fresh: Store) -> None:
    server.command("DEL", keys.SECRETS)
    async with AsyncExitStack() as stack:
        stores = await asyncio.gather(*(stack.enter_async_context(opened(server.url)) for _ in range(5)))
        assert len({store.vault.tenant("credential") for store in stores}) == 1
        blob = stores[0].vault.seal("a" * 32, "reasoning", "text")
        for store in stores:
            assert await store.vault.unseal("a" * 32, "reasoning", blob) == "text"


async def test_keys_survive_a_restart_of_everything(server: Valkey, fresh: Store) -> None:
    name, blob = fresh.vault.tenant("credential"), fresh.vault.seal("a" * 32, "reasoning", "text")
    server.kill()
    server.start()
    async with opened(server.url) as store:
        assert store.vault.tenant("credential") == name
        assert await store.vault.unseal("a" * 32, "reasoning", blob) == "text"


async def test_rotation_changes_no_name_and_opens_what_was_sealed_before(fresh: Store) -> None:
    now = time.time()
    vault = Vault(fresh.connection, RETENTION, clock=lambda: now)
    await vault.reload()
    name, blobs = vault.tenant("credential"), []
    for _ in range(3):
        blobs.append(vault.seal("a" * 32, "reasoning", "text"))
        now += ROTATION
        await vault.reload()
        now += LEAD
    assert vault.tenant("credential") == name
    with pytest.raises(BadSeal):
        await vault.unseal("a" * 32, "reasoning", blobs[0])
    for blob in blobs[1:]:
        assert await vault.unseal("a" * 32, "reasoning", blob) == "text"


async def test_two_replicas_that_rotate_at_once_make_one_key(server: Valkey, fresh: Store) -> None:
    now = time.time() + ROTATION
    vaults = [Vault(fresh.connection, RETENTION, clock=lambda: now) for _ in range(5)]
    await asyncio.gather(*(vault.reload() for vault in vaults))
    assert len(Keyring.decode(server.command("GET", keys.SECRETS)).sealing) == 2


async def test_a_blob_by_a_key_that_is_not_known_yet_makes_it_known(fresh: Store) -> None:
    now = time.time() + ROTATION
    other = Vault(fresh.connection, RETENTION, clock=lambda: now)
    await other.reload()
    now += LEAD
    blob = other.seal("a" * 32, "reasoning", "text")
    end = time.monotonic() + RELOAD_PAUSE
    await eventually(lambda: time.monotonic() > end, "the time when a blob may ask for keys again")
    assert await fresh.vault.unseal("a" * 32, "reasoning", blob) == "text"


async def test_keys_that_the_store_lost_are_put_back(server: Valkey, fresh: Store) -> None:
    name = fresh.vault.tenant("credential")
    server.command("FLUSHALL")
    await fresh.vault.reload()
    assert fresh.vault.tenant("credential") == name
    async with opened(server.url) as store:
        assert store.vault.tenant("credential") == name


async def test_given_secrets_need_no_store() -> None:
    async with opened(NOBODY, given=["new", "old"]) as store:
        vault = store.vault
        blob = vault.seal("a" * 32, "reasoning", "text")
        assert await vault.unseal("a" * 32, "reasoning", blob) == "text"
        with pytest.raises(BadSeal):
            await vault.unseal("a" * 32, "reasoning", "not a blob")
        async with opened(NOBODY, given=["old"]) as before, opened(NOBODY, given=["newest", "new", "old"]) as later:
            assert vault.tenant("credential") == before.vault.tenant("credential") == later.vault.tenant("credential")
            assert await later.vault.unseal("a" * 32, "reasoning", blob) == "text"
            sealed_before = before.vault.seal("a" * 32, "reasoning", "text")
            assert await vault.unseal("a" * 32, "reasoning", sealed_before) == "text"
            with pytest.raises(BadSeal):
                await before.vault.unseal("a" * 32, "reasoning", blob)
