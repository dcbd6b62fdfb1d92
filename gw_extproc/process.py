"""What launchers start: `python -m gw_extproc.process MODULE ...` is `python -m MODULE ...`, whose modules are loaded faster."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

from gw_extproc.loading import uncollected


def main() -> None:
    with uncollected():
        start: Callable[[], None] = import_module(sys.argv.pop(1)).main
    start()


if __name__ == "__main__":
    main()
