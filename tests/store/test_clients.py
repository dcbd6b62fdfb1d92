"""Every way to name a store leads to one: a unix socket, a database, TLS, Sentinel, a server in a container."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from gw_extproc.store.errors import StoreDown
from gw_extproc.store.runs import Batch
from gw_extproc.store.store import Store
from tests import valkey
from tests.store.containers import contained
from tests.store.proxy import proxy
from tests.store.stores import after, new, opened, told, turn
from tests.valkey import Valkey


async def works(store: Store, tenant: str) -> None:
    """A turn and the one after it; one in the background, which is followed, and told of."""
    ref = new()
    child = after(ref)
    await store.responses.save(tenant, turn(ref, name="first"))
    await store.responses.save(tenant, turn(child, ref.unique, "second"))
    assert await store.responses.chain(tenant, child) == told("first", "second")
    await store.runs.begin(tenant, child, "job", batch := Batch(1, b"event", b"[]"))
    assert await store.runs.follow(tenant, child, 0, 1) == [batch]
    seen = await store.queue.latest()
    await store.queue.done(await store.queue.enqueue(tenant, child, 10), tenant)
    assert (await store.queue.notices(seen, 1)).latest > seen.latest
    assert tenant in await store.queue.webhooks(100, 0)
    await store.queue.postpone(tenant, None)


async def test_a_unix_socket(single: Valkey, tenant: str) -> None:
    async with opened(f"unix://{single.socket}") as store:
        await works(store, tenant)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:{port}/3", "unix://{socket}?db=3"])
async def test_a_database_of_its_own(single: Valkey, tenant: str, url: str) -> None:
    async with opened(url.format(port=single.port, socket=single.socket)) as store:
        await works(store, tenant)
        assert "db3" in single.command("INFO", "keyspace")


async def test_a_user_who_may_do_only_what_the_documentation_grants(single: Valkey, tenant: str) -> None:
    single.command(
        "ACL", "SETUSER", "gateway", "on", ">sesame", "+eval", "+evalsha", "+time", "+ping", "+hello", "+@read", "+@write", "~gw:*"
    )
    async with opened(single.url.replace("//", "//gateway:sesame@")) as store:
        await works(store, tenant)
        assert store.vault.tenant("credential")


async def test_tls_needs_a_certificate_that_is_trusted(single: Valkey, tenant: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trusted = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(trusted)
    async with proxy(single.port, trusted) as wire:
        secure = f"rediss://127.0.0.1:{wire.port}"
        async with opened(f"{secure}?ssl_ca_certs={tmp_path / 'ca.pem'}") as store:
            await works(store, tenant)
        async with opened(secure) as store:
            assert not store.up
            with pytest.raises(StoreDown):
                await store.responses.load(tenant, new())


async def test_a_wrong_url_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="begins with"):
        await Store.open("http://example", attempt_seconds=1, retries=0, retention=1)


async def test_sentinel_leads_to_the_master(single: Valkey, tenant: str) -> None:
    with valkey.sentinel(single, "main") as watcher:
        async with opened(f"redis+sentinel://127.0.0.1:1,127.0.0.1:{watcher.port}/main") as store:
            await works(store, tenant)
        async with opened(f"redis+sentinel://127.0.0.1:{watcher.port}/other") as store:
            assert not store.up


@contained
async def test_a_server_in_a_container(tenant: str) -> None:
    from testcontainers.redis import RedisContainer  # starts a client of the engine on import

    with RedisContainer("redis:7") as server:
        async with opened(f"redis://{server.get_container_host_ip()}:{server.get_exposed_port(6379)}") as store:
            await works(store, tenant)
