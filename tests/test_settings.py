"""Settings: every option from the command line or the environment, and one clear line for what cannot be used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gw_extproc.core.dialects import DIALECTS
from gw_extproc.core.events import PROFILES
from gw_extproc.settings import DIALECTS as CHOICES
from gw_extproc.settings import Settings, SettingsError, parse_upstream, worker_addresses


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"GW_{name.upper()}" for name in Settings.model_fields} | {"MODEL_ENDPOINT", "API_KEY"}
    for name in names:
        monkeypatch.delenv(name, raising=False)


def test_the_defaults() -> None:
    made = Settings.read({})
    assert (made.host, made.port, made.upstream, made.upstream_api_key) == ("127.0.0.1", 8080, None, None)
    assert (made.dialect, made.workers, made.max_body, made.log_level) == ("auto", 1, 64 * 1024 * 1024, "info")
    assert (made.unsupported_tools, made.wire_profile, made.grpc) == ("omit", "openai", "127.0.0.1:50051")


def test_dialects_and_profiles_are_those_of_the_core() -> None:
    assert set(CHOICES) == {"auto", *DIALECTS}
    for name in PROFILES:
        assert Settings.read({"wire_profile": name}).wire_profile == name


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GW_PORT", "9000")
    monkeypatch.setenv("GW_MAX_BODY", "1MiB")
    monkeypatch.setenv("GW_HOST", "")
    made = Settings.read({"port": "9001"})
    assert (made.port, made.max_body, made.host) == (9001, 1024 * 1024, "127.0.0.1")


def test_older_names_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ENDPOINT", "http://old/v1")
    monkeypatch.setenv("API_KEY", "old-key")
    made = Settings.read({})
    assert made.upstream == "http://old/v1"
    assert made.upstream_api_key is not None
    assert made.upstream_api_key.get_secret_value() == "old-key"
    assert "old-key" not in repr(made)
    monkeypatch.setenv("GW_UPSTREAM", "http://new/v1")
    assert Settings.read({}).upstream == "http://new/v1"


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"port": "http"}, "--port (GW_PORT): "),
        ({"port": 70000}, "--port (GW_PORT): "),
        ({"dialect": "vendor"}, "--dialect (GW_DIALECT): "),
        ({"workers": 0}, "--workers (GW_WORKERS): "),
        ({"max_body": "much"}, "--max-body (GW_MAX_BODY): "),
        ({"upstream": "localhost:11434"}, "--upstream (GW_UPSTREAM): 'localhost:11434' is not a base URL"),
        ({"grpc": "50051"}, "--grpc (GW_GRPC): expected host:port or unix:/path"),
        ({"grpc": "host:0"}, "--grpc (GW_GRPC): expected host:port or unix:/path"),
        ({"grpc": "unix:relative"}, "--grpc (GW_GRPC): a unix socket is written unix:/absolute/path"),
    ],
)
def test_a_bad_setting_gets_one_line_with_its_names(given: dict[str, object], start: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read(given)
    assert str(caught.value).startswith(start)
    assert "\n" not in str(caught.value)


def test_a_bad_setting_of_an_older_name_is_told_by_the_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ENDPOINT", "ftp://x")
    with pytest.raises(SettingsError, match=r"^--upstream \(GW_UPSTREAM\): 'ftp://x' is not a base URL"):
        Settings.read({})


@pytest.mark.parametrize("grpc", ["127.0.0.1:50051", "[::1]:1", "unix:/run/gateway.sock"])
def test_the_processor_listens_on_a_port_or_a_socket(grpc: str) -> None:
    assert Settings.read({"grpc": grpc}).grpc == grpc


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("http://127.0.0.1:11434/v1", "127.0.0.1", 11434, "/v1", "127.0.0.1:11434"),
        ("https://api.openai.com/v1/", "api.openai.com", 443, "/v1", "api.openai.com"),
        ("https://openrouter.ai:443/api/v1", "openrouter.ai", 443, "/api/v1", "openrouter.ai"),
        ("http://host", "host", 80, "", "host"),
        ("http://[::1]:8000/v1", "::1", 8000, "/v1", "[::1]:8000"),
    ],
)
def test_an_upstream_is_a_base_url(url: str, host: str, port: int, path: str, authority: str) -> None:
    made = parse_upstream(url)
    assert (made.host, made.port, made.base_path, made.authority) == (host, port, path, authority)
    assert made.url == f"{made.scheme}://{authority}{path}"
    assert parse_upstream(made.url) == made


@pytest.mark.parametrize(
    "url", ["", "v1", "ftp://host/v1", "http://", "http://host:port/v1", "http://[::1", "http://host/v1?a=b", "http://me:key@host/v1"]
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^upstream: "):
        parse_upstream(url)


@given(st.text(max_size=30) | st.text("htps:/[]@.?#0123456789v", max_size=30).map("http://{}".format))
def test_any_text_is_an_upstream_or_refused(url: str) -> None:
    try:
        made: Any = parse_upstream(url)
    except SettingsError:
        return
    assert made.host
    assert 0 < made.port < 65536


def test_each_worker_has_an_address() -> None:
    assert worker_addresses("127.0.0.1:1", 2) == ["127.0.0.1:1"] * 2
    assert worker_addresses("unix:/a", 1) == ["unix:/a"]
    assert worker_addresses("unix:/a", 2) == ["unix:/a.0", "unix:/a.1"]
