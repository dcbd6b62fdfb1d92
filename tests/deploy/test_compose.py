"""docker-compose.yaml and the Dockerfile are what Compose takes, and ask of the program what the program has."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from gw_extproc import __version__
from gw_extproc.cli import _COMMANDS  # the program's own table of commands
from gw_extproc.local import plan
from gw_extproc.local.envoy_binary import binary, version
from gw_extproc.options import options
from gw_extproc.settings import Settings
from tests.deploy.files import ROOT, compose, filled, image, instructions
from tests.valkey import BINARY as VALKEY

SCHEMA = json.loads(Path(__file__).with_name("compose-spec.json").read_text())
SERVICES: Any = compose(COMPOSE_PROFILES="observability")["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
OPTIONS = {option.flag: option for option in options()}
VARIABLES = {variable for option in options() for variable in option.variables}
COMMANDS = {command.name for command in _COMMANDS}
LISTENING = {"envoy": {8080, 8082}, "gateway": {50051, 8081, 9090}, "store": {6379}, "model": {8000}, "prometheus": {9090}}
LISTENING |= {"grafana": {3000}, "jaeger": {16686, 4318}}
"""Ports inside the containers: of the first five the tests below say why, the last two are what these programs are known for."""


def test_variables_are_filled_as_compose_does() -> None:
    text = "${A:-${B:+c}} ${A} ${B:-d}"
    assert filled(text, {}) == "  d"
    assert filled(text, {"A": "a"}) == "a a d"
    assert filled(text, {"B": "b"}) == "c  b"


@pytest.mark.parametrize("variables", [{}, {"COMPOSE_PROFILES": "observability"}], ids=["plain", "observability"])
def test_the_specification_takes_the_file(variables: dict[str, str]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(compose(**variables))


def test_the_specification_refuses_another() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate({"services": {"a": {"image": "a", "port": [1]}}})


def test_only_the_profile_adds_what_observes() -> None:
    observing = {name for name, service in SERVICES.items() if service.get("profiles") == ["observability"]}
    assert observing == {"prometheus", "grafana", "jaeger"}
    assert {service.get("profiles", ["observability"])[0] for service in SERVICES.values()} == {"observability"}


def test_traces_go_to_the_jaeger_of_the_profile_or_elsewhere_or_nowhere() -> None:
    def endpoint(**variables: str) -> object:
        return compose(**variables)["services"]["gateway"]["environment"]["GW_OTLP_ENDPOINT"]

    assert endpoint() is None
    assert endpoint(COMPOSE_PROFILES="observability") == "http://jaeger:4318"
    assert endpoint(COMPOSE_PROFILES="observability", GW_OTLP_ENDPOINT="http://there:4318") == "http://there:4318"


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_names_exists(name: str) -> None:
    service, file = SERVICES[name], compose()
    assert set(service.get("depends_on", ())) <= set(SERVICES)
    assert set(service.get("networks", ())) <= set(file["networks"])
    for source, target, *_ in (volume.split(":") for volume in service.get("volumes", ())):
        assert source in file["volumes"] or (ROOT / source).is_dir(), source
        assert target.startswith("/")
    for at, condition in _conditions(service):
        ends = condition == "service_completed_successfully"
        assert ends or "test" in SERVICES[at].get("healthcheck", {}) or at == "gateway", f"{at} has no health check"


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+(\.\d+)?[\w.-]*", SERVICES[name]["image"])


def test_our_image_is_of_this_version() -> None:
    assert {SERVICES[name]["image"] for name in OURS} == {f"gw-extproc:{__version__}"}


def test_envoy_and_store_are_those_that_the_tests_run_with() -> None:
    assert SERVICES["envoy"]["image"].endswith(":v" + ".".join(map(str, _embedded_envoy())))
    told = _printed(VALKEY, "--version")
    assert f" v={SERVICES['store']['image'].partition(':')[2].removesuffix('-alpine')} " in told


@pytest.mark.parametrize("name", OURS)
def test_our_services_use_options_that_exist(name: str) -> None:
    service = SERVICES[name]
    line = [*service.get("entrypoint", image()["entrypoint"]), *service.get("command", ())]
    assert _mentioned(" ".join(line)) or line[:3] == ["python", "-m", "gw_extproc.local.demo_model"]
    assert set(re.findall(r"--[a-z-]+", " ".join(line))) <= {*OPTIONS, "--host", "--port"}
    assert {variable for variable in service.get("environment", {}) if variable.startswith("GW_")} <= VARIABLES


@pytest.mark.parametrize("path", ["docker-compose.yaml", "Dockerfile", "docs/deploying.md"])
def test_every_variable_and_option_that_is_mentioned_exists(path: str) -> None:
    text = (ROOT / path).read_text()
    assert set(re.findall(r"\bGW_[A-Z_]+\b", text)) <= VARIABLES
    assert set(re.findall(r"`gw-extproc ([a-z-]+)\b", text)) <= COMMANDS


@pytest.mark.parametrize("name", ["envoy-config", "gateway"])
def test_the_settings_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        monkeypatch.setenv(variable, str(value or ""))
    settings = Settings.read({})
    assert settings.upstream is not None
    if name == "gateway":
        assert settings.model_calls is not None
        assert settings.model_calls.url == "http://envoy:8082/v1"
        return
    planned = plan.printed(settings)
    assert planned.tracing is not None
    assert planned.tracing.collector.url == "http://jaeger:4318"
    assert set(SERVICES["envoy"]["networks"]) & set(SERVICES["jaeger"]["networks"])
    assert (planned.host, planned.port, planned.egress) == ("0.0.0.0", 8080, "0.0.0.0:8082")
    assert (planned.processors, planned.http) == (("gateway:50051",), ("gateway:8081",))


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_those_at_which_somebody_listens(name: str) -> None:
    published = [port.rpartition(":")[2] for port in SERVICES[name].get("ports", ())]
    assert {int(port) for port in published} <= LISTENING.get(name, set())
    for host in (port.rpartition(":")[0] for port in SERVICES[name].get("ports", ())):
        assert host.startswith("127.0.0.1:"), "nothing is open to other machines by itself"


def test_addresses_lead_to_a_service_in_a_network_of_the_caller() -> None:
    for name, service in SERVICES.items():
        for value in map(str, service.get("environment", {}).values()):
            url = urlsplit(value if "://" in value else f"tcp://{value}")
            if url.hostname is not None and url.hostname in SERVICES and name != "envoy-config":
                assert url.port in LISTENING[url.hostname]
                assert set(service["networks"]) & set(SERVICES[url.hostname]["networks"]), f"{name} cannot reach {url.hostname}"


def test_nobody_but_envoy_and_prometheus_shares_a_closed_network_with_the_gateway() -> None:
    inside = {network for network, about in compose()["networks"].items() if about and about.get("internal")}
    assert {name for name, service in SERVICES.items() if "processor" in service.get("networks", ())} == {"envoy", "gateway"}
    assert {name for name, service in SERVICES.items() if "state" in service.get("networks", ())} == {"store", "gateway"}
    assert inside == {"processor", "state"}


def test_prometheus_asks_where_the_metrics_are() -> None:
    service = SERVICES["prometheus"]
    files = {target: source for source, target, _ in (volume.split(":") for volume in service["volumes"] if volume.endswith(":ro"))}
    config = next(argument.partition("=")[2] for argument in service["command"] if argument.startswith("--config.file="))
    folder, _, file = config.rpartition("/")
    read = yaml.safe_load((ROOT / files[folder] / file).read_text())
    assert all((ROOT / files[folder] / rules).is_file() for rules in read["rule_files"])
    (scraped,) = read["scrape_configs"]
    (found,) = scraped["dns_sd_configs"]
    environment = SERVICES["gateway"]["environment"]
    assert (found["names"], str(found["port"])) == (["gateway"], environment["GW_ADMIN_PORT"])
    assert environment["GW_ADMIN_HOST"] == "0.0.0.0"


def test_grafana_finds_its_files_and_sources() -> None:
    files = dict(reversed(volume.split(":")[:2]) for volume in SERVICES["grafana"]["volumes"])
    provisioning = ROOT / files["/etc/grafana/provisioning"]
    (provider,) = yaml.safe_load((provisioning / "dashboards/dashboards.yaml").read_text())["providers"]
    dashboards = ROOT / files[provider["options"]["path"]]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (dashboards / Path(home).name).is_file()
    assert Path(home).parent == Path(provider["options"]["path"])
    for source in yaml.safe_load((provisioning / "datasources/datasources.yaml").read_text())["datasources"]:
        url = urlsplit(source["url"])
        assert url.port in LISTENING[str(url.hostname)]


def test_the_image_is_made_of_what_is_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from="):
            *sources, _ = rest.split()
            assert all((ROOT / source).exists() and f"!{source}" in ignored for source in sources)
        if name == "FROM":
            assert re.match(r"python:3\.\d+-", rest)
    assert image()["command"][0] in COMMANDS
    assert {name for name in image()["environment"] if name.startswith("GW_")} <= VARIABLES
    assert not image()["user"].startswith(("0", "root"))
    assert image()["ports"] == LISTENING["gateway"] | {8080}


def test_the_image_has_the_hashed_dependencies_and_no_envoy() -> None:
    steps = "; ".join(rest for name, rest in instructions() if name == "RUN")
    assert "pip install --no-deps --require-hashes -r requirements.lock" in steps
    (removed,) = re.findall(r"pip uninstall --yes ([\w -]+)", steps)
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert set(removed.split()) - {"pip"} <= set(locked)


def _conditions(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    needed = service.get("depends_on", ())
    if isinstance(needed, dict):
        yield from ((name, about["condition"]) for name, about in needed.items())


def _mentioned(line: str) -> bool:
    return any(f"gw-extproc {command}" in line for command in COMMANDS)


def _printed(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _embedded_envoy() -> tuple[int, int, int]:
    found = asyncio.run(version(binary()))
    assert found is not None
    return found
