"""Content parts: what each dialect takes, and what is refused by its path."""

from __future__ import annotations

import base64

import pytest

from .translated import PICTURE, Fields, messages, notice, refusal, refused

TEXT: Fields = {"type": "input_text", "text": "hello"}
IMAGE: Fields = {"type": "image_url", "image_url": {"url": PICTURE["image_url"]}}
AUDIO: Fields = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav", "note": 1}}
PDF: Fields = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}
PDF_URL: Fields = {"type": "input_file", "file_url": "https://example.com/a.pdf"}


def said(*parts: Fields, dialect: str = "generic") -> object:
    """The content of the user's message, None where there is no message."""
    _, *rest = messages({"role": "user", "content": "first"}, {"role": "user", "content": list(parts)}, dialect=dialect)
    return rest[0]["content"] if rest else None


def part_notice(part: Fields, dialect: str = "generic") -> str:
    return notice(dialect, input=[{"role": "user", "content": [part]}])


def part_refused(part: Fields, dialect: str = "generic") -> tuple[str | None, str | None]:
    return refused(dialect, input=[{"role": "user", "content": [TEXT, part]}])


def test_text_alone_is_a_string() -> None:
    assert said(TEXT) == "hello"
    assert said(TEXT, {"type": "text", "text": "there"}, {"type": "output_text", "text": "now"}) == "hello\nthere\nnow"


def test_empty_parts_are_left_out() -> None:
    empty = {"type": "input_text", "text": ""}
    assert said(empty, TEXT) == "hello"
    assert said(empty) is None
    assert said() is None
    assert said(empty, PICTURE) == [IMAGE]


def test_text_and_media_stay_parts() -> None:
    assert said(TEXT, PICTURE) == [{"type": "text", "text": "hello"}, IMAGE]
    audio = {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}
    assert said(AUDIO) == [audio]


@pytest.mark.parametrize(
    ("dialect", "detail", "sent", "told"),
    [
        ("openai", None, None, ""),
        ("openai", "auto", None, ""),
        ("openai", "low", "low", ""),
        ("openai", "high", "high", ""),
        ("openai", "original", "high", "image detail sent as high: original"),
        ("generic", "auto", None, ""),
        ("generic", "low", None, "not sent: image detail"),
        ("generic", "original", None, "not sent: image detail"),
    ],
)
def test_image_detail_is_sent_where_it_is_known(dialect: str, detail: str | None, sent: str | None, told: str) -> None:
    image = {**IMAGE["image_url"], **({"detail": sent} if sent else {})}
    assert said({**PICTURE, "detail": detail}, dialect=dialect) == [{"type": "image_url", "image_url": image}]
    assert part_notice({**PICTURE, "detail": detail}, dialect) == told


def test_a_mark_for_the_prompt_cache_is_named_on_parts_of_every_kind() -> None:
    for part in (TEXT, PICTURE, AUDIO):
        assert (
            part_notice({**part, "prompt_cache_breakpoint": {"mode": "explicit"}})
            == "fields not sent: content[].prompt_cache_breakpoint"
        )
        assert part_notice({**part, "prompt_cache_breakpoint": None}) == ""


def test_the_detail_of_a_file_is_named() -> None:
    assert part_notice({**PDF, "detail": "high"}, "openai") == "not sent: file detail"
    assert part_notice({**PDF, "detail": "auto"}, "openai") == ""


def test_files_go_where_files_are_known() -> None:
    assert said(PDF, dialect="openai") == [{"type": "file", "file": {"filename": "a.pdf", "file_data": PDF["file_data"]}}]
    assert said({**PDF, "filename": None}, dialect="openrouter") == [
        {"type": "file", "file": {"filename": "file", "file_data": PDF["file_data"]}}
    ]
    assert said(PDF_URL, dialect="openrouter") == [{"type": "file", "file": {"filename": "file", "file_data": PDF_URL["file_url"]}}]


def test_a_file_of_text_is_text_where_files_are_unknown() -> None:
    def data(url: str) -> Fields:
        return {"type": "input_file", "filename": "a.txt", "file_data": url}

    encoded = base64.b64encode("größer".encode()).decode()
    assert said(data(f"data:text/plain;charset=utf-8;base64,{encoded}")) == "a.txt:\ngrößer"
    assert said(data("data:application/json,%7B%7D")) == "a.txt:\n{}"
    assert said({**data("data:text/plain,x"), "filename": ""}) == "file:\nx"
    for other in ("data:text/plain;base64,%%", "data:text/plain,%FF", "data:image/png,x", "data:text/plain", "AAAA,AAAA"):
        assert part_refused(data(other)) == ("input[0].content[1].file_data", "unsupported_content")


@pytest.mark.parametrize(
    ("dialect", "part", "path"),
    [
        ("deepseek", PICTURE, ""),
        ("ollama", AUDIO, ""),
        ("generic", PDF, ".file_data"),
        ("openai", PDF_URL, ".file_url"),
    ],
)
def test_media_that_the_upstream_does_not_take_are_refused(dialect: str, part: Fields, path: str) -> None:
    assert part_refused(part, dialect) == (f"input[0].content[1]{path}", "unsupported_content")


def test_the_refusal_names_the_dialect_and_the_medium() -> None:
    error = refusal("openai", input=[{"role": "user", "content": [PDF_URL]}])
    assert error.message == "Unsupported value for 'input[0].content[0].file_url': the upstream (dialect openai) takes no file by URL."


@pytest.mark.parametrize("part", [{"type": "input_image", "file_id": "file-1"}, {"type": "input_file", "file_id": "file-1"}])
def test_file_ids_need_a_place_where_files_are_kept(part: Fields) -> None:
    assert part_refused(part) == ("input[0].content[1].file_id", "unsupported_value")


@pytest.mark.parametrize("role", ["system", "developer"])
def test_some_roles_hold_only_text(role: str) -> None:
    assert messages({"role": role, "content": [TEXT, TEXT]}) == [{"role": "system", "content": "hello\nhello"}]
    assert refused(input=[{"role": role, "content": [TEXT, PICTURE]}]) == ("input[0].content[1]", "unsupported_value")
