"""Envoy's configuration as it was made before: making it takes longer than all else of a start, and it seldom changes.

What is kept is written for no particular directory of sockets and no particular port of the model server (the demo model has another
at each start), and named by a digest of all else that goes into it: the plan, the code that reads it, the messages' version. So
nothing kept is ever stale, and all of it may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from gw_extproc.local.envoy_binary import write_private
from gw_extproc.local.plan import Plan

_SOMEWHERE = "/the-directory-of-the-sockets"
_SOME_PORT = 65_533
_KEPT = 8
"""Configurations: of so many different ways to start."""

_HERE = Path(__file__).parent
_SOURCES = (*sorted(_HERE.glob("envoy_*.py")), _HERE.parent / "core" / "paths.py")


def configuration(planned: Plan, directory: Path) -> str:
    """The bootstrap of that plan, whose sockets are in that directory, as JSON."""
    general = _general(planned, str(directory))
    path = _folder() / f"envoy-{_digest(general)}.json"
    text = (_read(path) or _made(general, path)).replace(_SOMEWHERE, json.dumps(str(directory))[1:-1])
    return text if general.upstream == planned.upstream else text.replace(str(_SOME_PORT), str(planned.upstream.port))


def make_ready() -> None:
    """Loads Envoy's messages where they will be needed: it takes a second, and can be done beside other things."""
    if not any(_folder().glob("envoy-*.json")):
        import_module("gw_extproc.local.envoy_config")


def _made(general: Plan, path: Path) -> str:
    from gw_extproc.local.envoy_config import as_json, bootstrap_of

    text = json.dumps(as_json(bootstrap_of(general)))
    with suppress(OSError):  # then it is made again next time
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        write_private(partial, text)
        partial.replace(path)
        for old in sorted(path.parent.glob("envoy-*.json"), key=lambda kept: kept.stat().st_mtime)[:-_KEPT]:
            old.unlink(missing_ok=True)
    return text


def _read(path: Path) -> str:
    """What is kept there; nothing where it is not this user's own, or not whole."""
    try:
        text = path.read_text() if path.stat().st_uid == os.getuid() else ""
        json.loads(text)
    except (OSError, ValueError):
        return ""
    return text


def _general(planned: Plan, directory: str) -> Plan:
    upstream = planned.upstream
    if upstream.authority.endswith(f":{upstream.port}") and str(_SOME_PORT) not in repr(planned):
        upstream = replace(upstream, port=_SOME_PORT)

    def moved(address: str) -> str:
        return address.replace(directory, _SOMEWHERE)

    return replace(
        planned,
        upstream=upstream,
        processors=tuple(map(moved, planned.processors)),
        http=tuple(map(moved, planned.http)),
        egress=moved(planned.egress),
        admin=moved(planned.admin),
    )


def _digest(general: Plan) -> str:
    digest = hashlib.sha256(repr((general, version("envoy-data-plane"))).encode())
    for source in _SOURCES:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:32]


def _folder() -> Path:
    """In the user's cache (XDG Base Directory Specification)."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if given.startswith("/") else Path("~/.cache").expanduser()) / "gw-extproc"
