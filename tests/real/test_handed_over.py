"""What Envoy's one model call cannot answer goes over to the gateway itself, when the request's body has been read."""

from __future__ import annotations

import pytest

from tests.gateway_process import Gateway
from tests.real import chat
from tests.real.callers import error_of, post
from tests.real.upstream import Upstream


@pytest.mark.parametrize("stream", [False, True])
def test_the_gateway_answers_in_the_place_of_the_model(either: Gateway, upstream: Upstream, *, stream: bool) -> None:
    """The exchange's own answer, with the headers and body that it has alone; no model is called, and the log names the response."""
    model = upstream.script(chat.answer())
    answer = post(either, model, background=True, stream=stream)
    assert (answer.status_code, error_of(answer)["param"]) == (400, "background")
    assert upstream.count(model) == 0
    assert "left=" not in either.log()


def test_what_follows_on_the_connection_is_inline_again(gateway: Gateway, upstream: Upstream) -> None:
    model = upstream.script(chat.answer())
    post(gateway, model, background=True)
    assert post(gateway, model).json()["status"] == "completed"
