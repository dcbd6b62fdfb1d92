"""Whose a request is: by its credential, by a header that a trusted proxy sets, or everybody's."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from gw_extproc.session.gateway import Gateway, Unauthenticated
from gw_extproc.store.store import Store
from tests.session.conftest import Made
from tests.session.talk import Talk
from tests.store.stores import opened
from tests.valkey import Valkey

ALICE, BOB = {"authorization": "Bearer alice"}, {"authorization": "Bearer bob"}
NOT_FOUND = (404, "previous_response_not_found", "previous_response_id")


def tenants(gateway: Gateway, *callers: Mapping[str, str]) -> list[str]:
    return [gateway.caller(headers).tenant for headers in callers]


async def test_a_tenant_is_whoever_holds_the_same_credential(store: Store, made: Made) -> None:
    gateway = made(store)
    alice, same, bob, nobody = tenants(gateway, ALICE, {**ALICE, "user-agent": "other"}, BOB, {})
    assert alice == same
    assert len({alice, bob, nobody}) == 3
    assert re.fullmatch(r"[0-9a-f]{32}", alice)
    turn = await Talk(gateway, ALICE).turn()
    assert await Talk(gateway, BOB).refused(previous_response_id=turn.id) == NOT_FOUND
    assert await Talk(gateway, {}).refused(previous_response_id=turn.id) == NOT_FOUND


async def test_a_header_names_the_tenant_where_the_settings_say_so(store: Store, made: Made) -> None:
    gateway = made(store, tenant_header="X-Tenant")
    one, same, other = tenants(gateway, {"x-tenant": "1", **ALICE}, {"x-tenant": "1", **BOB}, {"x-tenant": "2", **ALICE})
    assert one == same != other
    for headers in (ALICE, {**ALICE, "x-tenant": ""}):
        with pytest.raises(Unauthenticated, match=r"^The header x-tenant is missing\.$") as error:
            gateway.caller(headers)
        assert (error.value.status, error.value.code) == (401, "missing_tenant")


async def test_one_tenant_may_be_everybody(store: Store, made: Made) -> None:
    gateway = made(store, tenant="team")
    assert len(set(tenants(gateway, ALICE, BOB, {}))) == 1
    turn = await Talk(gateway, ALICE).turn()
    assert (await Talk(gateway, BOB).turn(previous_response_id=turn.id)).response["status"] == "completed"


async def test_a_name_means_something_else_in_each_of_these_ways(store: Store, made: Made) -> None:
    name = "Bearer alice"
    ways = [made(store), made(store, tenant_header="authorization"), made(store, tenant=name)]
    assert len({way.caller(ALICE).tenant for way in ways}) == 3


async def test_it_is_the_same_at_every_replica_and_another_at_another_store(
    store: Store, made: Made, valkey_server: Valkey, frail: Valkey
) -> None:
    async with opened(valkey_server.url) as replica, opened(frail.url) as other:
        here, there, elsewhere = (made(each).caller(ALICE).tenant for each in (store, replica, other))
    assert here == there != elsewhere
