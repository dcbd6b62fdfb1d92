"""Responses: saved whole, continued along any branch, deleted with what only they own, foreign to every other tenant."""

from __future__ import annotations

import dataclasses

import pytest

from gw_extproc.store import keys
from gw_extproc.store.errors import ConversationGone, NotStored, TooMuchStored
from gw_extproc.store.record import Record, Stored
from gw_extproc.store.responses import THREADS_AT_ONCE, Responses
from gw_extproc.store.store import Store
from tests.store.servers import expiry
from tests.store.stores import DAY, after, new, opened, record, told, turn
from tests.valkey import Valkey

OTHER_TENANT = "0" * 32


async def test_a_response_is_loaded_as_it_was_saved(store: Store, tenant: str) -> None:
    ref = new()
    await store.responses.save(tenant, record(ref, asked=[b"a", b"b"], said=[b"c"]))
    assert await store.responses.load(tenant, ref) == Stored(b'{"object":"response"}', b"trace", [b"a", b"b"], [b"c"])


async def test_a_response_may_lack_a_trace_and_items(store: Store, tenant: str) -> None:
    ref = new()
    await store.responses.save(tenant, Record(ref, "", b"{}", b"", (), (), conversation=False))
    assert await store.responses.load(tenant, ref) == Stored(b"{}", b"", [], [])
    assert await store.responses.chain(tenant, ref) == []


async def test_any_bytes_are_kept(store: Store, tenant: str) -> None:
    ref, anything = new(), bytes(range(256))
    await store.responses.save(tenant, record(ref, asked=[anything, b""], said=[anything * 4096]))
    assert await store.responses.chain(tenant, ref) == [anything, b"", anything * 4096]


async def test_a_chain_is_told_from_its_root_along_one_branch(store: Store, tenant: str) -> None:
    root = new()
    left, right = after(root), after(root)
    leaf = after(left)
    for ref, parent, name in (
        (root, "", "root"),
        (left, root.unique, "left"),
        (right, root.unique, "right"),
        (leaf, left.unique, "leaf"),
    ):
        await store.responses.save(tenant, turn(ref, parent, name))
    assert await store.responses.chain(tenant, leaf) == told("root", "left", "leaf")
    assert await store.responses.chain(tenant, right) == told("root", "right")
    assert await store.responses.inputs(tenant, leaf) == [*told("root", "left"), b"asked leaf"]


async def test_more_items_than_lua_takes_at_once(store: Store, tenant: str) -> None:
    ref, items = new(), [str(number).encode() for number in range(20_000)]
    await store.responses.save(tenant, record(ref, asked=items))
    assert await store.responses.chain(tenant, ref) == items
    assert (await store.responses.load(tenant, ref)).inputs == items
    assert await store.responses.delete(tenant, ref)


async def test_a_second_save_changes_nothing(store: Store, tenant: str) -> None:
    ref = new()
    await store.responses.save(tenant, turn(ref, name="first"))
    await store.responses.save(tenant, turn(ref, name="first"))
    assert await store.responses.chain(tenant, ref) == told("first")


async def test_without_an_object_only_the_items_are_there(store: Store, tenant: str) -> None:
    ref = new()
    await store.responses.save(tenant, dataclasses.replace(turn(ref, name="hidden"), object=None))
    with pytest.raises(NotStored):
        await store.responses.load(tenant, ref)
    assert not await store.responses.delete(tenant, ref)
    assert await store.responses.chain(tenant, ref) == told("hidden")


async def test_an_unknown_response_is_not_stored(store: Store, tenant: str) -> None:
    ref = new()
    await store.responses.save(tenant, turn(ref))
    for unknown in (new(), after(ref)):
        for read in (store.responses.load, store.responses.chain, store.responses.inputs):
            with pytest.raises(NotStored):
                await read(tenant, unknown)
        assert not await store.responses.delete(tenant, unknown)


async def test_another_tenant_sees_nothing(store: Store, tenant: str) -> None:
    ref = new()
    await store.responses.save(tenant, turn(ref))
    for read in (store.responses.load, store.responses.chain, store.responses.inputs):
        with pytest.raises(NotStored):
            await read(OTHER_TENANT, ref)
    assert await store.responses.items(OTHER_TENANT, [(ref, 0)]) == [None]
    assert not await store.responses.delete(OTHER_TENANT, ref)
    assert await store.responses.chain(tenant, ref) == [b"asked ", b"said "]


async def test_items_are_found_by_their_places_in_any_thread(store: Store, tenant: str) -> None:
    first, second = new(), new()
    await store.responses.save(tenant, turn(first, name="first"))
    await store.responses.save(tenant, turn(second, name="second"))
    places = [(second, 1), (first, 0), (first, 7), (new(), 0), (second, 0), (second, 1)]
    found = await store.responses.items(tenant, places)
    assert found == [b"said second", b"asked first", None, None, b"asked second", b"said second"]
    assert await store.responses.items(tenant, []) == []


async def test_a_deleted_response_is_gone_with_its_items_and_ends_what_continues_it(store: Store, tenant: str) -> None:
    root = new()
    child = after(root)
    await store.responses.save(tenant, turn(root, name="root"))
    await store.responses.save(tenant, turn(child, root.unique, "child"))
    assert await store.responses.delete(tenant, root)
    assert not await store.responses.delete(tenant, root)
    assert await store.responses.items(tenant, [(root, 0), (root, 1)]) == [None, None]
    with pytest.raises(NotStored):
        await store.responses.load(tenant, root)
    with pytest.raises(NotStored):
        await store.responses.chain(tenant, child)
    assert (await store.responses.load(tenant, child)).outputs == [b"said child"]


async def test_deleting_all_responses_leaves_no_key(single: Valkey, tenant: str) -> None:
    root = new()
    child = after(root)
    async with opened(single.url) as store:
        for ref, parent in ((root, ""), (child, root.unique)):
            await store.responses.save(tenant, turn(ref, parent))
        for ref in (root, child):
            await store.responses.delete(tenant, ref)
    assert single.command("EXISTS", keys.of_thread(tenant, root.thread)[0]) == 0


async def test_a_save_into_a_conversation_that_is_gone_leaves_nothing(store: Store, tenant: str) -> None:
    ref = new()
    with pytest.raises(ConversationGone):
        await store.responses.save(tenant, turn(ref, keys.conversation_at(0), conversation=True))
    with pytest.raises(NotStored):
        await store.responses.load(tenant, ref)


async def test_a_history_that_is_too_large_is_refused_in_words(store: Store, tenant: str) -> None:
    responses = Responses(store.connection, DAY, largest_load=20)
    ref = new()
    more = after(ref)
    await responses.save(tenant, record(ref, asked=[b"x" * 10], said=[b"x" * 10]))
    await responses.save(tenant, record(more, ref.unique, asked=[b"y"]))
    assert await responses.chain(tenant, ref) == [b"x" * 10] * 2
    assert (await responses.load(tenant, ref)).inputs == [b"x" * 10]
    with pytest.raises(TooMuchStored) as refused:
        await responses.chain(tenant, more)
    assert (refused.value.status, refused.value.code) == (400, "context_length_exceeded")


async def test_items_are_counted_as_often_as_they_are_asked_for(store: Store, tenant: str) -> None:
    """A few bytes name an item of megabytes a thousand times."""
    responses = Responses(store.connection, DAY, largest_load=20)
    refs = [new() for _ in range(THREADS_AT_ONCE + 2)]
    for ref in refs:
        await responses.save(tenant, record(ref, asked=[b"x" * 2]))
    one, ten = [(refs[0], 0)], [(ref, 0) for ref in refs]
    for asked in (one * 10, ten):
        assert await responses.items(tenant, asked) == [b"x" * 2] * 10
        with pytest.raises(TooMuchStored):
            await responses.items(tenant, [*asked, *one])


async def test_every_use_renews_the_expiry(url: str, store: Store, tenant: str) -> None:
    ref = new()
    thread = keys.of_thread(tenant, ref.thread)
    async with opened(url, retention=50) as short:
        await short.responses.save(tenant, turn(ref))
        assert 0 < await expiry(short, thread[0]) <= 50
        for use in (
            store.responses.chain(tenant, ref),
            store.responses.load(tenant, ref),
            store.responses.inputs(tenant, ref),
            store.responses.items(tenant, [(ref, 0)]),
            store.responses.save(tenant, turn(after(ref), ref.unique)),
            store.responses.save(tenant, turn(ref)),
        ):
            await use
            assert DAY - 50 < await expiry(store, thread[0]) <= DAY
            await short.responses.load(tenant, ref)
            assert 0 < await expiry(store, thread[0]) <= 50


async def test_what_nobody_uses_expires(url: str, tenant: str) -> None:
    ref = new()
    async with opened(url, retention=0) as store:
        await store.responses.save(tenant, turn(ref))
        with pytest.raises(NotStored):
            await store.responses.load(tenant, ref)
