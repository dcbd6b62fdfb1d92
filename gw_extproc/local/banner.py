"""What a started gateway tells its user."""

from __future__ import annotations

import json
from ipaddress import ip_address

from gw_extproc.core import store_url
from gw_extproc.local.addresses import joined
from gw_extproc.local.valkey import data_directory
from gw_extproc.settings import EMBEDDED, Settings


def banner(settings: Settings, *, is_demo: bool) -> str:
    """Where it listens, which upstream and store it uses, and a command to try."""
    note = " (the built-in demo model, a stand-in; choose a real one with --upstream)" if is_demo else ""
    return "\n".join(
        (
            f"  listening  {_base(settings.host, settings.port)}",
            f"  upstream   {upstream_of(settings)}{note}",
            f"  dialect    {settings.upstream_dialect.name}",
            f"  store      {store_of(settings)}",
            *((f"  metrics    {metrics_of(settings)}",) if settings.admin_port else ()),
            *((f"  inspector  {inspector_of(settings)}",) if settings.inspects else ()),
            f"  try        {_curl(settings, is_demo=is_demo)}",
        )
    )


def metrics_of(settings: Settings) -> str:
    return f"http://{joined(_reachable(settings.admin_host), settings.admin_port)}/metrics"


def inspector_of(settings: Settings) -> str:
    return f"http://{joined(_reachable(settings.admin_host), settings.admin_port)}/inspector"


def upstream_of(settings: Settings) -> str:
    return settings.upstream.url if settings.upstream else f"none named (base path {settings.base_path} is assumed)"


def store_of(settings: Settings) -> str:
    """Without what may be a secret."""
    if settings.store == EMBEDDED:
        return str(data_directory(settings))
    return f"{settings.store.partition('://')[0]}://{store_url.parse(settings.store).address}"


def _curl(settings: Settings, *, is_demo: bool) -> str:
    body = {"model": "demo" if is_demo else "YOUR-MODEL", "input": "Hello!", "stream": True}
    needs_key = settings.upstream is not None and settings.upstream.scheme == "https" and settings.upstream_api_key is None
    key = ' -H "authorization: Bearer $API_KEY"' if needs_key else ""
    url = f"{_base(_reachable(settings.host), settings.port)}/responses"
    return f"curl -N {url} -H 'content-type: application/json'{key} -d '{json.dumps(body)}'"


def _reachable(host: str) -> str:
    """The address itself, or this machine's own where it stands for all of them."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    return {4: "127.0.0.1", 6: "::1"}[address.version] if address.is_unspecified else host


def _base(host: str, port: int) -> str:
    return f"http://{joined(host, port)}/v1"
