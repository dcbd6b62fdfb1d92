"""What the store costs: commands per turn, and memory by length."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gw_extproc.core.ids import Ref
from gw_extproc.store import keys, scripts
from gw_extproc.store.store import Store
from tests.store.servers import Monitored, size, taught
from tests.store.stores import after, new, part, record, told, turn
from tests.valkey import Valkey

TURNS = 100
ITEMS = 400


@pytest.fixture(autouse=True)
def known(servers: Sequence[Valkey]) -> None:
    """Whatever has run before."""
    taught(servers)


async def test_a_server_is_told_a_script_once(store: Store, tenant: str, servers: Sequence[Valkey]) -> None:
    ref = new()
    for server in servers:
        server.command("SCRIPT", "FLUSH")
    with Monitored(servers) as monitored:
        await store.responses.save(tenant, turn(ref))
        by_hash, by_text = monitored.commands()
        assert by_hash.startswith(f"EVALSHA {scripts.SAVE.hash} ")
        assert by_text.startswith("EVAL ")
        await store.responses.save(tenant, turn(ref))
        assert monitored.commands() == [by_hash]
    assert await store.responses.chain(tenant, ref) == told("")


async def test_a_turn_is_two_commands_however_long_the_chain(store: Store, tenant: str, servers: Sequence[Valkey]) -> None:
    ref, parent = new(), ""
    with Monitored(servers) as monitored:
        for number in range(TURNS):
            await store.responses.save(tenant, turn(ref, parent, str(number)))
            history = await store.responses.chain(tenant, ref)
            assert [command.partition(" ")[0] for command in monitored.commands()] == ["EVALSHA"] * 2
            ref, parent = after(ref), ref.unique
    assert history == told(*map(str, range(TURNS)))


async def test_a_turn_in_a_conversation_is_two_commands(store: Store, tenant: str, servers: Sequence[Valkey]) -> None:
    thread = part()
    await store.conversations.create(tenant, thread, b"{}", part(), [])
    with Monitored(servers) as monitored:
        for number in range(ITEMS // 2):
            last, history = await store.conversations.context(tenant, thread)
            record = turn(Ref(thread, part()), keys.conversation_at(last), str(number), conversation=True)
            await store.responses.save(tenant, record)
        assert [command.partition(" ")[0] for command in monitored.commands()] == ["EVALSHA"] * ITEMS
    assert len(history) == ITEMS - 2


async def test_every_operation_is_one_command(store: Store, tenant: str, servers: Sequence[Valkey]) -> None:
    thread, unique, ref = part(), part(), new()
    conversations, responses = store.conversations, store.responses
    with Monitored(servers) as monitored:
        for operation in (
            responses.save(tenant, turn(ref)),
            responses.load(tenant, ref),
            responses.inputs(tenant, ref),
            responses.items(tenant, [(ref, 0), (ref, 1)]),
            responses.delete(tenant, ref),
            conversations.create(tenant, thread, b"{}", unique, [b"a"] * 5000),
            conversations.retrieve(tenant, thread),
            conversations.update(tenant, thread, b"{}"),
            conversations.append(tenant, thread, part(), [b"c"]),
            conversations.context(tenant, thread),
            conversations.page(tenant, thread, after=None, limit=100, order="desc"),
            conversations.item(tenant, thread, unique, 0),
            conversations.remove_item(tenant, thread, unique, 0),
            conversations.delete(tenant, thread),
        ):
            await operation
            assert [command.partition(" ")[0] for command in monitored.commands()] == ["EVALSHA"]


async def test_memory_grows_with_the_length_and_no_faster(store: Store, tenant: str) -> None:
    sizes = []
    for turns in (TURNS // 2, TURNS):
        ref, parent = new(), ""
        for _ in range(turns):
            await store.responses.save(tenant, record(ref, parent, asked=[b"a" * 500], said=[b"b" * 500]))
            ref, parent = after(ref), ref.unique
        sizes.append(await size(store, *keys.of_thread(tenant, ref.thread)))
    assert sizes[0] > TURNS // 2 * 1000
    assert sizes[1] < sizes[0] * 2.2
    assert sizes[1] < TURNS * 1700  # what stands around a turn's items does not depend on them
