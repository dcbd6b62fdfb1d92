"""The command line: reads the settings, runs the command, tells in one line what went wrong."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Never

from gw_extproc import __version__
from gw_extproc.loading import uncollected
from gw_extproc.local.errors import LocalError

_STARTED = time.monotonic()

if TYPE_CHECKING:
    from gw_extproc.settings import Settings

# Each command imports what it runs: `serve` starts in half the time without Envoy's messages and the HTTP client.

_ENVOY_SIDE = (*("host", "port", "upstream", "upstream_api_key", "grpc", "http", "egress", "workers", "otlp_endpoint", "trace_sample"),)
_GATEWAY_SIDE = (
    *("upstream", "upstream_api_key", "dialect", "egress", "model_aliases", "workers", "max_body", "unsupported_tools", "wire_profile"),
    *("model_timeout", "model_retries", "tool_timeout", "tool_output"),
    *("mcp", "mcp_connectors", "mcp_private_addresses", "mcp_list_lifetime", "web_search", "web_search_key", "web_search_url"),
    *("code_interpreter_url", "code_interpreter_key", "code_interpreter_tool", "code_interpreter_argument"),
    *("store", "data_dir", "retention", "store_timeout", "store_retries", "secrets", "tenant_header", "tenant"),
    *("background_queue", "background_concurrency", "background_lease", "webhook_url", "webhook_secret"),
    *("on_disconnect", "drain_timeout", "log_level", "log_format", "log_bodies"),
    *("admin_port", "admin_host", "metrics_models", "inspector"),
    *("otlp_endpoint", "trace_sample", "trace_content"),
)
_LISTENERS = ("grpc", "http")
_CLIENTS = ("port", "host")


@dataclass(frozen=True)
class Command:
    """A subcommand: what it is for, the settings it reads, what it does."""

    name: str
    summary: str
    description: str
    settings: tuple[str, ...]
    act: Callable[..., int]
    """Takes the settings, and by name the options that are none."""
    add_options: Callable[[argparse.ArgumentParser], None] | None = None
    """Adds the options that are no settings, where it has any."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0 done, 1 something is in the way, 2 a wrong option."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except LocalError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as in `gw-extproc envoy-config | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _run(arguments: Sequence[str] | None) -> int:
    with uncollected():
        from gw_extproc.settings import Settings, SettingsError

        given = vars(_parser().parse_args(arguments))
    command: Command = given.pop("command")
    try:
        chosen = {name: value for name, value in given.items() if name in Settings.model_fields}
        return command.act(Settings.read(chosen), **{name: given[name] for name in given.keys() - chosen.keys()})
    except SettingsError as error:
        return _complain(str(error), 2)


def _complain(message: str, code: int) -> int:
    print(f"gw-extproc: {message}", file=sys.stderr)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        self.exit(_complain(f"{message} (see {self.prog} --help)", 2))


def _parser() -> argparse.ArgumentParser:
    from gw_extproc.options import add_setting

    parser = _Parser(
        prog="gw-extproc",
        description="The Responses API in front of any Chat Completions server, as a processor for Envoy.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"gw-extproc {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for command in _COMMANDS:
        part = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        part.set_defaults(command=command)
        for name in command.settings:
            add_setting(part, name)
        if command.add_options:
            command.add_options(part)
    return parser


def _envoy_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--filter-only", action="store_true", help="print the ext_proc filter and its cluster, to paste into your own")
    parser.add_argument("--check", action="store_true", help="let the embedded Envoy validate it first")


def _doctor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--envoy", metavar="PATH", help="an Envoy program to look at instead of the embedded one")


def _run_all(settings: Settings) -> int:
    with uncollected():
        import asyncio

        from gw_extproc.local.run import run
        from gw_extproc.telemetry import logs

    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings, _print_banner))
    return 0


def _print_banner(banner: str) -> None:
    print(f"gw-extproc {__version__} ready in {time.monotonic() - _STARTED:.1f} s\n{banner}", flush=True)


def _serve(settings: Settings) -> int:
    import asyncio

    from gw_extproc.local import admin_port, serve, workers
    from gw_extproc.local.banner import inspector_of, metrics_of, store_of, upstream_of
    from gw_extproc.settings import EMBEDDED, SettingsError
    from gw_extproc.telemetry import logs

    logs.configure(settings.log_level, settings.log_format)
    if "store" not in settings.model_fields_set:
        raise SettingsError("--store (GW_STORE): serve wants the URL of a Redis or Valkey, or embedded for one of its own")

    def ready() -> None:
        several = f" ({settings.workers} workers)" if settings.workers > 1 else ""
        what = f"upstream {upstream_of(settings)}, dialect {settings.upstream_dialect.name}, store {store_of(settings)}"
        what += f", metrics {metrics_of(settings)}" if settings.admin_port else ""
        what += f", inspector {inspector_of(settings)}" if settings.inspects else ""
        print(f"gw-extproc {__version__} serves ext_proc on {settings.grpc}, HTTP on {settings.http}{several}, {what}", flush=True)

    if settings.workers > 1 or settings.store == EMBEDDED:
        asyncio.run(serve.serve(settings, ready))
        return 0
    with uncollected():
        from gw_extproc import worker

    workers.check(workers.listening(settings))  # gRPC would take over the socket of another program
    admin = worker.Admin(admin_port.bound(settings, elsewhere=False))
    worker.serve(settings, grpc=settings.grpc, http=settings.http, admin=admin, ready=ready)
    return 0


def _http(settings: Settings) -> int:
    with uncollected():
        import asyncio

        from gw_extproc.local import serve
        from gw_extproc.telemetry import logs

    logs.configure(settings.log_level, settings.log_format)
    asyncio.run(serve.http(settings, _print_banner))
    return 0


def _envoy_config(settings: Settings, *, filter_only: bool, check: bool) -> int:
    from gw_extproc.local import printed_config

    if check:
        printed_config.check(settings)
    text = printed_config.filter_only(settings) if filter_only else printed_config.complete(settings)
    print(text, end="")
    return 0


def _doctor(settings: Settings, *, envoy: str | None) -> int:
    import asyncio

    from gw_extproc.local import doctor

    findings = asyncio.run(doctor.examine(settings, envoy))
    for finding in findings:
        print(finding)
    return 1 if any(finding.failed for finding in findings) else 0


_EPILOG = """\
Each option of a command is also an environment variable: --max-body is GW_MAX_BODY. The command line wins.
`gw-extproc COMMAND --help` lists a command's options with their variables and defaults.

examples:
  gw-extproc run                                          everything here, with a demo model
  gw-extproc run --upstream http://127.0.0.1:11434/v1     in front of a local Ollama
  GW_UPSTREAM_API_KEY=... gw-extproc run --upstream https://api.openai.com/v1
  gw-extproc envoy-config --upstream https://llm.example.com/v1 > envoy.yaml
  gw-extproc serve --upstream https://llm.example.com/v1 --store redis://127.0.0.1:6379
                                                          the processor for that Envoy
  gw-extproc http --upstream http://127.0.0.1:11434/v1    the same API without an Envoy
  gw-extproc doctor --upstream https://llm.example.com/v1 what is wrong?
"""

_COMMANDS = (
    Command(
        "run",
        "Envoy and the processor on this machine; without an upstream, a demo model too",
        "Starts the embedded Envoy, the processor and the embedded store (a Valkey), and a small demo model where no\n"
        "upstream is named. Prints where it listens. Ctrl-C or SIGTERM lets answers in flight finish; a second Ctrl-C\n"
        "stops at once. What was stored stays in --data-dir; nothing else is left behind: no process, socket or file.",
        (*_CLIENTS, *_LISTENERS, *_GATEWAY_SIDE),
        _run_all,
    ),
    Command(
        "serve",
        "the processor alone, for an Envoy that you already have",
        "Starts the ext_proc gRPC server, and beside it the HTTP listener for WebSocket and probes. Your Envoy needs\n"
        "what `gw-extproc envoy-config` prints. SIGTERM lets answers in flight finish.",
        (*_LISTENERS, *_GATEWAY_SIDE),
        _serve,
    ),
    Command(
        "http",
        "the whole API over plain HTTP, without an Envoy",
        "Serves the Responses API, conversations and models over HTTP (and WebSocket) by itself, and hands other /v1\n"
        "paths to the upstream: one base URL for a whole application. SIGTERM lets answers in flight finish.",
        (*_CLIENTS, *_GATEWAY_SIDE),
        _http,
    ),
    Command(
        "envoy-config",
        "print a complete, commented configuration for your own Envoy",
        "Prints Envoy's bootstrap with the reasons in comments. The upstream's key is never part of it: the\n"
        "configuration takes it from the environment of the Envoy process.",
        _ENVOY_SIDE,
        _envoy_config,
        _envoy_config_options,
    ),
    Command(
        "doctor",
        "look at Envoy, the settings, the store and the upstream, and say how to mend them",
        "Checks, one line each: Envoy's version and configuration, the addresses, the store, the upstream, the key, the\n"
        "dialect. Exits with 1 if something has to be mended.",
        (*_CLIENTS, *_LISTENERS, *_GATEWAY_SIDE),
        _doctor,
        _doctor_options,
    ),
)
