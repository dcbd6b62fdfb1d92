"""The demo model at a quicker pace: what it says is the same, and there is much of it in these tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from gw_extproc.local.demo_model import build_app
from tests.waiting import DEADLINE

PACE = 0.002  # seconds between words: they still come one by one


@contextmanager
def running() -> Iterator[str]:
    """Its base URL."""
    server = uvicorn.Server(uvicorn.Config(build_app(PACE), lifespan="off", log_config=None, access_log=False, ws="none"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        finally:
            server.should_exit = True
            thread.join(DEADLINE)
