"""Starts `gw-extproc run` as a user would, for the tests that talk to a whole gateway."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_STOP_WITHIN = 15  # seconds; a gateway with nothing in flight takes about one


@contextmanager
def running_gateway(*options: str) -> Iterator[str]:
    """The base URL (with /v1) of a gateway on a free port; afterwards it is stopped with SIGTERM and must end well."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="t-") as directory, Path(directory, "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gw_extproc", "run", "--port", "0", *options],
            env=_environment() | {"TMPDIR": directory},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            yield _address(process, log)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_STOP_WITHIN)
        assert process.returncode == 0, f"the gateway ended with {process.returncode}:\n{_text(log)}"


def _environment() -> dict[str, str]:
    """This process's own, without settings of a gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("GW_", "MODEL_", "API_"))}


def _address(process: subprocess.Popen[str], log: IO[str]) -> str:
    """Reads what the gateway prints up to its address."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("  listening  "):
            return line.split()[1]
    raise AssertionError(f"the gateway did not start:\n{_text(log)}")


def _text(log: IO[str]) -> str:
    log.seek(0)
    return log.read()
