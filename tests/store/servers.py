"""What the tests ask the servers behind a store: expiries, sizes, and which commands arrived."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, cast

from redis import Redis

from gw_extproc.store import scripts
from gw_extproc.store.scripts import Script
from gw_extproc.store.store import Store
from tests.valkey import Valkey

_EXPIRY = Script("expiry", "return {'ok', redis.call('TTL', KEYS[1])}")
_OWN = ("gw:secrets", "gw:{jobs}")
_SIZE = Script("size", "return {'ok', redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', 0) or 0}")


async def expiry(store: Store, key: str) -> int:
    """Seconds that the key is still kept, wherever it is."""
    return int((await store.connection.run(_EXPIRY, [key]))[0])


async def size(store: Store, *thread: str) -> int:
    """Bytes of memory that the keys take."""
    return sum([int((await store.connection.run(_SIZE, [key]))[0]) for key in thread])


def taught(servers: Sequence[Valkey]) -> None:
    """The servers know all scripts of responses and conversations afterwards; who does not is sent the text as well, once."""
    for server in servers:
        for script in vars(scripts).values():
            if isinstance(script, Script):
                server.command("SCRIPT", "LOAD", script.text)


class Monitored:
    """The commands that clients send to these servers, but for the store's own probes and looks at its keys and its queue."""

    def __init__(self, servers: Sequence[Valkey]) -> None:
        self._servers = servers
        self._stack = ExitStack()
        self._monitors: list[Any] = []

    def __enter__(self) -> Monitored:
        for server in self._servers:
            client = self._stack.enter_context(Redis(unix_socket_path=str(server.socket), protocol=2, driver_info=None))
            self._monitors.append(self._stack.enter_context(cast(Any, client.monitor())))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def commands(self) -> Sequence[str]:
        """Those that have arrived since this was asked last."""
        found = []
        for server, monitor in zip(self._servers, self._monitors, strict=True):
            server.command("ECHO", "the end")
            while "the end" not in (command := monitor.next_command())["command"]:
                if command["client_type"] != "lua" and not any(own in command["command"] for own in _OWN):
                    found.append(str(command["command"]))
        return found
