"""How settings are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core import notation
from gw_extproc.core.notation import Duration


@pytest.mark.parametrize(
    ("text", "seconds", "shown"),
    [
        ("30d", 2_592_000, "30d"),
        ("36h", 129_600, "36h"),
        ("48h", 172_800, "2d"),
        ("90", 90, "90s"),
        ("60s", 60, "1m"),
        ("45m", 2_700, "45m"),
    ],
)
def test_a_duration_is_whole_seconds(text: str, seconds: int, shown: str) -> None:
    assert notation.duration(text) == seconds
    assert str(notation.duration(text)) == shown


@given(st.integers(1, 36_500 * 86_400))
def test_a_duration_is_read_as_it_is_shown(seconds: int) -> None:
    assert notation.duration(str(Duration(seconds))) == seconds


@pytest.mark.parametrize("text", ["", "0", "0d", "-1d", "1.5h", "1w", "d", "36501d", "1d ", "\u0661d"])
def test_another_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a time such as 30d, 12h, 45m or 90s, not "):
        notation.duration(text)


@pytest.mark.parametrize("text", ["127.0.0.1:50051", "[::1]:1", "host:65535", "unix:/run/gw.sock"])
def test_an_address_is_a_host_and_port_or_a_socket(text: str) -> None:
    assert notation.address(text) == text


@pytest.mark.parametrize("text", ["", "host", ":1", "host:0", "host:65536", "::1:1", "http://host:1", "unix:relative", "unix:"])
def test_another_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(expected host:port or unix:/path, not |a unix socket is written unix:/absolute/path)"):
        notation.address(text)


def test_a_header_is_named_in_lower_case() -> None:
    assert notation.header("X-User") == "x-user"
    with pytest.raises(ValueError, match="expected the name of a header"):
        notation.header("x:user")


def test_names_stand_for_targets() -> None:
    assert notation.names("gpt-5=qwen3:8b, mini = llama ,") == {"gpt-5": "qwen3:8b", "mini": "llama"}
    assert notation.names("") == {}


@pytest.mark.parametrize("text", ["name", "=target", "name=", "a=b,c"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected name=target,name=target"):
        notation.names(text)


def test_a_name_stands_for_one_target() -> None:
    with pytest.raises(ValueError, match="a name stands twice in it"):
        notation.names("a=b,a=c")


@pytest.mark.parametrize("text", ["sixteen-characters", "whsec_c2l4dGVlbi1jaGFyYWN0ZXJz", "whsec_c2l4dGVlbi1jaGFyYWN0ZQ=="])
def test_a_signing_secret_is_long_or_encoded(text: str) -> None:
    assert notation.signing_secret(text) == text


@pytest.mark.parametrize("text", ["", "too-short", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64, but long"])
def test_another_secret_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is not shown") as refused:
        notation.signing_secret(text)
    assert not text or text not in str(refused.value) or text == "whsec_"
