"""The configuration that `run` uses and `envoy-config` prints: the real Envoy accepts it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gw_extproc.local import plan, printed_config
from gw_extproc.local.commented_yaml import CommentedYaml
from gw_extproc.local.envoy_binary import binary, complaint
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.settings import Settings

ENVIRONMENTS: list[dict[str, object]] = [
    {},
    {"upstream": "http://127.0.0.1:11434/v1"},
    {"upstream": "http://localhost:11434", "host": "::1", "port": 0},
    {"upstream": "http://[::1]:8000/v1", "host": "::", "workers": 2, "grpc": "unix:/tmp/gw.sock"},
    {"upstream": "https://openrouter.ai/api/v1", "upstream_api_key": "a-secret", "grpc": "processor:50051"},
    {"upstream": "https://192.0.2.7:8443/v1", "grpc": "[::1]:50051", "workers": 3, "http": "unix:/tmp/http.sock"},
    {"otlp_endpoint": "http://127.0.0.1:4318", "trace_sample": 0.25},
    {"otlp_endpoint": "https://collector.example.com/otlp"},
    {"upstream": "http://model:8000/v1", "http": "processor:8081", "egress": "unix:/tmp/egress.sock"},
]


@pytest.mark.parametrize("given", ENVIRONMENTS, ids=str)
async def test_envoy_accepts_it(given: dict[str, object]) -> None:
    planned = replace(plan.printed(Settings.read(given)), ca_file=plan.ca_file())
    assert await complaint(binary(), as_json(bootstrap_of(planned))) is None


async def test_envoy_complains_of_another() -> None:
    found = await complaint(binary(), {"static_resources": {"listener": []}})
    assert found is not None
    assert "static_resources" in found


@pytest.mark.parametrize("given", ENVIRONMENTS[1:4], ids=str)
def test_envoy_accepts_the_printed_text(given: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "envoy.yaml"
    path.write_text(printed_config.complete(Settings.read(given)))
    subprocess.run([binary(), "--mode", "validate", "-c", path, "-l", "error"], check=True, capture_output=True)


def test_the_printed_text_has_no_key_and_says_where_it_comes_from() -> None:
    text = printed_config.complete(Settings.read({"upstream": "https://a.example/v1", "upstream_api_key": "a-secret"}))
    assert "a-secret" not in text
    assert 'value: "Bearer %ENVIRONMENT(GW_UPSTREAM_API_KEY)%"' in text
    assert "GW_UPSTREAM_API_KEY" not in printed_config.complete(Settings.read({"upstream": "https://a.example/v1"}))


def test_the_base_path_replaces_v1() -> None:
    text = printed_config.complete(Settings.read({"upstream": "https://a.example/api/v9"}))
    assert "prefix_rewrite: /api/v9/" in text
    assert "prefix_rewrite: /\n" in printed_config.complete(Settings.read({"upstream": "https://a.example"}))


def test_the_gateways_own_calls_enter_where_serve_sends_them() -> None:
    text = printed_config.complete(Settings.read({"upstream": "https://a.example/api/v1"}))
    assert "--egress http://127.0.0.1:8082/api/v1 " in text
    assert "port_value: 8082\n" in text
    assert plan.printed(Settings.read({"egress": "http://[::1]:9000/v1"})).egress == "[::1]:9000"
    assert plan.printed(Settings.read({"egress": "unix:/run/egress.sock"})).egress == "unix:/run/egress.sock"


def test_each_worker_has_an_http_address() -> None:
    assert plan.printed(Settings.read({"http": "unix:/run/http.sock", "workers": 2})).http == (
        "unix:/run/http.sock.0",
        "unix:/run/http.sock.1",
    )


def test_the_filter_alone_names_the_path_and_its_cluster() -> None:
    text = printed_config.filter_only(Settings.read({"upstream": "https://a.example/api/v1", "grpc": "unix:/run/gw.sock"}))
    assert "/api/v1/chat/completions" in text
    assert "everything but WebSocket" in text
    assert "path: /run/gw.sock" in text
    assert "listeners" not in text
    assert "\n    disabled: true" not in text


def test_every_comment_finds_its_place() -> None:
    settings = Settings.read({"upstream": "https://a.example/v1", "upstream_api_key": "a-secret", "otlp_endpoint": "http://a:4318"})
    writer = CommentedYaml(printed_config.COMMENTS)
    writer.text(as_json(bootstrap_of(plan.printed(settings))))
    assert writer.unused == set()


def test_workers_that_share_a_port_are_one_endpoint() -> None:
    planned = plan.printed(Settings.read({"workers": 4}))
    assert planned.processors == ("127.0.0.1:50051",)


def test_certificates_come_from_where_openssl_was_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert plan.ca_file() == str(bundle)
