"""Files that are made from others: `python -m tests.generated [NAME ...]` writes them, `--check` fails where one is stale."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

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


SOURCES: Mapping[str, Callable[[], Files]] = {"protos": protos, "envoy-yaml": envoy_yaml, "settings": settings}

_SETTINGS = """\
# Settings

Each option of `gw-extproc` is also an environment variable; the command line wins over it. Generated from
`gw_extproc/settings.py` by `python -m tests.generated settings`.

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
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GW_", "MODEL_", "API_"))}
    program = [sys.executable, "-m", "gw_extproc", command]
    return subprocess.run(program, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout


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
