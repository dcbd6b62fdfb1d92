"""The record of an exchange: who finds it, when it ends, what of it is told to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from gw_extproc.aftermath import Aftermath
from gw_extproc.core.errors import CallerError
from gw_extproc.telemetry.record import NOBODY, Door, Exchange, StepKind, current
from gw_extproc.telemetry.telemetry import OFF, Telemetry


class Seen:
    """A reader that remembers."""

    def __init__(self) -> None:
        self.begun: list[Exchange] = []
        self.over: list[Exchange] = []

    def began(self, exchange: Exchange) -> None:
        self.begun.append(exchange)

    def ended(self, exchange: Exchange) -> None:
        self.over.append(exchange)

    async def close(self) -> None:
        return


def begun(seen: Seen, headers: Mapping[str, str] | None = None) -> Exchange:
    return Telemetry([seen]).begin(Door.HTTP, "POST", "/v1/responses", headers or {})


def test_an_exchange_is_the_current_one_while_its_block_runs() -> None:
    seen = Seen()
    with begun(seen) as exchange:
        assert current() is exchange
        assert seen.begun == [exchange]
        assert not seen.over
    assert current() is NOBODY
    assert seen.over == [exchange]


def test_its_request_id_is_that_of_the_headers_or_made() -> None:
    assert begun(Seen(), {"x-request-id": "given"}).request_id == "given"
    assert len(begun(Seen()).request_id) == 32


async def test_it_ends_after_the_work_that_outlives_its_carrier() -> None:
    seen, aftermath, go = Seen(), Aftermath(), asyncio.Event()

    async def save() -> None:
        await go.wait()
        current().status = "incomplete"

    with begun(seen) as exchange:
        task = aftermath.save(save())
    assert not seen.over
    go.set()
    await task
    await asyncio.sleep(0)
    assert seen.over == [exchange]
    assert exchange.status == "incomplete"


def test_a_step_that_nobody_ended_ends_with_it() -> None:
    with begun(Seen()) as exchange:
        call = exchange.call_model(b"{}")
    assert call.ended == exchange.ended


def test_a_step_that_fails_says_with_what() -> None:
    with begun(Seen()) as exchange:
        with pytest.raises(CallerError), exchange.step(StepKind.TRANSLATE, "request"):
            raise CallerError("no", code="invalid_value")
        with pytest.raises(KeyError), exchange.step(StepKind.STORE, "save"):
            raise KeyError("secret")
    assert [step.failed for step in exchange.steps] == ["invalid_value", "KeyError"]


def test_the_first_token_is_found_once_and_says_what_the_gateway_added() -> None:
    with begun(Seen()) as exchange:
        exchange.phases["request_body"] = 2.0
        exchange.working_since = exchange.began
        exchange.said(b"one")
        first, added = exchange.pace.first, exchange.added_to_first_token
        exchange.said(b"two")
    assert added is not None
    assert added >= 2.0
    assert (exchange.pace.first, exchange.added_to_first_token, exchange.pace.count) == (first, added, 2)


def test_a_reader_that_fails_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Clumsy(Seen):
        def began(self, exchange: Exchange) -> None:
            raise ZeroDivisionError

        def ended(self, exchange: Exchange) -> None:
            raise ZeroDivisionError

    seen = Seen()
    with Telemetry([Clumsy(), seen]).begin(Door.HTTP, "GET", "other", {}):
        pass
    assert len(seen.begun) == len(seen.over) == 1
    assert caplog.text.count("a reader of the exchange failed") == 2


def test_nobody_lets_nothing_pile_up() -> None:
    with OFF.begin(Door.HTTP, "GET", "other", {}) as exchange:
        assert exchange is current() is NOBODY
        exchange.said(b"events")
        with exchange.call_model(b"{}"):
            pass
    assert (exchange.steps, exchange.pace.count, exchange.ended) == ([], 0, None)


@pytest.mark.parametrize("sampled", [True, False])
def test_what_is_made_later_goes_on_with_the_trace_of_its_request(sampled: bool) -> None:
    parent = f"00-{'a' * 32}-{'b' * 16}-0{int(sampled)}"
    with begun(Seen()) as exchange:
        exchange.span_id = b"12345678"
        step = exchange.step(StepKind.STORE, "take_run")
        exchange.continues("nonsense")
        assert (exchange.trace_id, exchange.causes()) == (b"", "")
        exchange.continues(parent)
        assert (bool(exchange.trace_id), bool(step.span_id)) == (sampled, sampled)
        assert exchange.causes() == (f"00-{'a' * 32}-{b'12345678'.hex()}-01" if sampled else parent)


def test_nobody_goes_on_with_nothing() -> None:
    """It is the record of many: what one of them belongs to is no word for the next."""
    NOBODY.continues(f"00-{'a' * 32}-{'b' * 16}-01")
    assert NOBODY.causes() == ""
