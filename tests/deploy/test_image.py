"""Commands where there is no embedded Envoy, as in the container image."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gateway_process import environment


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("run", 1, "gw-extproc: there is no embedded Envoy here; use `gw-extproc serve` beside one of your own, or `http`\n"),
        ("doctor", 0, "none is installed here"),
    ],
)
def test_without_the_wheel(command: str, code: int, said: str) -> None:
    program = f"import sys; sys.modules['envoy'] = None; from gw_extproc.cli import main; sys.exit(main(['{command}']))"
    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, env=environment())
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == code
