"""The emitter: numbers, framing, the two profiles' errors."""

from __future__ import annotations

from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import PROFILES, Emitter, Mute, delta_prefix, payloads, pieces
from tests.events import events


def test_events_are_framed_and_numbered_from_0() -> None:
    emitter = Emitter(PROFILES["openai"])
    emitter.emit("response.one", item=None)
    prefix = delta_prefix("response.two", item_id="é")
    emitter.delta(prefix, 0, 'a"\n🙂')
    emitter.delta(prefix, 0, "b")
    assert emitter.take().decode() == (
        "event: response.one\n"
        'data: {"type":"response.one","sequence_number":0,"item":null}\n\n'
        "event: response.two\n"
        'data: {"type":"response.two","item_id":"é","sequence_number":1,"delta":"a\\"\\n🙂"}\n\n'
        "event: response.two\n"
        'data: {"type":"response.two","item_id":"é","sequence_number":2,"delta":"b"}\n\n'
    )
    assert emitter.trace.marks == [["i", 0], 4, 1]
    assert emitter.take() == b""


def test_a_text_that_grows_after_another_says_whose_it_is() -> None:
    emitter = Emitter(PROFILES["openai"])
    prefix, texts = delta_prefix("response.two"), list[str]()
    grow = emitter.growing(prefix, 1, texts)
    emitter.delta(prefix, 0, "a")
    told = emitter.take() + grow("bc") + grow("d")
    assert [event["delta"] for event in events(told)] == ["a", "bc", "d"]
    assert texts == ["bc", "d"]
    assert emitter.trace.marks == [["i", 0], 1, ["i", 1], 2, 1]


def test_what_waits_is_told_to_be_queued() -> None:
    emitter = Emitter(PROFILES["openai"], 5)
    emitter.begin(b'{"a":1}', b'{"a":0}')
    told = list(payloads(b"".join(emitter.each())))
    assert [type for type, _ in told] == [b"response.created", b"response.queued", b"response.in_progress"]
    assert told[0][1] == b'{"type":"response.created","sequence_number":5,"response":{"a":0}}'
    assert told[2][1] == b'{"type":"response.in_progress","sequence_number":7,"response":{"a":1}}'


def test_events_can_be_taken_apart() -> None:
    emitter = Emitter(PROFILES["openai"])
    emitter.begin(b"{}")
    emitter.end("completed", b"{}")
    each = emitter.each()
    assert pieces(b"".join(each)) == each


def test_where_nobody_wants_events_the_trace_is_kept_all_the_same() -> None:
    emitter = Mute(PROFILES["openai"])
    emitter.begin(b"{}")
    emitter.emit("response.one", item=None)
    emitter.describe("response.one", dict)
    emitter.delta(delta_prefix("response.two"), 0, "abc")
    emitter.error(UpstreamError("no"))
    assert emitter.trace.marks == [["i", 0], 3, ["e", "server_error", None, None]]


def test_a_response_is_announced_twice_and_ends_with_the_literal() -> None:
    emitter = Emitter(PROFILES["openai"])
    emitter.begin(b'{"a":1}')
    emitter.end("completed", b'{"a":2}')
    assert emitter.each() == [
        b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"a":1}}\n\n',
        b'event: response.in_progress\ndata: {"type":"response.in_progress","sequence_number":1,"response":{"a":1}}\n\n',
        b'event: response.completed\ndata: {"type":"response.completed","sequence_number":2,"response":{"a":2}}\n\n',
        b"data: [DONE]\n\n",
    ]
    assert emitter.each() == []


def test_payloads_are_what_is_framed() -> None:
    emitter = Emitter(PROFILES["openai"])
    emitter.emit("response.one", text="\n\ndata: ")
    emitter.end("completed", b"{}")
    assert list(payloads(emitter.take())) == [
        (b"response.one", b'{"type":"response.one","sequence_number":0,"text":"\\n\\ndata: "}'),
        (b"response.completed", b'{"type":"response.completed","sequence_number":1,"response":{}}'),
    ]
    assert list(payloads(b"")) == []


def error(profile: str) -> bytes:
    emitter = Emitter(PROFILES[profile])
    emitter.error(UpstreamError("no", code="c", param="p", type="t"))
    return emitter.take()


def test_errors_are_flat_or_nested() -> None:
    assert error("openai") == b'event: error\ndata: {"type":"error","sequence_number":0,"code":"c","message":"no","param":"p"}\n\n'
    assert error("open-responses") == (
        b'event: error\ndata: {"type":"error","sequence_number":0,"error":{"type":"t","code":"c","message":"no","param":"p"}}\n\n'
    )
