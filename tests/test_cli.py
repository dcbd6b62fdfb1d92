"""The command line: help, options, one line for what is wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gw_extproc.cli import main
from gw_extproc.options import options
from tests.names import UNKNOWN


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "the following arguments are required: COMMAND (see gw-extproc --help)"),
        (["run", "--prot", "1"], "unrecognized arguments: --prot 1 (see gw-extproc --help)"),
        (["run", "--port"], "argument --port: expected one argument (see gw-extproc run --help)"),
        (["run", "--port", "many"], "--port (GW_PORT): expected a whole number, not 'many'"),
        (["serve", "--grpc", "here"], "--grpc (GW_GRPC): expected host:port or unix:/path, not 'here'"),
        (["serve"], "--store (GW_STORE): serve wants the URL of a Redis or Valkey, or embedded for one of its own"),
        (["http", "--grpc", "127.0.0.1:1"], "unrecognized arguments: --grpc 127.0.0.1:1 (see gw-extproc --help)"),
        (["run", "--host", UNKNOWN], f"--host (GW_HOST): '{UNKNOWN}' is not an address of this machine"),
        (
            ["envoy-config", "--upstream", "ollama"],
            "--upstream (GW_UPSTREAM): 'ollama' is not a base URL such as http://127.0.0.1:11434/v1",
        ),
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(arguments) == 2
    assert capsys.readouterr().err == f"gw-extproc: {line}\n"


def test_a_wrong_variable_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MODEL_ENDPOINT", "ollama")
    assert main(["run"]) == 2
    assert capsys.readouterr().err.startswith("gw-extproc: --upstream (GW_UPSTREAM): 'ollama' is not a base URL")


def test_help_names_every_option_of_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(["run", "--help"]) == 0
    printed = capsys.readouterr().out
    for option in options():
        assert option.flag in printed
        assert option.variables[0] in printed


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(["--version"]) == 0
    assert capsys.readouterr().out == "gw-extproc 0.1.0\n"


def test_the_configuration_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["envoy-config", "--check", "--upstream", "http://127.0.0.1:11434/v1", "--port", "8081"]) == 0
    assert "port_value: 8081\n" in capsys.readouterr().out
    assert main(["envoy-config", "--filter-only"]) == 0
    assert "http_filters:\n" in capsys.readouterr().out


def test_the_doctor_fails_where_something_must_be_mended(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--port", "0", "--upstream", f"http://{UNKNOWN}/v1"]) == 1
    assert f"FAIL  upstream      the name {UNKNOWN} is not known -> " in capsys.readouterr().out
    assert main(["doctor", "--port", "0"]) == 0


def test_a_reader_that_leaves_is_no_error() -> None:
    program = f"{sys.executable} -m gw_extproc envoy-config | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("# Envoy in front of")
    assert done.stderr == ""


def _exit_code(arguments: list[str]) -> object:
    """Also where argparse ends the program itself."""
    with pytest.raises(SystemExit) as stop:
        raise SystemExit(main(arguments))
    return stop.value.code
