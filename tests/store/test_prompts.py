"""Prompts in the store: versions, stamps, pages, and that nothing of them expires."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from gw_extproc.store import keys
from gw_extproc.store.errors import Changed, NotStored, StoreDown, UnknownItem
from gw_extproc.store.prompts import Listed, StoredPrompt
from gw_extproc.store.store import Store
from tests.store.servers import expiry
from tests.store.stores import opened, part

OTHER_TENANT = "0" * 32
FOR_EVER, GONE = -1, -2
"""What the store says of the expiry of a key that has none, and of no key."""


async def made(store: Store, tenant: str, *versions: bytes) -> str:
    """A prompt with these versions."""
    unique = part()
    await store.prompts.create(tenant, unique, b"p", versions[0])
    for version in versions[1:]:
        seen = (await store.prompts.load(tenant, unique)).stamp
        await store.prompts.update(tenant, unique, seen, part(), b"p", version)
    return unique


async def test_a_prompt_is_made_once(store: Store, tenant: str) -> None:
    unique = part()
    for prompt in (b"first", b"again"):
        await store.prompts.create(tenant, unique, prompt, b"one")
    assert await store.prompts.load(tenant, unique) == StoredPrompt(b"first", unique.encode(), 1, b"one")
    assert await store.prompts.page(tenant, after=None, limit=5, order="asc") == ([Listed(unique, b"first", 1, b"one")], False)


async def test_versions_are_numbered_and_stay(store: Store, tenant: str) -> None:
    unique = await made(store, tenant, b"one", b"two", b"three")
    assert (await store.prompts.load(tenant, unique)).number == 3
    assert [(await store.prompts.load(tenant, unique, number)).version for number in (1, 2, 3)] == [b"one", b"two", b"three"]
    for number in (0, 4):
        with pytest.raises(UnknownItem):
            await store.prompts.load(tenant, unique, number)


async def test_a_change_without_a_version_makes_none(store: Store, tenant: str) -> None:
    unique, stamp = await made(store, tenant, b"one"), part()
    assert await store.prompts.update(tenant, unique, unique.encode(), stamp, b"renamed", None) == 1
    assert await store.prompts.load(tenant, unique) == StoredPrompt(b"renamed", stamp.encode(), 1, b"one")


async def test_a_change_that_is_repeated_happens_once(store: Store, tenant: str) -> None:
    unique, stamp = await made(store, tenant, b"one"), part()
    for _ in range(2):
        assert await store.prompts.update(tenant, unique, unique.encode(), stamp, b"p", b"two") == 2


async def test_of_two_changes_to_the_same_one_is_told(store: Store, tenant: str) -> None:
    unique = await made(store, tenant, b"one")
    changes = (store.prompts.update(tenant, unique, unique.encode(), part(), b"p", version) for version in (b"two", b"three"))
    found = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(type(each).__name__ for each in found) == [Changed.__name__, "int"]
    assert (await store.prompts.load(tenant, unique)).number == 2


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_show_each_prompt_once(store: Store, tenant: str, order: Literal["asc", "desc"]) -> None:
    uniques = [await made(store, tenant, *[b"x"] * (1 + number % 2)) for number in range(5)]
    await store.prompts.delete(tenant, uniques.pop(2))
    seen: list[str] = []
    more = True
    while more:
        page, more = await store.prompts.page(tenant, after=seen[-1] if seen else None, limit=3, order=order)
        seen += [each.unique for each in page]
    assert seen == (uniques if order == "asc" else uniques[::-1])
    with pytest.raises(UnknownItem):
        await store.prompts.page(tenant, after=part(), limit=3, order=order)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_show_each_version_once(store: Store, tenant: str, order: Literal["asc", "desc"]) -> None:
    unique = await made(store, tenant, *(str(number).encode() for number in range(1, 13)))
    seen: list[tuple[int, bytes]] = []
    more = True
    while more:
        page, more = await store.prompts.versions(tenant, unique, after=seen[-1][0] if seen else None, limit=4, order=order)
        seen += page
    numbers = range(1, 13) if order == "asc" else range(12, 0, -1)
    assert seen == [(number, str(number).encode()) for number in numbers]
    with pytest.raises(UnknownItem):
        await store.prompts.versions(tenant, unique, after=13, limit=4, order=order)


async def test_a_deleted_prompt_is_gone_with_all_of_it(store: Store, tenant: str) -> None:
    unique = await made(store, tenant, *[b"x"] * 12)
    assert [await store.prompts.delete(tenant, unique) for _ in range(2)] == [True, False]
    for asked in (
        store.prompts.load(tenant, unique),
        store.prompts.load(tenant, unique, 1),
        store.prompts.update(tenant, unique, unique.encode(), part(), b"p", b"x"),
        store.prompts.versions(tenant, unique, after=None, limit=5, order="asc"),
    ):
        with pytest.raises(NotStored):
            await asked
    assert await store.prompts.page(tenant, after=None, limit=5, order="asc") == ([], False)
    assert [await expiry(store, key) for key in keys.of_prompts(tenant)] == [GONE, GONE]


async def test_somebody_else_has_none_of_it(store: Store, tenant: str) -> None:
    unique = await made(store, tenant, b"one")
    with pytest.raises(NotStored):
        await store.prompts.load(OTHER_TENANT, unique)
    assert not await store.prompts.delete(OTHER_TENANT, unique)
    assert (await store.prompts.load(tenant, unique)).number == 1


async def test_prompts_do_not_expire(store: Store, tenant: str) -> None:
    await made(store, tenant, b"one", b"two")
    assert [await expiry(store, key) for key in keys.of_prompts(tenant)] == [FOR_EVER, FOR_EVER]


async def test_a_store_that_is_away_is_told() -> None:
    async with opened("redis://127.0.0.1:1", retries=0) as store:
        with pytest.raises(StoreDown):
            await store.prompts.load(OTHER_TENANT, part())
