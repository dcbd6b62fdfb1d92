"""How an exchange ends before it is whole: the client leaves, the application fails, Envoy loses patience."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from gw_extproc.core.errors import CallerError
from gw_extproc.extproc import hosted
from tests.hosted.apps import Applications, Call, Gate, Mark
from tests.hosted.carrier import Carrier
from tests.real.callers import error_of
from tests.waiting import DEADLINE


@contextmanager
def connected(carrier: Carrier, path: str, *headers: str) -> Iterator[socket.socket]:
    """A raw connection that has sent a request's head; leaving the block resets it."""
    with socket.create_connection(("127.0.0.1", carrier.port()), DEADLINE) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.sendall("\r\n".join([f"POST {path} HTTP/1.1", "host: x", *headers, "", ""]).encode())
        yield connection


class Diary:
    """What an application saw of its end."""

    def __init__(self) -> None:
        self.began = Mark()
        self.disconnected = Mark()
        self.cancelled = Mark()
        self.ended = Mark()

    async def waiting(self, call: Call) -> None:
        """Waits for the disconnect, and ends by itself."""
        self.began.set()
        while (await call.receive())["type"] != "http.disconnect":
            pass
        self.disconnected.set()
        await call.send({"type": "http.response.body", "body": b"lost"})
        self.ended.set()

    async def deaf(self, call: Call) -> None:
        """Never asks, never ends."""
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


async def silent(call: Call) -> None:
    """Nothing was said when the client leaves."""


async def streaming(call: Call) -> None:
    await call.begin()
    await call.say(b"1")


@pytest.mark.parametrize("before", [silent, streaming])
@pytest.mark.parametrize("headers", [(), ("content-length: 0",)])
def test_a_client_that_leaves_is_a_disconnect(
    carrier: Carrier, apps: Applications, before: Callable[[Call], Awaitable[None]], headers: tuple[str, ...]
) -> None:
    diary = Diary()

    async def application(call: Call) -> None:
        await before(call)
        await diary.waiting(call)

    path = apps.at(application)
    with connected(carrier, path, *headers):
        diary.began.await_set()
    diary.ended.await_set()
    carrier.await_idle()
    assert not diary.cancelled.is_set
    assert carrier.record_of(path).left == ("silent" if before is silent else "flowing")


def test_a_client_that_leaves_in_the_middle_of_its_body(carrier: Carrier, apps: Applications) -> None:
    diary = Diary()
    with connected(carrier, apps.at(diary.waiting), "content-length: 100") as connection:
        connection.sendall(b"x")
        diary.began.await_set()
    diary.ended.await_set()


def test_an_application_that_does_not_end_is_cancelled(carrier: Carrier, apps: Applications, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosted, "MOMENT", 0.01)
    diary = Diary()
    with connected(carrier, apps.at(diary.deaf)):
        diary.began.await_set()
    diary.cancelled.await_set()
    carrier.await_idle()


def test_what_is_said_after_the_client_has_left_is_lost(carrier: Carrier, apps: Applications) -> None:
    """An application that does not ask is not stopped by an error either; it has its moment."""
    left, ended = Mark(), Mark()
    began = Mark()

    async def application(call: Call) -> None:
        await call.begin()
        while not left.is_set:
            await call.say(b"x" * 100_000)
            began.set()
        for _ in range(10):
            await call.say(b"x")
        await call.say(b"", more=False)
        ended.set()

    with connected(carrier, apps.at(application)):
        began.await_set()
    left.set()
    ended.await_set()


def test_work_after_a_whole_answer_has_its_moment(carrier: Carrier, apps: Applications) -> None:
    gate, done = Gate(), Mark()

    async def application(call: Call) -> None:
        await call.answer(b"ok")
        while (await call.receive())["type"] != "http.disconnect":
            pass
        await gate.passed()
        done.set()

    path = apps.at(application)
    assert httpx2.get(carrier.url(path), timeout=DEADLINE).text == "ok"
    gate.open()
    done.await_set()
    carrier.await_idle()
    assert (carrier.record_of(path).http_status, carrier.record_of(path).left) == (200, None)


@pytest.mark.parametrize("before", [silent, lambda call: call.begin()])
def test_an_application_that_fails_before_its_answer(
    carrier: Carrier, apps: Applications, before: Callable[[Call], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    async def application(call: Call) -> None:
        await before(call)
        raise LookupError("a secret")

    path = apps.at(application)
    response = httpx2.post(carrier.url(path), content=b"x" * 300_000, timeout=DEADLINE)
    assert (response.status_code, error_of(response)["code"]) == (500, "internal_error")
    assert "secret" not in response.text
    assert "LookupError: a secret" in caplog.text
    carrier.await_idle()
    assert (carrier.record_of(path).http_status, carrier.record_of(path).left) == (500, None)


def test_an_application_that_raises_an_error_for_the_caller(
    carrier: Carrier, apps: Applications, caplog: pytest.LogCaptureFixture
) -> None:
    async def application(call: Call) -> None:
        raise CallerError("No.", code="nope")

    response = httpx2.get(carrier.url(apps.at(application)), timeout=DEADLINE)
    assert (response.status_code, error_of(response)["code"]) == (400, "nope")
    assert not caplog.records


def test_an_application_that_says_nothing(carrier: Carrier, apps: Applications) -> None:
    assert error_of(httpx2.get(carrier.url(apps.at(silent)), timeout=DEADLINE))["code"] == "internal_error"


async def raising(call: Call) -> None:
    await streaming(call)
    raise LookupError


async def cancelling_itself(call: Call) -> None:
    await streaming(call)
    raise asyncio.CancelledError


async def short_of_its_length(call: Call) -> None:
    await call.begin(200, (b"content-length", b"5"))
    await call.say(b"1")
    await call.say(b"2", more=False)


async def beyond_its_length(call: Call) -> None:
    await call.begin(200, (b"content-length", b"2"))
    await call.say(b"1")
    await call.say(b"234", more=False)


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("application", [raising, streaming, cancelling_itself, short_of_its_length, beyond_its_length])
def test_an_answer_that_breaks_off_does_not_look_whole(
    carrier: Carrier, apps: Applications, application: Callable[[Call], Awaitable[None]], *, http2: bool
) -> None:
    url = carrier.url(apps.at(application))
    with httpx2.Client(http1=not http2, http2=http2, timeout=DEADLINE) as client, client.stream("GET", url) as response:
        assert response.status_code == 200
        with pytest.raises(httpx2.TransportError):
            response.read()


def test_a_whole_answer_that_is_not_as_long_as_it_says(carrier: Carrier, apps: Applications) -> None:
    path = apps.at(lambda call: call.answer(b"12", 200, (b"content-length", b"3"), (b"content-type", b"text/plain")))
    assert error_of(httpx2.get(carrier.url(path), timeout=DEADLINE))["code"] == "internal_error"


@pytest.mark.parametrize("message", ["http.response.body", "http.response.start", "http.nonsense"])
def test_messages_out_of_order_are_the_applications_fault(
    carrier: Carrier, apps: Applications, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def application(call: Call) -> None:
        if message == "http.response.start":
            await call.begin()
        await call.send({"type": message, "status": 200})

    assert error_of(httpx2.get(carrier.url(apps.at(application)), timeout=DEADLINE))["code"] == "internal_error"
    assert f"the application sent {message} when" in caplog.text


def test_envoy_loses_patience(carrier: Carrier, apps: Applications, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is the client's, the application is told that its own comes too late."""
    diary = Diary()
    response = httpx2.get(carrier.url(apps.at(diary.waiting), "hasty"), timeout=DEADLINE)
    assert response.status_code == 504
    diary.ended.await_set()
