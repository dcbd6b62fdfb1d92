"""The gateway's own end, and the ends of its parts, seen by callers with answers in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest
from openai import InternalServerError, OpenAI

from tests import gateway_process as gateways
from tests.events import events_of
from tests.gateway_process import Gateway
from tests.real import chat
from tests.real import upstream as upstreams
from tests.real.callers import asking, error_of, follow, post
from tests.real.upstream import Gate, Upstream
from tests.waiting import DEADLINE, until


@pytest.mark.parametrize("command", ["run", "http"])
async def test_sigterm_lets_answers_finish_and_takes_no_new_ones(upstream: Upstream, command: str) -> None:
    gates = [Gate() for _ in range(3)]
    with gateways.started("--upstream", f"{upstream.url}/v1", command=command) as gateway:
        async with httpx2.AsyncClient(base_url=gateway.url, timeout=DEADLINE) as client:
            streamed = upstream.script([chat.EVENTS, *chat.text("Hi"), gates[0], chat.finish()])
            unanswered = upstream.script([gates[1], *chat.answer()])
            buffered = upstream.script([chat.EVENTS, *chat.text("Hi"), gates[2], chat.finish()])
            calls = [
                asyncio.create_task(client.post("/responses", json=asking(model, stream=stream)))
                for model, stream in ((streamed, True), (unanswered, True), (buffered, False))
            ]
            for gate in gates:
                await asyncio.to_thread(gate.await_reached)
            gateway.process.terminate()
            await asyncio.to_thread(until, lambda: not gateway.accepts(), "the listener's end")
            assert gateway.process.poll() is None
            for gate in gates:
                gate.open()
            first, second, third = await asyncio.gather(*calls)
        assert events_of(first.text)[-1]["type"] == events_of(second.text)[-1]["type"] == "response.completed"
        assert third.json()["status"] == "completed"
        assert gateway.end() == 0
        assert "Traceback" not in gateway.log()


def test_a_killed_processor_breaks_its_streams(upstream: Upstream) -> None:
    """Nothing hangs and nothing looks complete; the whole gateway stops, for whoever runs it to start it again."""
    seen: list[str] = []
    model = upstream.script([chat.EVENTS, *chat.text("Hi"), Gate()])
    with gateways.started("--upstream", f"{upstream.url}/v1") as gateway:
        with pytest.raises(httpx2.TransportError):
            follow(gateway, model, seen, gateway.part("gw_extproc.worker").kill)
        assert seen[-1] == "response.output_text.delta"
        assert gateway.end() == 1


@pytest.fixture
def deserted() -> Iterator[Gateway]:
    """A gateway whose upstream was there when it started, and is gone."""
    with ExitStack() as stack:
        with upstreams.running() as upstream:
            gateway = stack.enter_context(gateways.running("--upstream", f"{upstream.url}/v1"))
        yield gateway


def test_an_upstream_that_is_gone(deserted: Gateway) -> None:
    for stream in (True, False):
        response = post(deserted, "any", stream=stream)
        assert response.status_code == 503
        assert "connect" in error_of(response)["message"]
    with OpenAI(base_url=deserted.url, api_key="sk", max_retries=0, timeout=DEADLINE) as client:
        for stream in (True, False):
            with pytest.raises(InternalServerError, match="connect"):
                client.responses.create(model="any", input="Hi", stream=stream)
