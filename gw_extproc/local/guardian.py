"""Cleans up after the launcher, whatever ends it: a script of its own on the standard library, so that it starts fast.

It makes the run directory, tells its path, and reads a pipe whose other end only the launcher holds. When that end
closes, because the launcher is done or because it was killed, the directory goes with the sockets that were named on the
pipe, and then the whole process group, this process included. The launcher's children join that group as they start.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path


def main(parent: str, prefix: str) -> None:
    assert os.getpgrp() == os.getpid(), "leads a process group of its own"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    directory = tempfile.mkdtemp(prefix=prefix, dir=parent)
    named = b""
    try:
        os.write(sys.stdout.fileno(), f"{directory}\n".encode())
        named = sys.stdin.buffer.read()
    finally:
        for path in named.split(b"\0")[:-1]:
            Path(os.fsdecode(path)).unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
        os.kill(0, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
