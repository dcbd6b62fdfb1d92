"""The gateway's own keys: they rotate with notice, and go when nothing can be left that they sealed."""

from __future__ import annotations

from gw_extproc.store.keyring import LEAD, ROTATION, Keyring
from tests.store.stores import DAY

NOW = 1_700_000_000
RETENTION = 31 * DAY


def test_a_ring_is_read_as_it_was_written() -> None:
    ring = Keyring.made(NOW).rotated(NOW + ROTATION, RETENTION)
    assert Keyring.decode(ring.encode()) == ring
    assert len(ring.sealing) == 2


def test_two_rings_have_nothing_in_common() -> None:
    one, other = Keyring.made(NOW), Keyring.made(NOW)
    assert one.tenant != other.tenant
    assert one.sealing[0].key not in (other.sealing[0].key, one.tenant)


def test_a_young_key_is_not_replaced() -> None:
    ring = Keyring.made(NOW)
    assert ring.rotated(NOW + ROTATION - 1, RETENTION) is ring


def test_a_new_key_is_known_before_it_seals() -> None:
    ring = Keyring.made(NOW)
    later = NOW + ROTATION
    rotated = ring.rotated(later, RETENTION)
    old, new = (key.key for key in rotated.sealing)
    assert rotated.in_use(later) == [old, new]
    assert rotated.in_use(later + LEAD - 1) == [old, new]
    assert rotated.in_use(later + LEAD) == [new, old]
    assert rotated.rotated(later + 1, RETENTION) is rotated


def test_the_first_key_seals_at_once_even_where_the_clock_is_behind() -> None:
    ring = Keyring.made(NOW)
    assert ring.in_use(NOW - 5) == [ring.sealing[0].key]


def test_a_key_goes_when_what_it_sealed_has_expired() -> None:
    ring, now = Keyring.made(NOW), NOW
    first = ring.sealing[0].key
    lived = []
    for _ in range(4):
        now += ROTATION + LEAD
        ring = ring.rotated(now, RETENTION)
        lived.append(first in ring.in_use(now))
    assert lived == [True, True, False, False]
    assert len(ring.sealing) == 3


def test_tenants_keep_their_names_when_keys_rotate() -> None:
    ring = Keyring.made(NOW)
    assert ring.rotated(NOW + 10 * ROTATION, RETENTION).tenant == ring.tenant
