"""Who is compared: each started as `gw-extproc run` starts it, with one worker, in front of the same fake model server and store."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil

from bench import cpu
from bench.native import program
from gw_extproc.local import plan, probes, valkey
from gw_extproc.local.crew import Crew, Part, gathered
from gw_extproc.local.environment import environment
from gw_extproc.local.envoy_admin import EnvoyAdmin
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.supervisor import first
from gw_extproc.local.workers import Listening
from gw_extproc.settings import Settings

Config = dict[str, Any]

BARE, PLAIN, ECHO, INLINE, HOSTED, HTTP = "no gateway", "plain Envoy", "echo (floor)", "inline", "hosted", "http alone"


@dataclass(frozen=True)
class Contestant:
    """A port to call, and the processes behind it."""

    name: str
    port: int
    processors: Sequence[int] = ()
    envoy: Sequence[int] = ()


class Arena:
    """What all contestants share: a model server, a store, a directory, their end."""

    def __init__(self, crew: Crew, settings: Settings, upstream: int, model: int, keeper: int) -> None:
        self._crew = crew
        self._settings = settings
        self.upstream = upstream
        self.model = model
        """The model server's process."""
        self.keeper = keeper
        """The store's."""
        self.bare = Contestant(BARE, upstream)

    @property
    def store(self) -> Path:
        return Path(self._settings.store.removeprefix("unix://"))

    async def plain(self) -> Contestant:
        config = self._config("plain", ["unix:/nobody"])
        (chain,) = config["static_resources"]["listeners"][0]["filter_chains"]
        manager = chain["filters"][0]["typed_config"]
        del manager["http_filters"][0]
        for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
            route.pop("typed_per_filter_config", None)
        return await self._behind_envoy(PLAIN, "plain", config, ())

    async def echo(self) -> Contestant:
        address = self._socket("echo")
        pid = await self._serving("echo", (sys.executable, "-m", "bench.echo", address), self._settings, address)
        return await self._behind_envoy(ECHO, "echo", self._config("echo", [address]), [pid])

    async def inline(self, workers: int = 1, name: str = "inline", more: Mapping[str, object] = MappingProxyType({})) -> Contestant:
        """`more` are settings that are not those of all."""
        addresses, settings = [self._socket(f"{name}{number}") for number in range(workers)], self._settings.model_copy(update=more)
        pids = [await self._worker(name, "--grpc", address, settings) for address in addresses]
        return await self._behind_envoy(INLINE, name, self._config(name, addresses), pids, threads=workers)

    async def hosted(self) -> Contestant:
        """Answers that are to be finished without their client are made by the application, which calls the model through Envoy."""
        address = self._socket("hosted")
        settings = self._settings.model_copy(update={"on_disconnect": "finish", "egress": self._egress("hosted")})
        pid = await self._worker("hosted", "--grpc", address, settings)
        return await self._behind_envoy(HOSTED, "hosted", self._config("hosted", [address]), [pid])

    async def http(self, workers: int = 1) -> Contestant:
        port = free_port()
        settings = self._settings.model_copy(update={"workers": workers})  # then they share the port
        address = f"127.0.0.1:{port}"
        pids = [await self._worker(f"http {number}", "--http", address, settings) for number in range(workers)]
        return Contestant(HTTP, port, pids)

    async def other(self, name: str, command: Sequence[str | Path], more: Mapping[str, str], port: int) -> Contestant:
        """Another program that answers at a port; all its processes count."""
        pid = await self._started(Part(name, command, environment(Settings()) | dict(more)))
        await self._accepting(f"127.0.0.1:{port}")
        return Contestant(name, port, cpu.family(pid))

    async def _worker(self, name: str, option: str, address: str, settings: Settings) -> int:
        command = (sys.executable, "-P", "-m", "gw_extproc.process", "gw_extproc.worker", option, address)
        return await self._serving(name, command, settings, address)

    async def _serving(self, name: str, command: Sequence[str | Path], settings: Settings, address: str) -> int:
        pid = await self._started(Part(name, command, environment(settings)))
        await self._accepting(address)
        return pid

    async def _accepting(self, address: str) -> None:
        """Returns when somebody accepts connections there; raises LocalError where a part ends first."""
        await first(probes.until_accepting(address), self._crew.watch())

    async def _started(self, part: Part) -> int:
        """The process that this starts."""
        before = _children()
        await self._crew.start(part)
        (pid,) = _children() - before
        return pid

    async def _behind_envoy(self, name: str, mark: str, config: Config, processors: Sequence[int], threads: int = 1) -> Contestant:
        path = self._crew.directory / f"{mark}.json"
        path.write_text(json.dumps(config))
        command = (binary(), "--disable-hot-restart", "--concurrency", str(threads), "-l", "error", "-c", path)
        pid = await self._started(Part(f"Envoy ({mark})", command, environment(Settings())))
        admin = EnvoyAdmin(Path(self._admin(mark)))
        await admin.until_ready()
        return Contestant(name, await admin.listening_port(), processors, [pid])

    def _config(self, mark: str, processors: Sequence[str]) -> Config:
        """The configuration of `gw-extproc run`, on any free port."""
        assert self._settings.upstream is not None
        here = self._settings.model_copy(update={"port": 0})
        places = Listening(list(processors), [self._socket("nobody")])
        admin, egress = f"unix:{self._admin(mark)}", self._egress(mark)
        return as_json(bootstrap_of(plan.private(here, self._settings.upstream, places, admin, egress)))

    def _socket(self, name: str) -> str:
        return f"unix:{self._crew.directory}/{name}.sock"

    def _admin(self, mark: str) -> str:
        return f"{self._crew.directory}/{mark}.admin"

    def _egress(self, mark: str) -> str:
        return f"unix:{self._crew.directory}/{mark}.egress"


@asynccontextmanager
async def arena() -> AsyncIterator[Arena]:
    """A model server and a store; whatever is started in it has ended after the block."""
    async with gathered() as crew:
        with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
            number, port = listening.fileno(), int(listening.getsockname()[1])
            before = _children()
            await crew.start(Part("the model server", (program("upstream"), str(number)), environment(Settings()), (number,)))
            (model,) = _children() - before
        settings = Settings(upstream=f"http://127.0.0.1:{port}/v1", log_level="warning", data_dir=crew.directory / "data")
        async with valkey.claimed(settings) as claim:
            before = _children()
            stored = await valkey.start(crew, settings, claim)
            (keeper,) = _children() - before
            yield Arena(crew, stored, port, model, keeper)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}
