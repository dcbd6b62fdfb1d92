"""The emitter: numbers, framing, the two profiles' errors."""

from __future__ import annotations

from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.events import PROFILES, Emitter, delta_prefix


def test_events_are_framed_and_numbered_from_0() -> None:
    emitter = Emitter(PROFILES["openai"])
    emitter.emit("response.one", item=None)
    emitter.delta(delta_prefix("response.two", item_id="é"), 'a"\n🙂')
    assert emitter.take().decode() == (
        "event: response.one\n"
        'data: {"type":"response.one","sequence_number":0,"item":null}\n\n'
        "event: response.two\n"
        'data: {"type":"response.two","item_id":"é","sequence_number":1,"delta":"a\\"\\n🙂"}\n\n'
    )
    assert emitter.take() == b""
    emitter.done()
    assert emitter.take() == b"data: [DONE]\n\n"


def error(profile: str) -> bytes:
    emitter = Emitter(PROFILES[profile])
    emitter.error(UpstreamError("no", code="c", param="p", type="t"))
    return emitter.take()


def test_errors_are_flat_or_nested() -> None:
    assert error("openai") == b'event: error\ndata: {"type":"error","sequence_number":0,"code":"c","message":"no","param":"p"}\n\n'
    assert error("open-responses") == (
        b'event: error\ndata: {"type":"error","sequence_number":0,"error":{"type":"t","code":"c","message":"no","param":"p"}}\n\n'
    )
