"""What all sessions share, and who is calling."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gw_extproc.aftermath import Aftermath
from gw_extproc.core.dialects import Dialect
from gw_extproc.core.errors import CallerError
from gw_extproc.core.events import PROFILES, Profile
from gw_extproc.core.hosted import NOTHING, Kit
from gw_extproc.core.ids import PART
from gw_extproc.settings import Settings
from gw_extproc.store.store import Store
from gw_extproc.telemetry.record import current
from gw_extproc.telemetry.telemetry import OFF, Telemetry
from gw_extproc.upstream import UpstreamClient

SHOWN = 8
"""Characters of a tenant's name by which it is known in what operators see: enough to tell tenants apart, too few to be a key."""


def new_part() -> str:
    """A new thread or unique part of an id."""
    return os.urandom(PART // 2).hex()


def now() -> int:
    return int(time.time())


class Unauthenticated(CallerError):
    """The request does not say whose it is."""

    status = 401


@dataclass(frozen=True)
class Gateway:
    """One process's parts: the settings, the store, the upstream."""

    settings: Settings
    store: Store
    upstream: UpstreamClient
    dialect: Dialect
    profile: Profile
    kit: Kit = NOTHING
    """The tools that the gateway runs itself, as far as they are known before anything is asked; the engine has them."""
    telemetry: Telemetry = OFF
    aftermath: Aftermath = field(default_factory=Aftermath)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process has been told to stop: it finishes what is in flight, and is not ready for more."""
    sockets: set[asyncio.Task[None]] = field(default_factory=set)
    """What serves the open WebSockets."""
    new_part: Callable[[], str] = field(default=new_part)
    clock: Callable[[], int] = field(default=now)

    def caller(self, headers: Mapping[str, str]) -> Caller:
        """Who sends these headers (by lower-case name); raises Unauthenticated where they must say so and do not."""
        settings = self.settings
        if settings.tenant is not None:
            return Caller(self.store, f"tenant {settings.tenant}")
        if settings.tenant_header is None:
            return Caller(self.store, f"credential {headers.get('authorization', '')}")
        name = headers.get(settings.tenant_header.lower())
        if not name:
            raise Unauthenticated(f"The header {settings.tenant_header} is missing.", code="missing_tenant")
        return Caller(self.store, f"header {name}")


class Caller(NamedTuple):
    """Whoever may read what this request stores, and nobody else."""

    store: Store
    credential: str

    @property
    def tenant(self) -> str:
        """What stands before all keys of this caller; raises StoreDown where the key that makes it cannot be had."""
        tenant = self.store.vault.tenant(self.credential)
        current().tenant = tenant[:SHOWN]
        return tenant


def gateway(settings: Settings, store: Store, upstream: UpstreamClient, kit: Kit = NOTHING, telemetry: Telemetry = OFF) -> Gateway:
    return Gateway(settings, store, upstream, settings.upstream_dialect, PROFILES[settings.wire_profile], kit, telemetry)
