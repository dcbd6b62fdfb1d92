"""One processor process; `run` and `serve` start several of these: `python -m gw_extproc.worker ADDRESS`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from gw_extproc.extproc import server
from gw_extproc.settings import Settings, SettingsError

_FORMAT = "%(asctime)s %(name)s %(levelname)s %(message)s"


def serve(settings: Settings, address: str, ready: Callable[[], None]) -> None:
    """Serves until a signal, with its log on stderr; calls `ready` when it accepts connections."""
    logging.basicConfig(level=settings.log_level.upper(), format=_FORMAT, stream=sys.stderr)
    server.run(settings, address, ready)


def main(address: str) -> None:
    """The launcher does not wait to be told: it tries the address."""
    try:
        serve(Settings.read({}), address, lambda: None)
    except SettingsError as error:
        sys.exit(f"gw-extproc: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
