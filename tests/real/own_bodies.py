"""Answers in the shapes that real servers send, written for this suite, and what they say."""

from __future__ import annotations

from typing import Any

from tests.real import chat
from tests.real.said import Said

TOKENS = (11, 7, 18)


def _stream(*pieces: bytes) -> bytes:
    return b"".join(pieces)


def _calls(*entries: dict[str, Any]) -> bytes:
    return chat.chunk(tool_calls=list(entries))


def _piece(arguments: str, **more: Any) -> dict[str, Any]:
    return {"function": {"arguments": arguments}, **more}


PLAIN = _stream(chat.chunk(role="assistant", content=""), *chat.text("Grüße", ", 世界", "!"), chat.finish())
TWO_CALLS = _stream(
    chat.chunk(reasoning_content="Both cities "),
    chat.chunk(reasoning_content="are asked for."),
    _calls(chat.call("get_weather", "", index=0, id="call_a")),
    _calls(_piece('{"city":', index=0)),
    _calls(chat.call("get_weather", '{"city":', index=1, id="call_b")),
    _calls(_piece('"Oslo"}', index=0), _piece('"Rome"}', index=1)),
    chat.finish("tool_calls"),
)
WEATHER = (("get_weather", {"city": "Oslo"}), ("get_weather", {"city": "Rome"}))

BODIES: dict[str, tuple[bytes, Said]] = {
    "plain.sse": (PLAIN, Said("Grüße, 世界!", tokens=TOKENS)),
    "crlf-comments-no-done.sse": (
        b": waiting\r\n\r\n" + PLAIN.removesuffix(chat.DONE).replace(b"\n", b"\r\n"),
        Said("Grüße, 世界!", tokens=TOKENS),
    ),
    "azure-first-chunk.sse": (
        chat.event({"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": []}) + PLAIN,
        Said("Grüße, 世界!", tokens=TOKENS),
    ),
    "parallel-calls.sse": (TWO_CALLS, Said("", "Both cities are asked for.", calls=WEATHER, tokens=TOKENS)),
    "index-from-one.sse": (
        _stream(*chat.text("Reading."), _calls(chat.call("read", "", index=1)), _calls(_piece('{"path":"a"}', index=1)), chat.finish()),
        Said("Reading.", calls=(("read", {"path": "a"}),), tokens=TOKENS),
    ),
    "thinking-parts.sse": (
        _stream(
            chat.chunk(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]),
            chat.chunk(content=[{"type": "text", "text": "Four."}]),
            chat.finish(),
        ),
        Said("Four.", "Hm.", tokens=TOKENS),
    ),
    "think-tags.sse": (
        _stream(*chat.text("<th", "ink>\nLet me", " see.\n</thi", "nk>\n\nFour."), chat.finish()),
        Said("Four.", "Let me see.", tokens=TOKENS),
    ),
    "length.sse": (_stream(*chat.text("Once upon"), chat.finish("length")), Said("Once upon", status="incomplete", tokens=TOKENS)),
    "no-usage-no-reason.sse": (_stream(*chat.text("Fine"), chat.DONE), Said("Fine")),
    "plain.json": (chat.completion(content="Grüße, 世界!"), Said("Grüße, 世界!", tokens=TOKENS)),
    "call-without-id.json": (
        chat.completion("tool_calls", content=None, tool_calls=[chat.call("now", "{}", id="")]),
        Said(calls=(("now", {}),), tokens=TOKENS),
    ),
    "reasoning-call.json": (
        chat.completion("tool_calls", reasoning="Look it up.", tool_calls=[chat.call("find", '{"what": "é"}')]),
        Said("", "Look it up.", calls=(("find", {"what": "é"}),), tokens=TOKENS),
    ),
    "refusal.json": (chat.completion(content=None, refusal="No."), Said(refusal="No.", tokens=TOKENS)),
    "filtered.json": (chat.completion("content_filter", content="I"), Said("I", status="incomplete", tokens=TOKENS)),
}
