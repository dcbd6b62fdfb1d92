"""A configuration that was kept is the one that would be made."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from gw_extproc.local import envoy_kept, plan
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.workers import Listening
from gw_extproc.settings import Settings

GIVEN: list[dict[str, object]] = [
    {"upstream": "http://127.0.0.1:11434/v1"},
    {"upstream": "http://127.0.0.1:65533/v1"},
    {"upstream": "http://127.0.0.1:80/v1", "port": 0},
    {"upstream": "http://localhost:11434", "port": 65533},
    {"upstream": "https://openrouter.ai/api/v1", "upstream_api_key": "a-secret", "workers": 2},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "gw-extproc"


def planned(given: dict[str, object], directory: Path) -> plan.Plan:
    settings = Settings.read(given)
    assert settings.upstream is not None
    sockets = [f"unix:{directory}/worker-{number}.sock" for number in range(settings.workers)]
    places = Listening(sockets, [f"{socket}.http" for socket in sockets])
    return plan.private(settings, settings.upstream, places, f"unix:{directory}/admin.sock", f"unix:{directory}/egress.sock")


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


@pytest.mark.parametrize("given", GIVEN, ids=str)
def test_made_or_kept_it_is_the_same(given: dict[str, object], folder: Path) -> None:
    for directory in (Path("/tmp/one"), Path('/tmp/an "other" one')):
        wanted = planned(given, directory)
        assert json.loads(envoy_kept.configuration(wanted, directory)) == as_json(bootstrap_of(wanted))
    (file,) = kept(folder)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "a-secret" not in file.read_text()


def test_another_port_of_the_model_server_is_the_same_configuration(folder: Path) -> None:
    for port in (8001, 8002):
        wanted = planned({"upstream": f"http://127.0.0.1:{port}/v1"}, folder)
        assert json.loads(envoy_kept.configuration(wanted, folder)) == as_json(bootstrap_of(wanted))
    assert len(kept(folder)) == 1


@pytest.mark.parametrize("broken", ["", "{", "no JSON"])
def test_what_is_broken_is_made_again(broken: str, folder: Path) -> None:
    wanted = planned(GIVEN[0], folder)
    text = envoy_kept.configuration(wanted, folder)
    (file,) = kept(folder)
    file.write_text(broken)
    assert envoy_kept.configuration(wanted, folder) == text
    assert file.read_text() != broken


def test_old_ones_go(folder: Path) -> None:
    folder.mkdir()
    for age in range(10):
        old = folder / f"envoy-{age}.json"
        old.touch()
        os.utime(old, (1000 - age, 1000 - age))
    envoy_kept.configuration(planned(GIVEN[0], folder), folder)
    assert {file.name for file in kept(folder)} > {f"envoy-{age}.json" for age in range(7)}
    assert len(kept(folder)) == 8


def test_where_nothing_can_be_kept_it_is_made_every_time(folder: Path) -> None:
    folder.write_text("in the way")
    wanted = planned(GIVEN[0], folder)
    assert json.loads(envoy_kept.configuration(wanted, folder)) == as_json(bootstrap_of(wanted))
