"""`python -m gw_extproc` is `gw-extproc`."""

from __future__ import annotations

import sys

from gw_extproc.cli import main

if __name__ == "__main__":
    sys.exit(main())
