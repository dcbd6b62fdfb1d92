"""The URL of the store: what each form means, and messages that repeat nothing of it."""

from __future__ import annotations

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.store_url import StoreUrl, parse

ONE = (("h", 6379),)


@pytest.mark.parametrize(
    ("url", "meaning"),
    [
        ("redis://h", StoreUrl("single", False, ONE)),
        ("redis://h/", StoreUrl("single", False, ONE)),
        ("redis://h:1/3", StoreUrl("single", False, (("h", 1),), db=3)),
        ("redis://h?db=3", StoreUrl("single", False, ONE, db=3)),
        ("redis://:p%40ss%2F@h", StoreUrl("single", False, ONE, password="p@ss/")),
        ("redis://me:@h", StoreUrl("single", False, ONE, username="me")),
        ("redis://[::1]:7", StoreUrl("single", False, (("::1", 7),))),
        ("rediss://h?ssl_ca_certs=/a%20b", StoreUrl("single", True, ONE, options={"ssl_ca_certs": "/a b"})),
        ("unix:///run/s%20t?db=2", StoreUrl("single", False, path="/run/s t", db=2)),
        ("unix://:pass@/run/s", StoreUrl("single", False, path="/run/s", password="pass")),
        ("redis+cluster://a:1,b", StoreUrl("cluster", False, (("a", 1), ("b", 6379)))),
        ("rediss+cluster://u:p@a", StoreUrl("cluster", True, (("a", 6379),), username="u", password="p")),
        ("redis+sentinel://a,b:1/main", StoreUrl("sentinel", False, (("a", 26379), ("b", 1)), master="main")),
        (
            "rediss+sentinel://a/main/4?sentinel_password=x&ssl_keyfile=/k",
            StoreUrl("sentinel", True, (("a", 26379),), db=4, master="main", options={"sentinel_password": "x", "ssl_keyfile": "/k"}),
        ),
    ],
)
def test_each_form_means_one_thing(url: str, meaning: StoreUrl) -> None:
    assert parse(url) == meaning


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("", "begins with redis://"),
        ("sesame", "begins with redis://"),
        ("http://sesame", "begins with redis://"),
        ("REDIS://sesame", "begins with redis://"),
        ("redis://h/#sesame", "begins with redis://"),
        ("redis://", "is not host or host:port"),
        ("redis://h:0", "a port from 1 to 65535"),
        ("redis://h:99999", "a port from 1 to 65535"),
        ("redis://:ses/ame@h", "write / ? # @ as"),
        ("redis://:sesame", "is not host or host:port"),
        ("redis://a,b", "several hosts need"),
        ("redis://h/sesame", "is not a number"),
        ("redis://h/1/2", "more than one database"),
        ("redis://h/1?db=2", "more than one database"),
        ("redis://h?sesame=1", "has an option other than db"),
        ("redis://h?db=", "one without a value"),
        ("redis://h?ssl_ca_certs=/sesame", "has an option other than db"),
        ("unix://h/s", "has no host and an absolute path"),
        ("unix://", "has no host and an absolute path"),
        ("unix:///", "has no host and an absolute path"),
        ("redis+cluster://h/1", "a cluster has no databases"),
        ("redis+cluster://h?db=1", "a cluster has no databases"),
        ("redis+cluster://h,", "is not host or host:port"),
        ("redis+sentinel://h", "names the master"),
        ("redis+sentinel://h/main/x", "is not a number"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_repeated(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)) as refused:
        parse(url)
    assert "sesame" not in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for url in (text, f"redis://{text}", f"redis+sentinel://{text}/m", f"redis://h{text}"):
        with suppress(ValueError):
            assert parse(url).address


def test_a_log_may_show_the_address_and_no_password() -> None:
    url = parse("redis+sentinel://me:sesame@[::1]:1,b/main?sentinel_password=sesame")
    assert url.address == "[::1]:1,b:26379 (main)"
    assert "sesame" not in repr(url)
    assert parse("unix:///s").address == "/s"
    assert parse("redis://h").address == "h:6379"
