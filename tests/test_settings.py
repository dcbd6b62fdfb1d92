"""Settings: every option from the command line or the environment, and one clear line for what cannot be used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gw_extproc.core.dialects import DIALECTS
from gw_extproc.core.events import PROFILES
from gw_extproc.local.environment import environment
from gw_extproc.settings import ModelCalls, Settings, SettingsError, parse_upstream, worker_addresses


def test_the_defaults() -> None:
    made = Settings.read({})
    assert (made.host, made.port, made.upstream, made.upstream_api_key) == ("127.0.0.1", 8080, None, None)
    assert (made.dialect, made.workers, made.max_body, made.log_level) == ("auto", 1, 64 * 1024 * 1024, "info")
    assert (made.unsupported_tools, made.wire_profile, made.on_disconnect) == ("omit", "openai", "cancel")
    assert (made.grpc, made.http, made.egress) == ("127.0.0.1:50051", "127.0.0.1:8081", None)
    assert (made.store, made.data_dir, made.retention) == ("embedded", None, 30 * 24 * 3600)
    assert (made.store_timeout, made.store_retries, made.given_secrets) == (2.0, 2, ())
    assert (made.tenant, made.tenant_header, made.model_aliases) == (None, None, {})


def test_dialects_and_profiles_are_those_of_the_core() -> None:
    for name in ("auto", *DIALECTS):
        assert Settings.read({"dialect": name}).dialect == name
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
    assert made.upstream == parse_upstream("http://old/v1")
    assert made.upstream_api_key is not None
    assert made.upstream_api_key.get_secret_value() == "old-key"
    assert "old-key" not in repr(made)
    monkeypatch.setenv("GW_UPSTREAM", "http://new/v1")
    assert Settings.read({}).upstream == parse_upstream("http://new/v1")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"port": "http"}, "--port (GW_PORT): expected a whole number, not 'http'"),
        ({"port": "9" * 5000}, "--port (GW_PORT): expected a whole number, not '999999999999...9999999999999'"),
        ({"port": 70000}, "--port (GW_PORT): expected 65535 or less, not 70000"),
        ({"workers": "0"}, "--workers (GW_WORKERS): expected 1 or more, not '0'"),
        ({"max_body": "0"}, "--max-body (GW_MAX_BODY): expected 1 or more, not '0'"),
        (
            {"upstream": "http://h/v1/chat/completions"},
            "--upstream (GW_UPSTREAM): the base URL is http://h/v1: the gateway adds /chat/completions itself",
        ),
        ({"drain_timeout": "long"}, "--drain-timeout (GW_DRAIN_TIMEOUT): expected a number, not 'long'"),
        ({"drain_timeout": "inf"}, "--drain-timeout (GW_DRAIN_TIMEOUT): expected a number, not 'inf'"),
        ({"max_body": "much"}, "--max-body (GW_MAX_BODY): expected a size such as 64MiB, not 'much'"),
        ({"max_body": "64 miles"}, "--max-body (GW_MAX_BODY): expected a size such as 64MiB, not '64 miles'"),
        ({"wire_profile": "own"}, "--wire-profile (GW_WIRE_PROFILE): expected one of openai, open-responses, not 'own'"),
        (
            {"upstream": "localhost:11434"},
            "--upstream (GW_UPSTREAM): 'localhost:11434' is not a base URL such as http://127.0.0.1:11434/v1",
        ),
        ({"grpc": "50051"}, "--grpc (GW_GRPC): expected host:port or unix:/path, not '50051'"),
        ({"grpc": "host:0"}, "--grpc (GW_GRPC): expected host:port or unix:/path, not 'host:0'"),
        ({"grpc": "http://h:50051"}, "--grpc (GW_GRPC): expected host:port or unix:/path, not 'http://h:50051'"),
        ({"grpc": "::1:50051"}, "--grpc (GW_GRPC): expected host:port or unix:/path, not '::1:50051'"),
        ({"grpc": "unix:relative"}, "--grpc (GW_GRPC): a unix socket is written unix:/absolute/path"),
        ({"http": "8081"}, "--http (GW_HTTP): expected host:port or unix:/path, not '8081'"),
        ({"egress": "unix:relative"}, "--egress (GW_EGRESS): a unix socket is written unix:/absolute/path"),
        (
            {"egress": "https://127.0.0.1:8082/v1"},
            "--egress (GW_EGRESS): expected http://host:port, with or without the upstream's base path, or unix:/path",
        ),
        ({"data_dir": ""}, "--data-dir (GW_DATA_DIR): expected a directory"),
        ({"data_dir": "~nobody-here/x"}, "--data-dir (GW_DATA_DIR): it is not known where the home of '~nobody-here/x' is"),
        ({"retention": "30 days"}, "--retention (GW_RETENTION): expected a time such as 30d, 12h, 45m or 90s, not '30 days'"),
        ({"retention": "0"}, "--retention (GW_RETENTION): expected a time such as 30d, 12h, 45m or 90s, not '0'"),
        ({"store_timeout": "0"}, "--store-timeout (GW_STORE_TIMEOUT): expected more than 0, not '0'"),
        ({"store_retries": "many"}, "--store-retries (GW_STORE_RETRIES): expected a whole number, not 'many'"),
        ({"tenant_header": "x user"}, "--tenant-header (GW_TENANT_HEADER): expected the name of a header, not 'x user'"),
        ({"tenant_header": ""}, "--tenant-header (GW_TENANT_HEADER): expected the name of a header, not ''"),
        ({"tenant": " "}, "--tenant (GW_TENANT): expected a name"),
        (
            {"tenant": "us", "tenant_header": "x-user"},
            "--tenant (GW_TENANT): cannot be given together with --tenant-header (GW_TENANT_HEADER)",
        ),
        ({"on_disconnect": "wait"}, "--on-disconnect (GW_ON_DISCONNECT): expected one of cancel, finish, not 'wait'"),
        ({"background_lease": "0.1"}, "--background-lease (GW_BACKGROUND_LEASE): expected 0.2 or more, not '0.1'"),
        ({"background_queue": "0"}, "--background-queue (GW_BACKGROUND_QUEUE): expected 1 or more, not '0'"),
        (
            {"webhook_url": "app/hook", "webhook_secret": "sixteen-characters"},
            "--webhook-url (GW_WEBHOOK_URL): 'app/hook' is not a URL such as https://app.example.com/webhooks",
        ),
        (
            {"webhook_url": "https://app/hook"},
            "--webhook-secret (GW_WEBHOOK_SECRET): it and --webhook-url (GW_WEBHOOK_URL) need each other",
        ),
        (
            {"webhook_secret": "sixteen-characters"},
            "--webhook-secret (GW_WEBHOOK_SECRET): it and --webhook-url (GW_WEBHOOK_URL) need each other",
        ),
        (
            {"webhook_url": "https://app/hook", "webhook_secret": "short"},
            "--webhook-secret (GW_WEBHOOK_SECRET): expected 16 characters or more (it is not shown)",
        ),
        (
            {"otlp_endpoint": "http://me:secret@collector:4318"},
            "--otlp-endpoint (GW_OTLP_ENDPOINT): expected a base URL such as http://127.0.0.1:4318, without credentials",
        ),
        (
            {"otlp_endpoint": "collector:4317"},
            "--otlp-endpoint (GW_OTLP_ENDPOINT): expected a base URL such as http://127.0.0.1:4318, without credentials",
        ),
        ({"trace_sample": "2"}, "--trace-sample (GW_TRACE_SAMPLE): expected 1 or less, not '2'"),
        ({"log_bodies": "all"}, "--log-bodies (GW_LOG_BODIES): expected one of never, redacted, not 'all'"),
        ({"inspector": "content", "admin_port": "0"}, "--inspector (GW_INSPECTOR): content needs --admin-port, which is 0"),
        ({"model_aliases": "a=b,c"}, "--model-aliases (GW_MODEL_ALIASES): expected name=target,name=target, not 'a=b,c'"),
        ({"model_aliases": "a=b,a=c"}, "--model-aliases (GW_MODEL_ALIASES): a name stands twice in it"),
    ],
)
def test_a_bad_setting_gets_one_line_with_its_names(given: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read(given)
    assert str(caught.value) == line


@given(st.sampled_from(list(Settings.model_fields)), st.text("0123456789.-+einfa _", max_size=12) | st.text(max_size=30))
@example("max_body", "")
def test_any_text_is_a_setting_or_refused_in_one_line(name: str, text: str) -> None:
    line = refusal(name, text)
    assert line is None or line.startswith(f"--{name.replace('_', '-')} (GW_{name.upper()}): ")
    assert "\n" not in (line or "")


def refusal(name: str, text: str) -> str | None:
    try:
        Settings.read({name: text})
    except SettingsError as refused:
        return str(refused)
    return None


def test_a_key_loses_the_end_of_its_line() -> None:
    key = Settings.read({"upstream_api_key": " sk-secret\n"}).upstream_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-secret"


@pytest.mark.parametrize("key", ["", " \n", "sk-secret\nsecond", "sk-secret\u2026", "sk-secret\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"upstream_api_key": key})
    line = "--upstream-api-key (GW_UPSTREAM_API_KEY): expected printable ASCII characters (the key is not shown)"
    assert str(caught.value) == line


@pytest.mark.parametrize("url", ["http://me:secret@host/v1", "ftp://secret@h", "http://me:sec/ret@host", "http://host/v1?key=secret"])
def test_a_secret_in_an_upstreams_url_is_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"upstream": url})
    assert str(caught.value).endswith(": a base URL has no user, query or fragment; give the key as --upstream-api-key")


def test_the_collector_is_also_found_by_opentelemetrys_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/")
    assert Settings.read({}).otlp_endpoint == "http://collector:4318"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")
    with pytest.raises(SettingsError, match=r"^--otlp-endpoint \(GW_OTLP_ENDPOINT\): expected a base URL"):
        Settings.read({})


@pytest.mark.parametrize("secrets", ["", ",", "too-short-a-one", "a-long-enough-secret,short"])
def test_a_short_secret_is_refused_and_not_shown(secrets: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"secrets": secrets})
    words = "expected secrets of 16 characters or more, separated by commas (they are not shown)"
    assert str(caught.value) == f"--secrets (GW_SECRETS): {words}"


def test_the_first_secret_comes_first() -> None:
    made = Settings.read({"secrets": " secret-number-one-, secret-number-two-\n"})
    assert made.given_secrets == ("secret-number-one-", "secret-number-two-")
    assert "number" not in repr(made)


@pytest.mark.parametrize("url", ["http://me:secret@h", "redis://me:sec/ret@h:1", "redis://me:secret@h:port", "secret"])
def test_a_store_that_is_none_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.read({"store": url})
    assert str(caught.value).startswith("--store (GW_STORE): it is neither `embedded` nor the URL of a store: ")
    assert "sec" not in str(caught.value)


def test_a_stores_password_is_not_shown() -> None:
    made = Settings.read({"store": "redis://me:passw0rd@host/1"})
    assert made.store == "redis://me:passw0rd@host/1"
    assert "passw0rd" not in repr(made)


def test_a_directory_is_absolute_wherever_a_child_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    assert Settings.read({"data_dir": "~/data"}).data_dir == Path("/home/me/data")
    assert Settings.read({"data_dir": "data"}).data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ({}, None),
        ({"upstream": "http://host/api"}, ModelCalls("http://host/api")),
        ({"upstream": "http://host/api", "egress": "http://127.0.0.1:8082/api"}, ModelCalls("http://127.0.0.1:8082/api")),
        ({"upstream": "http://host/api", "egress": "http://127.0.0.1:8082"}, ModelCalls("http://127.0.0.1:8082/api")),
        ({"upstream": "http://host/api", "egress": "unix:/run/egress.sock"}, ModelCalls("http://egress/api", "/run/egress.sock")),
        ({"egress": "unix:/run/egress.sock"}, ModelCalls("http://egress/v1", "/run/egress.sock")),
    ],
)
def test_own_model_calls_go_to_the_egress_or_the_upstream(given: dict[str, object], calls: ModelCalls | None) -> None:
    assert Settings.read(given).model_calls == calls


def test_children_get_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GW_PORT", "1")
    given = {"upstream": "https://host:8443/api/v1/", "upstream_api_key": "sk-secret", "max_body": "1MiB", "port": "2"}
    stored = {"store": "redis://me:secret@host", "data_dir": "/data", "retention": "36h", "secrets": "secret-number-one-"}
    others = {"egress": "unix:/egress.sock", "tenant_header": "X-User", "model_aliases": "a=b, c=d:e"}
    told = {"webhook_url": "https://app/hook", "webhook_secret": "whsec_c2l4dGVlbi1jaGFyYWN0ZXJz", "background_lease": "7"}
    made = Settings.read({**given, **stored, **others, **told})
    for name, value in environment(made).items():
        monkeypatch.setenv(name, value)
    assert Settings.read({}) == made
    assert made.model_aliases == {"a": "b", "c": "d:e"}


def test_without_an_upstream_its_paths_are_openais() -> None:
    assert Settings.read({}).base_path == "/v1"
    assert Settings.read({"upstream": "http://host/api"}).base_path == "/api"


def test_the_dialect_is_the_one_that_was_named_or_the_hosts() -> None:
    made = {"upstream": "https://api.deepseek.com/v1"}
    assert Settings.read({}).upstream_dialect.name == "generic"
    assert Settings.read(dict(made)).upstream_dialect.name == "deepseek"
    assert Settings.read({**made, "dialect": "openai"}).upstream_dialect.name == "openai"


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
    with pytest.raises(SettingsError):
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
