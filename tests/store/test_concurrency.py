"""Many at once, on more than one replica: nothing is lost, nothing is interleaved."""

from __future__ import annotations

import asyncio

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys
from gw_extproc.store.connection import CONNECTIONS
from gw_extproc.store.store import Store
from tests.store.stores import after, new, opened, part, told, turn

APPENDS = 100


async def test_appends_at_once_are_all_there_each_in_one_piece(store: Store, url: str, tenant: str) -> None:
    thread = part()
    await store.conversations.create(tenant, thread, b"{}", part(), [])
    batches = [[f"{batch} {number}".encode() for number in range(3)] for batch in range(APPENDS)]
    async with opened(url) as other:
        stores = [store, other] * (APPENDS // 2)
        added = [each.conversations.append(tenant, thread, part(), batch) for each, batch in zip(stores, batches, strict=True)]
        assert all(await asyncio.gather(*added))
    last, items = await store.conversations.context(tenant, thread)
    assert last == APPENDS * 3
    assert sorted(list(items[start : start + 3]) for start in range(0, last, 3)) == sorted(batches)


async def test_turns_at_once_in_one_conversation_see_whole_turns(store: Store, url: str, tenant: str) -> None:
    thread = part()
    await store.conversations.create(tenant, thread, b"{}", part(), [])

    async def turn_of(each: Store, name: str) -> Ref:
        last, items = await each.conversations.context(tenant, thread)
        assert [item.split()[1] for item in items[::2]] == [item.split()[1] for item in items[1::2]]
        ref = Ref(thread, part())
        await each.responses.save(tenant, turn(ref, keys.conversation_at(last), name, conversation=True))
        assert (await each.responses.chain(tenant, ref)) == [*items, *told(name)]
        return ref

    async with opened(url) as other:
        await asyncio.gather(*(turn_of((store, other)[number % 2], str(number)) for number in range(40)))
    assert (await store.conversations.context(tenant, thread))[0] == 80


async def test_two_replicas_continue_one_response_at_once(store: Store, url: str, tenant: str) -> None:
    root = new()
    await store.responses.save(tenant, turn(root, name="root"))
    async with opened(url) as other:
        left, right = after(root), after(root)
        await asyncio.gather(
            store.responses.save(tenant, turn(left, root.unique, "left")),
            other.responses.save(tenant, turn(right, root.unique, "right")),
        )
        assert await other.responses.chain(tenant, left) == told("root", "left")
        assert await store.responses.chain(tenant, right) == told("root", "right")


async def test_one_save_sent_twice_at_once_is_there_once(store: Store, url: str, tenant: str) -> None:
    thread = part()
    await store.conversations.create(tenant, thread, b"{}", part(), [])
    record = turn(Ref(thread, part()), keys.conversation_at(0), "once", conversation=True)
    async with opened(url) as other:
        await asyncio.gather(store.responses.save(tenant, record), other.responses.save(tenant, record))
    assert await store.conversations.context(tenant, thread) == (2, told("once"))


async def test_more_calls_than_connections_wait_for_one(store: Store, tenant: str) -> None:
    refs = [new() for _ in range(5 * CONNECTIONS)]
    await asyncio.gather(*(store.responses.save(tenant, turn(ref, name=ref.unique)) for ref in refs))
    found = await asyncio.gather(*(store.responses.chain(tenant, ref) for ref in refs))
    assert found == [told(ref.unique) for ref in refs]
