"""Exchanges over real sockets, on both event loops: what goes out, what comes back, and how either side breaks it off."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import trustme

from gw_extproc.http1.client import Client
from gw_extproc.http1.errors import Broken, Silent, Unreachable
from gw_extproc.http1.reaching import Server, connected, reached
from tests.connections import answering
from tests.http1.wire import OK, STREAM, Wire, asked, client
from tests.sockets import free_port
from tests.store.stores import eventually
from tests.waiting import DEADLINE


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


# what goes out


async def test_a_request_is_what_was_asked_for_and_nothing_else() -> None:
    wire = Wire([OK])
    async with client(wire.answer) as http:
        async with http.exchange("POST", "/v1/a%2Fb?c=%7E", {"host": "h:1", "x-Name": "Größe\x80"}, b"{}") as answer:
            assert (answer.head.status, answer.head.headers) == (200, {"content-length": "2"})
        async with http.exchange("GET", "/", {"host": "h"}):
            pass
    assert wire.requests == [
        b"POST /v1/a%2Fb?c=%7E HTTP/1.1\r\nhost: h:1\r\nx-Name: Gr\xf6\xdfe\x80\r\ncontent-length: 2\r\n\r\n{}",
        b"GET / HTTP/1.1\r\nhost: h\r\n\r\n",
    ]


async def test_a_body_in_pieces_is_sent_in_chunks_or_with_its_length() -> None:
    wire = Wire([OK])
    async with client(wire.answer) as http:
        assert await asked(http, content=pieces(b"a", b"", b"bc")) == (200, b"ok")
        async with http.exchange("PUT", "/", {"host": "h", "content-length": "3"}, pieces(b"a", b"bc")):
            pass
    assert wire.requests[0].endswith(b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
    assert wire.requests[1].endswith(b"content-length: 3\r\n\r\nabc")


@pytest.mark.parametrize("body", [(b"a", b"bcd"), (b"a",)], ids=["longer", "shorter"])
async def test_a_body_of_another_length_than_it_told_is_not_sent_to_its_end(body: tuple[bytes, ...]) -> None:
    """What is too much would be the next request on that connection."""
    wire = Wire([OK])
    async with client(wire.answer) as http:
        with pytest.raises(Broken):
            async with http.exchange("PUT", "/", {"host": "h", "content-length": "3"}, pieces(*body)):
                pass
        await wire.ended.wait()
    assert wire.requests == []


async def test_what_the_source_of_a_body_raises_is_raised_and_ends_the_exchange() -> None:
    wire = Wire([OK])

    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise LookupError

    async with client(wire.answer) as http:
        with pytest.raises(LookupError):
            await asked(http, content=failing())
        await wire.ended.wait()


async def test_large_bodies_go_both_ways() -> None:
    large = b"x" * 3_000_000
    wire = Wire([b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(large), large)])
    async with client(wire.answer) as http:
        assert await asked(http, content=large) == (200, large)
        assert await asked(http, content=pieces(*[large[:900_000]] * 4)) == (200, large)
    assert [len(request) > len(large) for request in wire.requests] == [True, True]
    assert wire.connections == 1


# what comes back


async def test_pieces_come_when_they_are_sent() -> None:
    goes_on = asyncio.Event()
    wire = Wire([STREAM, b"2\r\nab\r\n", goes_on, b"1\r\nc\r\n0\r\n\r\n"])
    async with client(wire.answer) as http, http.exchange("POST", "/", {"host": "h"}, b"") as answer:
        assert await answer.read() == b"ab"
        goes_on.set()
        assert await answer.read() == b"c"
        assert [await answer.read() for _ in range(2)] == [b"", b""]


async def test_what_came_together_is_given_together() -> None:
    wire = Wire([STREAM + b"1\r\na\r\n" * 8_000 + b"0\r\n\r\n"])
    async with client(wire.answer) as http, http.exchange("POST", "/", {"host": "h"}, b"") as answer:
        taken = [piece async for piece in iterated(answer.read)]
    assert b"".join(taken) == b"a" * 8_000
    assert len(taken) < 10


async def iterated(read: Callable[[], Awaitable[bytes]]) -> AsyncIterator[bytes]:
    while piece := await read():
        yield piece


async def test_who_does_not_read_is_not_sent_more() -> None:
    sent = 0

    async def pouring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(STREAM)
        while True:
            writer.write(b"%x\r\n%b\r\n" % (100_000, b"x" * 100_000))
            await writer.drain()
            sent += 1

    async with client(pouring) as http, http.exchange("POST", "/", {"host": "h"}, b"") as answer:
        before = -1
        while sent > before or sent == 0:  # until nothing more goes through
            before = sent
            await asyncio.sleep(0.05)
        assert sent < 200  # what the kernel takes
        for _ in range(50):
            await answer.read()
        await eventually(lambda: sent > before, "more, now that there is room")


async def test_an_early_answer_is_heard_while_the_body_is_still_sent() -> None:
    said, heard = asyncio.Event(), asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield b"a"
        await said.wait()
        yield b"b"
        heard.set()

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"1\r\na\r\n")
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + STREAM + b"2\r\nno\r\n")
        await reader.readuntil(b"0\r\n\r\n")
        writer.write(b"1\r\n!\r\n0\r\n\r\n")

    async with client(early) as http, http.exchange("POST", "/", {"host": "h"}, waiting()) as answer:
        assert (answer.head.status, await answer.read()) == (200, b"no")
        said.set()
        assert await answer.read() == b"!"
        assert heard.is_set()


async def test_a_server_that_refuses_a_body_it_does_not_read_is_heard() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000

    async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
        await writer.drain()
        await asyncio.Event().wait()

    async with client(refusing) as http:
        assert await asked(http, content=endless()) == (413, b"no")


async def test_also_where_it_has_left_before_the_event_loop_hears_of_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as refusing:

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            connection, _ = refusing.accept()  # in which the event loop does nothing
            connection.recv(1)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
            connection.close()  # a reset, as it has not taken all
            yield b"b"
            await asyncio.Event().wait()

        http = Client(Server("127.0.0.1", refusing.getsockname()[1]), 60)
        assert await asked(http, content=body()) == (413, b"no")
        await http.close()


# how it breaks


@pytest.mark.parametrize("said", [STREAM + b"2\r\nab\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab"], ids=["chunks", "length"])
@pytest.mark.parametrize("resets", [False, True])
async def test_an_answer_that_breaks_off_is_given_as_far_as_it_came(said: bytes, resets: bool) -> None:
    goes_on = asyncio.Event()

    async def breaking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await goes_on.wait()
        if resets:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async with client(breaking) as http, http.exchange("POST", "/", {"host": "h"}, b"") as answer:
        assert await answer.read() == b"ab"
        goes_on.set()
        for _ in range(2):
            with pytest.raises(Broken):
                await answer.read()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200", b"HTTP/1.1 100 Continue\r\n\r\n", b"?\r\n\r\n"])
async def test_a_server_that_ends_before_it_answers_has_broken_off(said: bytes) -> None:
    async with client(Wire([said], stays=False).answer) as http:
        with pytest.raises(Broken):
            await asked(http)


async def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    wire = Wire([b"HTTP/1.0 200 OK\r\n\r\nhello"], stays=False)
    async with client(wire.answer) as http:
        assert await asked(http) == (200, b"hello")
        assert await asked(http) == (200, b"hello")
    assert wire.connections == 2


@pytest.mark.parametrize("said", [[], [STREAM], [STREAM, b"1\r\na\r\n"]], ids=["nothing", "head", "piece"])
async def test_a_server_may_not_be_silent_for_too_long(said: list[bytes]) -> None:
    wire = Wire([*said, asyncio.Event()])
    async with client(wire.answer, silence=0.05) as http:
        with pytest.raises(Silent):
            await asked(http)
        await wire.ended.wait()


async def test_nor_may_it_take_nothing() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    for content in (b"x" * 30_000_000, pieces(b"x" * 30_000_000)):
        async with client(deaf, silence=0.1) as http:
            with pytest.raises(Silent):
                await asked(http, content=content)


async def test_but_its_answer_may_take_long_and_so_may_its_reader() -> None:
    """Silence is counted from one piece to the next, and only while somebody waits for it."""
    turns = [asyncio.Event() for _ in range(4)]
    wire = Wire([STREAM, *(said for turn in turns for said in (turn, b"1\r\na\r\n")), b"0\r\n\r\n"])

    async def sender() -> None:
        for turn in turns:
            await asyncio.sleep(0.15)
            turn.set()

    async with client(wire.answer, silence=0.4) as http, http.exchange("POST", "/", {"host": "h"}, b"") as answer:
        await asyncio.sleep(0.5)
        sending = asyncio.create_task(sender())
        assert [piece async for piece in iterated(answer.read)] == [b"a"] * 4
        await sending


# connections


async def test_connections_are_used_again() -> None:
    wire = Wire([OK])
    async with client(wire.answer) as http:
        for method, content in (("POST", b"a"), ("GET", None), ("PUT", pieces(b"a", b"b"))):
            assert await asked(http, method, content) == (200, b"ok")
    assert wire.connections == 1


async def test_but_not_one_that_the_server_has_closed() -> None:
    """Even where the event loop has not heard of it yet."""
    wire = Wire([OK], stays=False)
    async with client(wire.answer) as http:
        for _ in range(3):
            assert await asked(http) == (200, b"ok")
        async with http.exchange("POST", "/", {"host": "h"}, b"") as answer:
            while await answer.read():
                pass
            await wire.ended.wait()
        assert await asked(http) == (200, b"ok")
    assert len(wire.requests) == wire.connections == 5


async def test_nor_one_that_says_what_nobody_asked_for() -> None:
    later = asyncio.Event()
    wire = Wire([OK + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n??"], [OK, later, OK], [OK])
    async with client(wire.answer) as http:
        assert await asked(http) == (200, b"ok")
        assert await asked(http) == (200, b"ok")
        wire.ended.clear()
        later.set()
        await wire.ended.wait()
        assert await asked(http) == (200, b"ok")
    assert wire.connections == 3


async def test_nor_one_whose_answer_was_left_or_never_came() -> None:
    wire = Wire([STREAM, b"1\r\na\r\n", asyncio.Event()])
    async with client(wire.answer) as http:
        for _ in range(2):
            wire.ended.clear()
            async with http.exchange("POST", "/", {"host": "h"}, b"") as answer:
                assert await answer.read() == b"a"
            await wire.ended.wait()
    assert wire.connections == 2


async def test_nor_one_whose_request_broke_off_at_the_moment_when_its_answer_was_whole() -> None:
    """The next request would be taken for the rest of it."""
    breaks = asyncio.Event()

    async def breaking() -> AsyncIterator[bytes]:
        yield b"a"
        await breaks.wait()
        raise LookupError

    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"1\r\na\r\n")
        writer.write(OK)
        await reader.read()

    async with client(early) as http:
        async with http.exchange("POST", "/", {"host": "h"}, breaking()) as answer:
            assert await answer.read() == b"ok"
            breaks.set()
            await asyncio.sleep(0)  # the source raises now, and nobody has been told yet
        assert not http.idle


async def test_a_request_is_not_sent_twice() -> None:
    """Also one that could be repeated, on a connection that was kept: whether it has been seen nobody knows."""
    connections, left = 0, asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        left.set()

    async with client(answer) as http:
        assert await asked(http, "GET", None) == (200, b"ok")
        with pytest.raises(Broken):
            await asked(http, "GET", None)
    assert (connections, left.is_set()) == (1, True)


async def test_an_idle_connection_is_closed_after_a_while() -> None:
    wire = Wire([OK])
    async with client(wire.answer, idle=0.02) as http:
        await asked(http)
        await wire.ended.wait()
        await asked(http)
    assert wire.connections == 2


async def test_any_number_may_be_open_and_some_are_kept() -> None:
    everybody = asyncio.Event()
    wire = Wire([everybody, OK])
    async with client(wire.answer) as http:
        asking = [asyncio.create_task(asked(http)) for _ in range(300)]
        await eventually(lambda: len(wire.requests) == 300, "all requests")
        everybody.set()
        assert {await one for one in asking} == {(200, b"ok")}
        await wire.ended.wait()
        assert len(http.idle) == 256


async def test_whoever_is_cancelled_leaves_nothing() -> None:
    wire = Wire([asyncio.Event()])
    async with client(wire.answer) as http:
        asking = asyncio.create_task(asked(http))
        await eventually(partial(bool, wire.requests), "the request")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await wire.ended.wait()


async def test_also_in_the_middle_of_its_answer() -> None:
    wire, heard = Wire([STREAM, asyncio.Event()]), asyncio.Event()

    async def listen() -> None:
        async with http.exchange("POST", "/", {"host": "h"}, b"") as answer:
            heard.set()
            await answer.read()

    async with client(wire.answer) as http:
        listening = asyncio.create_task(listen())
        await heard.wait()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await wire.ended.wait()


async def test_also_in_the_middle_of_its_request() -> None:
    asked_for = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"a"
        asked_for.set()
        await asyncio.Event().wait()

    wire = Wire([OK])
    async with client(wire.answer) as http:
        asking = asyncio.create_task(asked(http, content=stuck()))
        await asked_for.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await wire.ended.wait()


async def test_and_nothing_that_the_end_of_the_client_waits_for() -> None:
    """Whichever turn of the event loop it is in which they are: also that in which their connection has been made."""
    async with asyncio.timeout(DEADLINE), client(Wire([asyncio.Event()]).answer) as http:
        for turns in [*range(15)] * 20:
            asking = asyncio.create_task(asked(http))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("head", [STREAM, b"HTTP/1.0 200 OK\r\n\r\n"], ids=["chunks", "until the end"])
async def test_the_end_of_the_client_ends_whatever_is_open(head: bytes) -> None:
    """Also an answer that ends with its connection is cut off by that, and does not pass for whole."""
    wire = Wire([head, asyncio.Event()])
    async with client(wire.answer) as http, http.exchange("POST", "/", {"host": "h"}, b"") as answer:
        reading = asyncio.create_task(answer.read())
        await http.close()
        with pytest.raises(Broken):
            await reading
        await wire.ended.wait()


# the way there


async def test_a_unix_socket_leads_there_too() -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "s")
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        listening.listen()
        wire = Wire([OK])
        listening.setblocking(False)
        server = await asyncio.start_unix_server(wire.answer, sock=listening)
        http = Client(Server("h", 1, path), 60)
        assert await asked(http) == (200, b"ok")
        await http.close()
        await wire.ended.wait()
        server.close()
        http = Client(Server("h", 1, path + "-nobody"), 60)
        with pytest.raises(Unreachable):
            await asked(http)
        await http.close()


async def test_where_nobody_is_is_tried_again() -> None:
    port, wire = free_port(), Wire([OK])
    http = Client(Server("localhost", port), 60)
    asking = asyncio.create_task(asked(http))
    await asyncio.sleep(0.1)  # two tries have failed
    async with answering(wire.answer, socket.create_server(("127.0.0.1", port))):
        assert await asking == (200, b"ok")
        await http.close()
    with pytest.raises(Unreachable):
        await asked(http)


@pytest.mark.parametrize("host", ["nobody.invalid", "a..b", "x" * 70 + ".invalid"])
async def test_a_name_that_is_none_leads_nowhere(host: str) -> None:
    with pytest.raises(Unreachable):
        await reached(Server(host, 80), asyncio.Protocol, pauses=())


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def serving(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


async def test_tls_goes_to_who_can_prove_their_name(authority: trustme.CA) -> None:
    wire = Wire([STREAM, b"1\r\na\r\n0\r\n\r\n"])
    async with answering(wire.answer, tls=serving(authority)) as port:
        http = Client(Server("localhost", port, tls=trusting(authority)), 60)
        for content in (b"a" * 1_000_000, pieces(b"a", b"b")):
            assert await asked(http, content=content) == (200, b"a")
        await http.close()
        assert wire.connections == 1
        for server in (Server("127.0.0.1", port, tls=trusting(authority)), Server("localhost", port, tls=trusting(trustme.CA()))):
            with pytest.raises(Unreachable):
                await reached(server, asyncio.Protocol, pauses=())
    assert len(wire.requests) == 2


async def test_a_handshake_that_takes_too_long_is_given_up_and_leaves_nothing(authority: trustme.CA) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = Server("127.0.0.1", silent.getsockname()[1], tls=trusting(authority))
        with pytest.raises(Unreachable):
            await reached(server, asyncio.Protocol, patience=0.05, pauses=(0.0,))
        for _ in range(2):
            silent.accept()[0].close()  # those that have been given up
        silent.setblocking(False)
        connecting = asyncio.create_task(reached(server, asyncio.Protocol))
        shaking, _ = await asyncio.get_running_loop().sock_accept(silent)
        await asyncio.get_running_loop().sock_recv(shaking, 1)  # it has begun
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        while await asyncio.get_running_loop().sock_recv(shaking, 1000):
            pass
        shaking.close()
    gc.collect()  # pytest makes an error of what it finds


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_whoever_is_cancelled_when_they_are_connected_leaves_in_order(authority: trustme.CA, secure: bool) -> None:
    """The socket is its transport's by then, which has something to say to the other side."""
    wire, ends = Wire([OK]), list[Exception | None]()

    class Cancelling(asyncio.Protocol):
        def connection_made(self, _: asyncio.BaseTransport) -> None:
            connecting.cancel()

        def connection_lost(self, fault: Exception | None) -> None:
            ends.append(fault)

    async with answering(wire.answer, tls=serving(authority) if secure else None) as port:
        server = Server("localhost", port, tls=trusting(authority) if secure else None)
        connecting = asyncio.create_task(reached(server, Cancelling))
        await asyncio.wait([connecting])
        await wire.ended.wait()
    assert connecting.cancelled()
    assert ends in ([None], [])  # of what is not secure, uvloop does not tell


async def test_an_address_that_leads_nowhere_does_not_keep_from_the_next() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, socket.create_server(("127.0.0.1", 0)) as other:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # so that nobody else gets through
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        found = await asyncio.get_running_loop().getaddrinfo("127.0.0.1", other.getsockname()[1], type=socket.SOCK_STREAM)
        nowhere = (*found[0][:4], full.getsockname())
        refusing = (*found[0][:4], ("127.0.0.1", free_port()))
        for addresses in ([nowhere, *found], [refusing, *found], [nowhere, refusing, *found]):
            with await connected(addresses) as reaching:
                assert reaching.getpeername() == other.getsockname()
        with pytest.raises(ConnectionRefusedError):
            await connected([refusing, refusing])
        for one in waiting:
            one.close()
    gc.collect()
