"""What Envoy says by itself: an error object."""

from __future__ import annotations

import json

import httpx2

from gw_extproc.local import plan
from gw_extproc.local.crew import Part, gathered
from gw_extproc.local.environment import environment
from gw_extproc.local.envoy_admin import EnvoyAdmin
from gw_extproc.local.envoy_binary import binary
from gw_extproc.local.envoy_config import as_json, bootstrap_of
from gw_extproc.local.workers import Listening
from gw_extproc.settings import Settings, Upstream
from tests.sockets import free_port
from tests.waiting import DEADLINE


async def test_without_its_processor_it_answers_with_an_error_object() -> None:
    settings = Settings.read({"port": 0})
    async with gathered() as crew:
        admin, config = crew.directory / "admin.sock", crew.directory / "envoy.json"
        upstream = Upstream("http", "127.0.0.1", free_port(), "/v1")
        nobody = Listening([f"unix:{crew.directory}/nobody.sock"], [f"unix:{crew.directory}/http.sock"])
        planned = plan.private(settings, upstream, nobody, f"unix:{admin}", f"unix:{crew.directory}/egress.sock")
        config.write_text(json.dumps(as_json(bootstrap_of(planned))))
        command = (binary(), "--disable-hot-restart", "--concurrency", "1", "-l", "off", "-c", config)
        await crew.start(Part("Envoy", command, environment(settings)))
        await EnvoyAdmin(admin).until_ready()
        origin = f"http://127.0.0.1:{await EnvoyAdmin(admin).listening_port()}"
        async with httpx2.AsyncClient(base_url=origin, timeout=DEADLINE) as client:
            own = await client.post("/v1/responses", json={"model": "any", "input": "Hi"})
            other = await client.get("/v1/elsewhere")
    assert (own.status_code, other.status_code) == (503, 503)
    failed = {"message": "The gateway's processor failed.", "type": "server_error", "param": None, "code": "processor_error"}
    assert own.json()["error"] == failed
    assert other.json()["error"]["code"] == "upstream_error"
