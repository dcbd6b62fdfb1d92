"""A store that is away, slow, full, killed, or that does not let us in: what is refused, what is kept, and how it comes back."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Iterator, Sequence

import pytest

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys
from gw_extproc.store.connection import CONNECTIONS
from gw_extproc.store.errors import NotStored, StoreDown
from gw_extproc.store.record import Record
from gw_extproc.store.store import Store
from tests import valkey
from tests.store.proxy import proxy
from tests.store.stores import after, eventually, new, opened, part, record, told, turn
from tests.valkey import Valkey

SHORT = 0.2
"""Seconds for an attempt whose answer will not come."""


@pytest.fixture
def server() -> Iterator[Valkey]:
    """A server of the test's own."""
    with valkey.running() as server:
        yield server


def levels(caplog: pytest.LogCaptureFixture) -> Sequence[str]:
    return [record.levelname for record in caplog.records]


async def refused(call: Awaitable[object]) -> bool:
    """Whether the store is down for this call."""
    try:
        await call
    except StoreDown:
        return True
    return False


async def saves(store: Store, tenant: str) -> bool:
    """Whether the store takes a response now."""
    return not await refused(store.responses.save(tenant, turn(new())))


async def test_a_store_that_is_not_there_is_said_once_and_comes_by_itself(
    server: Valkey, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.kill()
    async with opened(server.url) as store:
        assert not store.up
        for _ in range(20):
            with pytest.raises(StoreDown) as down:
                await store.responses.load(tenant, new())
        assert (down.value.status, down.value.code, down.value.headers) == (503, "store_unavailable", {"retry-after": "1"})
        with pytest.raises(StoreDown):
            store.vault.tenant("credential")
        server.start()
        await eventually(lambda: store.up, "the store")
        assert await saves(store, tenant)
        assert levels(caplog) == ["ERROR", "WARNING"]


async def test_a_store_that_goes_away_is_said_once_and_comes_back_by_itself(
    server: Valkey, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    ref = new()
    async with opened(server.url) as store:
        await store.responses.save(tenant, turn(ref, name="kept"))
        for _ in range(2):
            server.kill()
            assert not await saves(store, tenant)
            await eventually(lambda: not store.up, "that it is known to be away")
            assert not any([await saves(store, tenant) for _ in range(20)])
            server.start()
            await eventually(lambda: store.up, "the store")
            assert await store.responses.chain(tenant, ref) == told("kept")
    assert levels(caplog) == ["ERROR", "WARNING"] * 2


async def test_a_wire_that_is_held_up_costs_a_few_attempts_and_then_none(single: Valkey, tenant: str) -> None:
    async with proxy(single.port) as wire, opened(wire.url, timeout=SHORT, retries=2) as store:
        await eventually(lambda: saves(store, tenant), "that a busy machine takes a save in so short a time")
        wire.flows.clear()
        wire.sent = b""
        assert not await saves(store, tenant)
        assert wire.sent.count(f"gw:{tenant}".encode()) <= 2 * 3  # two keys, three attempts
        await eventually(lambda: not store.up, "that it is known to be away")
        wire.sent = b""
        assert not any([await saves(store, tenant) for _ in range(100)])
        assert f"gw:{tenant}".encode() not in wire.sent
        wire.flows.set()
        await eventually(lambda: saves(store, tenant), "the store")


async def test_connections_that_are_dead_and_do_not_say_so_are_left(single: Valkey, tenant: str) -> None:
    """As behind a failover or a firewall that forgot them; first nobody but the probe asks, then calls do."""
    async with proxy(single.port) as wire, opened(wire.url, timeout=SHORT, retries=2) as store:
        for calls in (False, True):
            await eventually(lambda: saves(store, tenant), "that a busy machine takes a save in so short a time")
            wire.flows.clear()
            if calls:
                assert any([await saves(store, tenant) for _ in range(20)]) is False
            await eventually(lambda: not store.up, "that it is known to be away")
            wire.flows = asyncio.Event()
            wire.flows.set()
            await eventually(lambda: saves(store, tenant), "the store, over new connections")


async def test_a_save_that_was_repeated_is_there_once(single: Valkey, tenant: str) -> None:
    """The first attempt reaches the server, its answer does not come in time."""
    async with proxy(single.port) as wire, opened(single.url) as other, opened(wire.url, timeout=SHORT) as store:
        thread, unique = part(), part()
        await other.conversations.create(tenant, thread, b"{}", part(), [])
        while unique.encode() not in wire.sent:
            wire.flows.set()
            await eventually(lambda: saves(store, tenant), "that a busy machine takes a save in so short a time")
            wire.flows.clear()
            assert await refused(store.conversations.append(tenant, thread, unique, [b"a", b"b"]))
        wire.flows.set()
        assert await other.conversations.append(tenant, thread, unique, [b"a", b"b"])
        assert await other.conversations.context(tenant, thread) == (2, [b"a", b"b"])


async def test_calls_that_were_cancelled_leave_no_foreign_answers(single: Valkey, tenant: str) -> None:
    refs = [new() for _ in range(2 * CONNECTIONS)]
    async with proxy(single.port) as wire, opened(wire.url) as store:
        for ref in refs:
            await store.responses.save(tenant, turn(ref, name=ref.unique))
        wire.flows.clear()
        wire.sent = b""
        tasks = [asyncio.create_task(store.responses.chain(tenant, ref)) for ref in refs]
        await eventually(lambda: wire.sent.count(b"{") >= CONNECTIONS, "questions on the wire")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        wire.flows.set()
        found = await asyncio.gather(*(store.responses.chain(tenant, ref) for ref in refs))
        assert found == [told(ref.unique) for ref in refs]


async def test_a_cancellation_is_never_lost(single: Valkey, tenant: str) -> None:
    async with opened(single.url) as store:
        for steps in range(40):
            task = asyncio.create_task(store.responses.items(tenant, [(new(), 0)]))
            for _ in range(steps):
                await asyncio.sleep(0)
            assert task.done() or task.cancel()
            await asyncio.wait([task])
            assert task.cancelled() or not task.cancelling()


async def test_a_full_store_refuses_whole_saves_and_still_reads(tenant: str, caplog: pytest.LogCaptureFixture) -> None:
    with valkey.running("--maxmemory", "12mb", "--maxmemory-policy", "noeviction") as server:
        async with opened(server.url) as store:
            thread, kept = part(), []
            await store.conversations.create(tenant, thread, b"{}", part(), [])
            while True:
                ref = Ref(thread, part())
                large = record(ref, keys.conversation_at(0), asked=[b"x" * 20_000] * 5, said=[b"y" * 5], conversation=True)
                if await refused(store.responses.save(tenant, large)):
                    break
                kept.append(ref)
            assert await refused(store.conversations.append(tenant, thread, part(), [b"z" * 100_000]))
            assert await refused(store.conversations.create(tenant, part(), b"{}", part(), [b"z" * 100_000]))
            assert store.up
            with pytest.raises(NotStored):
                await store.responses.load(tenant, ref)
            assert await store.responses.items(tenant, [(ref, position) for position in range(6)]) == [None] * 6
            assert (await store.conversations.context(tenant, thread))[0] == 6 * len(kept)
            for survivor in kept:
                assert len((await store.responses.load(tenant, survivor)).inputs) == 5
            await eventually(lambda: bool(caplog.records), "a line about it")
            assert await store.conversations.delete(tenant, thread)
            for survivor in kept:
                assert await store.responses.delete(tenant, survivor)
            assert await saves(store, tenant)
    assert levels(caplog) == ["ERROR", "WARNING"]
    assert "it is full" in caplog.messages[0]


async def test_what_was_acknowledged_survives_a_kill_and_nothing_is_half_there(server: Valkey, tenant: str) -> None:
    thread = part()
    acknowledged: list[Record] = []
    attempted: list[Record] = []

    async def stream(store: Store) -> None:
        while True:
            ref = Ref(thread, part())
            items = [f"{ref.unique} {position} {'x' * 200}".encode() for position in range(40)]
            response = record(ref, keys.conversation_at(0), asked=items[:20], said=items[20:], conversation=True)
            attempted.append(response)
            if not await refused(store.responses.save(tenant, response)):
                acknowledged.append(response)
            await asyncio.sleep(0)  # a store that is away refuses at once

    async with opened(server.url) as store, opened(server.url) as other:
        await store.conversations.create(tenant, thread, b"{}", part(), [])
        streams = [asyncio.create_task(stream(each)) for each in (store, other) for _ in range(4)]
        for _ in range(3):
            before = len(acknowledged)
            await eventually(lambda seen=before: len(acknowledged) > seen + 50, "some saves")  # type: ignore[misc]
            server.kill()
            server.start()
        for task in streams:
            task.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        await eventually(lambda: store.up, "the store")
        _, order = await store.conversations.context(tenant, thread)
        listed = [order[start : start + 40] for start in range(0, len(order), 40)]
        for saved in acknowledged:
            stored = await store.responses.load(tenant, saved.ref)
            assert (stored.inputs, stored.outputs) == (saved.inputs, saved.outputs)
        whole = {b"".join([*saved.inputs, *saved.outputs]) for saved in attempted}
        in_order = [b"".join(block) for block in listed]
        assert len(set(in_order)) == len(in_order)
        assert set(in_order) <= whole
        assert {b"".join([*saved.inputs, *saved.outputs]) for saved in acknowledged} <= set(in_order)


@pytest.mark.parametrize("credentials", ["", ":wrong-password@", "nobody:wrong-password@"])
async def test_a_store_that_does_not_let_us_in_is_away_and_no_password_is_told(
    tenant: str, credentials: str, caplog: pytest.LogCaptureFixture
) -> None:
    with valkey.running("--requirepass", "right-password") as server:
        async with opened(server.url.replace("//", f"//{credentials}")) as store:
            assert not store.up
            with pytest.raises(StoreDown) as down:
                await store.responses.load(tenant, new())
    told = str(down.value) + down.value.body().decode() + "".join(caplog.messages)
    assert "refuses the credentials" in told
    assert "password" not in told


async def test_with_the_password_it_lets_us_in(tenant: str) -> None:
    with valkey.running("--requirepass", "p@ss/word?") as server:
        async with opened(server.url.replace("//", "//:p%40ss%2Fword%3F@")) as store:
            assert await saves(store, tenant)


async def test_a_node_of_a_cluster_may_go_and_come_back(tenant: str) -> None:
    with valkey.cluster() as nodes:
        async with opened(f"redis+cluster://127.0.0.1:{nodes[0].port}") as store:
            refs = [new() for _ in range(30)]  # some on every node
            for ref in refs:
                await store.responses.save(tenant, turn(ref, name=ref.unique))
            nodes[0].kill()
            outcomes = [await refused(store.responses.load(tenant, ref)) for ref in refs]
            assert any(outcomes)
            nodes[0].start()
            for ref in refs:
                await eventually(functools.partial(is_told, store, tenant, ref), "the node")


async def is_told(store: Store, tenant: str, ref: Ref) -> bool:
    """A cluster that comes back may be incomplete once more."""
    try:
        return await store.responses.chain(tenant, ref) == told(ref.unique)
    except StoreDown:
        return False


async def test_closing_a_store_that_is_away_ends_what_it_does(server: Valkey) -> None:
    server.kill()
    async with opened(server.url):
        assert {"store probe", "store keys"} <= {task.get_name() for task in asyncio.all_tasks()}
    assert not {"store probe", "store keys"} & {task.get_name() for task in asyncio.all_tasks()}


async def test_a_chain_of_which_the_middle_is_saved_late_is_whole_then(single: Valkey, tenant: str) -> None:
    root = new()
    child = after(root)
    async with opened(single.url) as store:
        await store.responses.save(tenant, turn(child, root.unique, "child"))
        with pytest.raises(NotStored):
            await store.responses.chain(tenant, child)
        await store.responses.save(tenant, turn(root, name="root"))
        assert await store.responses.chain(tenant, child) == told("root", "child")
