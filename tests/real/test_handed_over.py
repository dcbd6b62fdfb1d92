"""What Envoy's one model call cannot answer goes over to the gateway itself, when the request's body has been read."""

from __future__ import annotations

import time

from openai import OpenAI
from openai.types.responses import Response

from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import asking, error_of, post, received, sent
from tests.real.upstream import Gate, Upstream
from tests.waiting import DEADLINE, until


def calling(gateway: Gateway) -> OpenAI:
    return OpenAI(base_url=gateway.url, api_key="sk-of-the-caller", max_retries=0, timeout=DEADLINE)


def test_the_gateway_answers_in_the_place_of_envoy(either: Gateway, upstream: Upstream) -> None:
    """At once, while the model has said nothing; the log names the response, and does not say that its exchange was broken off."""
    gate = Gate()
    model = upstream.script([gate, *chat.answer()])
    queued = post(either, model, background=True).json()
    assert queued["status"] == "queued"
    assert upstream.received(model).path == "/v1/chat/completions"
    gate.open()
    assert not [line for line in either.log().splitlines() if queued["id"] in line and '"left"' in line]


def test_what_it_refuses_is_an_error_like_any_other(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    answer = post(either, model, background=True, store=False)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "background")
    assert upstream.count(model) == 0


def test_a_body_that_ends_with_trailers(gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    body = str(asking(model, background=True)).replace("'", '"').replace("True", "true").encode()
    chunked = b"%x\r\n%b\r\n0\r\nx-trailer: 1\r\n\r\n" % (len(body), body)
    with sent(gateway.port, chunked, "transfer-encoding: chunked", "te: trailers", "trailer: x-trailer") as connection:
        status, _, answer = received(connection)
    assert (status, b'"status":"queued"' in answer) == (200, True)


def test_its_events_are_streamed_to_who_stays_and_to_who_comes_back(either: Gateway, upstream: Upstream) -> None:
    """The client leaves in the middle and resumes at another connection: no gap, no repeat."""
    gate = Gate()
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), gate, *chat.text("lo"), chat.finish()])
    with calling(either) as client:
        seen = []
        with client.responses.create(model=model, input="hi", background=True, stream=True) as stream:
            for event in stream:
                seen.append(event)
                if event.type == "response.output_text.delta":
                    break
        assert seen[0].type == "response.created"
        id = seen[0].response.id
        with client.responses.retrieve(id, stream=True, starting_after=seen[-1].sequence_number) as rest:
            gate.open()
            seen += list(rest)
        assert [event.sequence_number for event in seen] == list(range(len(seen)))
        assert seen[-1].type == "response.completed"
        assert seen[-1].response.output_text == "Hello"
        assert list(client.responses.retrieve(id, stream=True)) == seen


def test_cancelling_stops_the_model_within_a_second(either: Gateway, upstream: Upstream) -> None:
    model = upstream.script([chat.EVENTS, *chat.text("Hel"), Gate()])
    with calling(either) as client:
        response = client.responses.create(model=model, input="hi", background=True)
        until(lambda: client.responses.retrieve(response.id).output_text == "Hel", "the first words")
        began = time.monotonic()
        cancelled = client.responses.cancel(response.id)
        assert upstream.received(model).gone.wait(1)
        assert time.monotonic() - began < 1
        assert isinstance(cancelled, Response)
        assert (cancelled.status, cancelled.output_text) == ("cancelled", "Hel")
        assert client.responses.cancel(response.id) == cancelled


def test_what_follows_on_the_connection_is_inline_again(gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    post(gateway, model, background=True)
    assert post(gateway, model).json()["status"] == "completed"
