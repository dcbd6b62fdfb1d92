"""Conversations: their order, their pages, and who owns an item when something is deleted."""

from __future__ import annotations

from typing import Literal

import pytest

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys
from gw_extproc.store.conversations import Conversations, Page
from gw_extproc.store.errors import NotStored, TooMuchStored, UnknownItem
from gw_extproc.store.record import Record
from gw_extproc.store.store import Store
from tests.store.servers import expiry
from tests.store.stores import DAY, after, opened, part, told, turn
from tests.valkey import Valkey

OTHER_TENANT = "0" * 32


@pytest.fixture
async def thread(store: Store, tenant: str) -> str:
    """A conversation without items."""
    thread = part()
    await store.conversations.create(tenant, thread, b"{}", part(), [])
    return thread


async def answered(store: Store, tenant: str, thread: str, name: str) -> Ref:
    """A response made in the conversation as it is now."""
    last, _ = await store.conversations.context(tenant, thread)
    ref = Ref(thread, part())
    await store.responses.save(tenant, turn(ref, keys.conversation_at(last), name, conversation=True))
    return ref


async def test_a_conversation_is_made_with_items_once(store: Store, tenant: str) -> None:
    thread, unique = part(), part()
    for _ in range(2):
        await store.conversations.create(tenant, thread, b'{"metadata":{}}', unique, [b"a", b"b"])
    assert await store.conversations.retrieve(tenant, thread) == b'{"metadata":{}}'
    assert await store.conversations.context(tenant, thread) == (2, [b"a", b"b"])


async def test_a_conversation_without_items_is_one(store: Store, tenant: str, thread: str) -> None:
    assert await store.conversations.retrieve(tenant, thread) == b"{}"
    assert await store.conversations.context(tenant, thread) == (0, [])
    assert await store.conversations.page(tenant, thread, after=None, limit=5, order="asc") == Page([], False)
    assert await store.conversations.append(tenant, thread, part(), [])


async def test_an_update_replaces_it(store: Store, tenant: str, thread: str) -> None:
    assert await store.conversations.update(tenant, thread, b'{"metadata":{"a":"b"}}')
    assert await store.conversations.retrieve(tenant, thread) == b'{"metadata":{"a":"b"}}'


async def test_what_is_appended_stands_at_the_end_once(store: Store, tenant: str, thread: str) -> None:
    unique = part()
    for _ in range(2):
        assert await store.conversations.append(tenant, thread, unique, [b"a", b"b"])
    assert await store.conversations.append(tenant, thread, part(), [b"c"])
    assert await store.conversations.context(tenant, thread) == (3, [b"a", b"b", b"c"])
    assert await store.conversations.item(tenant, thread, unique, 1) == b"b"
    assert await store.conversations.item(tenant, thread, unique, 2) is None


async def test_more_items_than_lua_takes_at_once(store: Store, tenant: str, thread: str) -> None:
    items = [str(number).encode() for number in range(20_000)]
    assert await store.conversations.append(tenant, thread, part(), items)
    assert await store.conversations.context(tenant, thread) == (20_000, items)
    assert await store.conversations.delete(tenant, thread)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_show_every_item_once(store: Store, tenant: str, thread: str, order: Literal["asc", "desc"]) -> None:
    unique = part()
    items = [str(number).encode() for number in range(7)]
    await store.conversations.append(tenant, thread, unique, items)
    seen: list[bytes] = []
    more = True
    while more:
        last = (unique, items.index(seen[-1])) if seen else None
        page = await store.conversations.page(tenant, thread, after=last, limit=3, order=order)
        seen += page.items
        more = page.has_more
    assert seen == (items if order == "asc" else items[::-1])


async def test_a_page_after_an_item_that_is_not_there_is_refused(store: Store, tenant: str, thread: str) -> None:
    for unknown in ((part(), 0), ("c", 0)):
        with pytest.raises(UnknownItem):
            await store.conversations.page(tenant, thread, after=unknown, limit=3, order="asc")


async def test_responses_add_their_items_and_see_what_was_there_before(store: Store, tenant: str, thread: str) -> None:
    await store.conversations.append(tenant, thread, part(), told("before"))
    first = await answered(store, tenant, thread, "first")
    second = await answered(store, tenant, thread, "second")
    assert (await store.conversations.context(tenant, thread))[1] == told("before", "first", "second")
    assert await store.responses.chain(tenant, first) == told("before", "first")
    assert await store.responses.inputs(tenant, second) == [*told("before", "first"), b"asked second"]


async def test_a_response_made_in_a_conversation_can_be_continued_outside_it(store: Store, tenant: str, thread: str) -> None:
    inside = await answered(store, tenant, thread, "inside")
    outside = after(inside)
    await store.responses.save(tenant, turn(outside, inside.unique, "outside"))
    await answered(store, tenant, thread, "later")
    assert await store.responses.chain(tenant, outside) == told("inside", "outside")
    assert (await store.conversations.context(tenant, thread))[1] == told("inside", "later")


async def test_two_turns_at_once_both_stay_whole(store: Store, tenant: str, thread: str) -> None:
    for name in ("one", "other"):
        await store.responses.save(tenant, turn(Ref(thread, part()), keys.conversation_at(0), name, conversation=True))
    assert (await store.conversations.context(tenant, thread))[1] == told("one", "other")


async def test_a_response_nobody_keeps_leaves_its_items_to_the_conversation(store: Store, tenant: str, thread: str) -> None:
    ref = Ref(thread, part())
    for _ in range(2):
        await store.responses.save(tenant, Record(ref, keys.conversation_at(0), None, b"", [b"a"], [b"b"], conversation=True))
    assert await store.conversations.context(tenant, thread) == (2, [b"a", b"b"])
    for read in (store.responses.load, store.responses.chain):
        with pytest.raises(NotStored):
            await read(tenant, ref)
    await store.conversations.delete(tenant, thread)
    assert await store.responses.items(tenant, [(ref, 0), (ref, 1)]) == [None, None]


async def test_a_deleted_conversation_is_gone_and_its_responses_stay_readable(store: Store, tenant: str, thread: str) -> None:
    own = part()
    await store.conversations.append(tenant, thread, own, [b"own"])
    ref = await answered(store, tenant, thread, "kept")
    assert await store.conversations.delete(tenant, thread)
    await assert_gone(store, tenant, thread, own)
    assert await store.responses.items(tenant, [(Ref(thread, own), 0)]) == [None]
    stored = await store.responses.load(tenant, ref)
    assert [*stored.inputs, *stored.outputs] == told("kept")
    with pytest.raises(NotStored):
        await store.responses.chain(tenant, ref)


async def test_deleting_everything_leaves_no_key(single: Valkey, tenant: str) -> None:
    async with opened(single.url) as store:
        thread = part()
        await store.conversations.create(tenant, thread, b"{}", part(), told("first"))
        ref = await answered(store, tenant, thread, "second")
        await store.responses.delete(tenant, ref)
        await store.conversations.delete(tenant, thread)
    assert single.command("EXISTS", *keys.of_thread(tenant, thread)) == 0


async def test_a_deleted_response_leaves_its_items_in_the_conversation(store: Store, tenant: str, thread: str) -> None:
    ref = await answered(store, tenant, thread, "kept")
    assert await store.conversations.remove_item(tenant, thread, ref.unique, 0)
    assert await store.responses.delete(tenant, ref)
    assert (await store.conversations.context(tenant, thread))[1] == [b"said kept"]
    assert await store.responses.items(tenant, [(ref, 0), (ref, 1)]) == [None, b"said kept"]


async def test_a_removed_item_stays_with_the_response_that_owns_it(store: Store, tenant: str, thread: str) -> None:
    own = part()
    await store.conversations.append(tenant, thread, own, [b"own", b"stays"])
    ref = await answered(store, tenant, thread, "kept")
    assert await store.conversations.remove_item(tenant, thread, own, 0) == b"{}"
    assert await store.conversations.remove_item(tenant, thread, own, 0) is None
    assert await store.conversations.remove_item(tenant, thread, ref.unique, 0) == b"{}"
    assert await store.conversations.item(tenant, thread, ref.unique, 0) is None
    assert (await store.conversations.context(tenant, thread))[1] == [b"stays", b"said kept"]
    assert await store.responses.items(tenant, [(Ref(thread, own), 0), (ref, 0)]) == [None, b"asked kept"]
    assert await store.responses.chain(tenant, ref) == [b"stays", *told("kept")]


async def test_an_order_without_items_is_still_there(store: Store, tenant: str) -> None:
    thread, unique = part(), part()
    await store.conversations.create(tenant, thread, b"{}", unique, [b"only"])
    await store.conversations.remove_item(tenant, thread, unique, 0)
    assert await store.conversations.context(tenant, thread) == (1, [])


async def test_an_order_that_the_server_evicted_is_not_taken_for_an_empty_one(single: Valkey, tenant: str) -> None:
    async with opened(single.url) as store:
        thread = part()
        await store.conversations.create(tenant, thread, b"{}", part(), [b"lost"])
        single.command("DEL", keys.of_thread(tenant, thread)[1])
        with pytest.raises(NotStored):
            await store.conversations.context(tenant, thread)


async def test_an_unknown_conversation_is_none(store: Store, tenant: str) -> None:
    await assert_gone(store, tenant, part(), part())


async def test_another_tenant_sees_nothing(store: Store, tenant: str) -> None:
    thread, unique = part(), part()
    await store.conversations.create(tenant, thread, b"{}", unique, [b"own"])
    await assert_gone(store, OTHER_TENANT, thread, unique)
    assert await store.conversations.context(tenant, thread) == (1, [b"own"])


async def assert_gone(store: Store, tenant: str, thread: str, unique: str) -> None:
    conversations = store.conversations
    assert await conversations.retrieve(tenant, thread) is None
    assert not await conversations.update(tenant, thread, b"{}")
    assert not await conversations.delete(tenant, thread)
    assert not await conversations.append(tenant, thread, part(), [b"more"])
    assert await conversations.item(tenant, thread, unique, 0) is None
    assert await conversations.remove_item(tenant, thread, unique, 0) is None
    with pytest.raises(NotStored):
        await conversations.context(tenant, thread)
    with pytest.raises(NotStored):
        await conversations.page(tenant, thread, after=None, limit=1, order="desc")


async def test_a_conversation_that_is_too_large_is_still_paged(store: Store, tenant: str) -> None:
    conversations = Conversations(store.connection, DAY, largest_load=15)
    thread = part()
    await conversations.create(tenant, thread, b"{}", part(), [b"x" * 10, b"y" * 10])
    with pytest.raises(TooMuchStored):
        await conversations.context(tenant, thread)
    assert await conversations.page(tenant, thread, after=None, limit=1, order="asc") == Page([b"x" * 10], True)


async def test_every_use_renews_the_expiry_of_both_keys(url: str, store: Store, tenant: str) -> None:
    thread, unique = part(), part()
    conversations = store.conversations
    async with opened(url, retention=50) as short:
        await short.conversations.create(tenant, thread, b"{}", unique, [b"a", b"b"])
        for use in (
            conversations.create(tenant, thread, b"{}", unique, [b"a", b"b"]),
            conversations.retrieve(tenant, thread),
            conversations.update(tenant, thread, b"{}"),
            conversations.append(tenant, thread, part(), [b"c"]),
            conversations.context(tenant, thread),
            conversations.page(tenant, thread, after=None, limit=1, order="asc"),
            conversations.item(tenant, thread, unique, 0),
            conversations.remove_item(tenant, thread, unique, 0),
            answered(store, tenant, thread, "answer"),
        ):
            await use
            for key in keys.of_thread(tenant, thread):
                assert DAY - 50 < await expiry(store, key) <= DAY
            await short.conversations.retrieve(tenant, thread)
            for key in keys.of_thread(tenant, thread):
                assert 0 < await expiry(store, key) <= 50
