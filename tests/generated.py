"""Files that are made from others: `python -m tests.generated [NAME ...]` writes them, `--check` fails where one is stale."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from gw_extproc.core.dialects import DIALECTS, Dialect, Replay, System
from gw_extproc.core.facts import FAILED_REASONS, INCOMPLETE_REASONS
from gw_extproc.core.lifecycle import MOVES
from gw_extproc.core.rules import RULES
from tests.beside import SPEC
from tests.gateway_process import environment

ROOT = Path(__file__).parent.parent

Files = dict[Path, str]


def protos() -> Files:
    """The message classes of protos/."""
    sources = sorted((ROOT / "protos").glob("*.proto"))
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/protos", f"--python_out={out}", f"--pyi_out={out}"]
        subprocess.run([*command, *map(str, sources)], cwd=ROOT, check=True)
        made = sorted(Path(out).iterdir())
        return {ROOT / "gw_extproc/extproc/pb" / file.name: file.read_text() for file in made}


def envoy_yaml() -> Files:
    """What `gw-extproc envoy-config` prints where nothing is set."""
    return {ROOT / "envoy/envoy.yaml": _printed("envoy-config")}


def settings() -> Files:
    """The table of options."""
    from gw_extproc.options import options

    rows = [
        (
            f"`{option.flag}`",
            ", ".join(f"`{name}`" for name in option.variables),
            f"`{option.default}`" if option.default else "",
            option.help + (f" One of {', '.join(f'`{choice}`' for choice in option.choices)}." if option.choices else ""),
        )
        for option in options()
    ]
    table = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
    return {ROOT / "docs/settings.md": _SETTINGS.format(table=table)}


def dialects() -> Files:
    """What each dialect is for, and how it differs."""
    parts = [f"## `{each.name}`\n\n{each.about}\n\n{_dialect_rows(each)}" for each in DIALECTS.values()]
    rules = "\n".join(f"| `{rule}` | {does} |" for rule, does in RULES.items())
    return {ROOT / "docs/dialects.md": _DIALECTS.format(rules=rules) + "\n\n".join(parts) + "\n"}


def lifecycle() -> Files:
    """The states of a response, drawn from the table that runs them."""
    moves = [
        f"    {state.value} --> {after.value}"
        for state, following in MOVES.items()
        for after in sorted(following, key=lambda s: s.value)
    ]
    ends = sorted(f"    {state.value} --> [*]" for state, following in MOVES.items() if not following)
    reasons = {
        "incomplete: max_output_tokens": [name for name, reason in INCOMPLETE_REASONS.items() if reason == "max_output_tokens"],
        "incomplete: content_filter": [name for name, reason in INCOMPLETE_REASONS.items() if reason == "content_filter"],
        "failed": sorted(FAILED_REASONS),
    }
    rows = "\n".join(f"| {end} | {_listed(names)} |" for end, names in reasons.items())
    return {ROOT / "docs/lifecycle.md": _LIFECYCLE.format(rows=rows, moves="\n".join(["    [*] --> queued", *moves, *ends]))}


def openapi() -> Files:
    """The description of the HTTP application."""
    from tests.openapi import document

    return {ROOT / "openapi.yaml": document.text()}


def dashboard() -> Files:
    """Grafana's view of the metrics."""
    from tests.deploy import dashboard

    return {ROOT / "deploy/grafana/dashboards/gateway.json": dashboard.text()}


def openapi_differences() -> Files:
    """What differs from OpenAI's document, and why; nothing where that document is not at hand."""
    from tests.openapi import report

    return {ROOT / "docs/openapi-differences.md": report.text()} if SPEC.is_dir() else {}


def _dialect_rows(dialect: Dialect) -> str:
    efforts = "as they are" if dialect.efforts is None else ", ".join(f"{name} → {sent}" for name, sent in dialect.efforts.items())
    rows = {
        "hosts": _listed(dialect.hosts),
        "limit of the answer": f"`{dialect.max_tokens}`",
        "system messages": "anywhere" if dialect.system is System.ANYWHERE else "one, first",
        "role of developer messages": f"`{dialect.developer_role}`",
        "hints sent": _listed(sorted(dialect.hints)),
        "refused": _listed(sorted(dialect.refused)),
        "reasoning efforts": efforts if "reasoning_effort" in dialect.hints else "none",
        "reasoning sent back": "never" if dialect.replay is Replay.NEVER else f"{dialect.replay.value}, as `{dialect.replay_field}`",
        "content besides text": _listed(sorted(dialect.media)),
        "think tags read": "yes" if dialect.think_tags else "no",
    }
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


SOURCES: Mapping[str, Callable[[], Files]] = {
    "protos": protos,
    "envoy-yaml": envoy_yaml,
    "settings": settings,
    "dialects": dialects,
    "lifecycle": lifecycle,
    "dashboard": dashboard,
    "openapi": openapi,
    "openapi-differences": openapi_differences,
}

_DIALECTS = """\
# Dialects

How Chat Completions servers differ. `--dialect auto` (the default) goes by the upstream's host, or by its first label where a
service is simply called `vllm` or `ollama`; anything else is `generic`.

Generated from `gw_extproc/core/dialects.py` and `rules.py` by `python -m tests.generated dialects`.

## Rules

What a dialect may do to a request. Which of them did, the [explanation](translation.md#asking-what-would-be-sent), the
[inspector](inspector.md) and `gateway_request_fields_total` say by these names; a request that a dialect refuses says so in its error.

| rule | |
|---|---|
{rules}

"""

_LIFECYCLE = """\
# The life of a response

Generated from `gw_extproc/core/lifecycle.py` and `facts.py` by `python -m tests.generated lifecycle`.

```mermaid
stateDiagram-v2
{moves}
```

## What a finish_reason means

Of any case. What is not listed is a natural end: the response is completed.

| response | finish_reason |
|---|---|
{rows}
"""

_SETTINGS = """\
# Settings

Each option of `gw-extproc` is also an environment variable; the command line wins over it. Generated from
`gw_extproc/settings/` by `python -m tests.generated settings`.

| option | environment | default | |
|---|---|---|---|
{table}
"""


def stale(name: str) -> list[Path]:
    """The files of one kind that are not what their source gives, relative to the repository."""
    files = SOURCES[name]().items()
    return [path.relative_to(ROOT) for path, text in files if not path.is_file() or path.read_text() != text]


def write(name: str) -> None:
    for path, text in SOURCES[name]().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _printed(command: str) -> str:
    program = [sys.executable, "-m", "gw_extproc", command]
    return subprocess.run(program, cwd=ROOT, env=environment(), check=True, capture_output=True, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.generated", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(SOURCES)}; all if none is named")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is stale")
    given = parser.parse_args()
    if unknown := set(given.names) - set(SOURCES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    names = given.names or list(SOURCES)
    if not given.check:
        for name in names:
            write(name)
        return 0
    found = {name: stale(name) for name in names}
    for name, paths in found.items():
        for path in paths:
            sys.stderr.write(f"{path} is stale: run `python -m tests.generated {name}`\n")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
