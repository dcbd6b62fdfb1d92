"""One processor process; `run` and `serve` start several of these: `python -m gw_extproc.worker ADDRESS`."""

from __future__ import annotations

import logging
import sys

from gw_extproc.extproc import server
from gw_extproc.settings import Settings, SettingsError


def serve(settings: Settings, address: str) -> None:
    """Serves until a signal, with its log on stderr."""
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s", stream=sys.stderr)
    server.run(settings, address)


def main(address: str) -> None:
    try:
        serve(Settings.read({}), address)
    except SettingsError as error:
        sys.exit(f"gw-extproc: {error}")


if __name__ == "__main__":
    main(sys.argv[1])
