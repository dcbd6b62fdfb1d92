"""Prompt templates: which variables they have, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from gw_extproc.core.errors import CallerError
from gw_extproc.core.prompts import filled, text_of, variables

PICTURE = {"detail": "auto", "type": "input_image", "image_url": "data:image/png;base64,AA=="}
FILE = {"type": "input_file", "filename": "a.txt", "file_data": "data:text/plain,a"}


def text(said: str) -> Mapping[str, str]:
    return {"type": "input_text", "text": said}


def message(role: str, content: Any) -> Mapping[str, Any]:
    return {"role": role, "content": content}


def normal(role: str, content: Any) -> Mapping[str, Any]:
    return {"type": "message", "status": "completed", "role": role, "content": content}


def refused(instructions: Any, values: Mapping[str, Any]) -> tuple[str | None, str | None, str]:
    with pytest.raises(CallerError) as caught:
        filled(instructions, values)
    return caught.value.code, caught.value.param, caught.value.message


@pytest.mark.parametrize(
    ("instructions", "names"),
    [
        (None, []),
        ("", []),
        ("Speak of {{city}} and {{ day_1 }}, of {{city}}.", ["city", "day_1"]),
        ("{{}} {{1a}} {{#if}} {{a b}} {city} {{{city-2}}} {{\n_x\t}}", ["city-2", "_x"]),
        ("{{" + "a" * 64 + "}} {{" + "a" * 65 + "}}", ["a" * 64]),
        ([message("user", "{{b}}"), message("developer", None), message("user", [text("{{a}}"), PICTURE])], ["b", "a"]),
    ],
)
def test_variables_are_named_once_in_order(instructions: Any, names: list[str]) -> None:
    assert variables(instructions) == names


@pytest.mark.parametrize(
    ("instructions", "values", "said"),
    [
        (None, {}, None),
        ("Plain.", {}, "Plain."),
        ("Of {{a}}, {{ b }} and {{a}}.", {"a": "Rome", "b": text("rain")}, "Of Rome, rain and Rome."),
        ("{{a}}", {"a": "{{a}} {{b}} \\1 \\g<0>"}, "{{a}} {{b}} \\1 \\g<0>"),
        ("{{a}}{{b}}", {"a": "", "b": ""}, ""),
    ],
)
def test_a_text_with_values(instructions: Any, values: Mapping[str, Any], said: str | None) -> None:
    assert filled(instructions, values) == said


@pytest.mark.parametrize(
    ("content", "values", "said"),
    [
        ("Of {{a}}.", {"a": text("Rome")}, [text("Of Rome.")]),
        (None, {}, []),
        ("See {{a}}!", {"a": PICTURE}, [text("See "), PICTURE, text("!")]),
        ("{{a}}{{b}}", {"a": PICTURE, "b": FILE}, [PICTURE, FILE]),
        ([text("See {{a}} of {{b}}"), PICTURE], {"a": FILE, "b": "x"}, [text("See "), FILE, text(" of x"), PICTURE]),
        ([text("{{a}}")], {"a": ""}, []),
    ],
)
def test_a_message_of_the_user_with_values(content: Any, values: Mapping[str, Any], said: Any) -> None:
    assert filled([message("user", content)], values) == [normal("user", said)]


@pytest.mark.parametrize("role", ["system", "developer"])
def test_other_messages_hold_texts_alone(role: str) -> None:
    template = [message(role, "{{a}}"), message(role, None), message(role, [text("Of {{a}}."), PICTURE])]
    said = [normal(role, [text("Rome")]), normal(role, [text("")]), normal(role, [text("Of Rome."), PICTURE])]
    assert filled(template, {"a": "Rome"}) == said


def test_the_models_messages_hold_texts_alone_and_keep_their_form() -> None:
    template = [message("assistant", "{{a}}"), message("assistant", [{"type": "output_text", "text": "Of {{a}}."}])]
    spoken = [{"type": "output_text", "text": "Of Rome."}]
    said = [message("assistant", "Rome"), message("assistant", spoken)]
    assert filled(template, {"a": "Rome"}) == [{"type": "message", **each} for each in said]


@pytest.mark.parametrize("role", ["system", "developer", "assistant"])
@pytest.mark.parametrize("content", ["{{a}}", [text("Of {{a}}.")]])
def test_a_picture_stands_in_the_users_messages_alone(role: str, content: Any) -> None:
    code, param, words = refused([message(role, content)], {"a": PICTURE})
    assert (code, param) == ("unsupported_value", "prompt.variables.a")
    assert words == "Unsupported value for 'prompt.variables.a': an 'input_image' can only stand in a message of the user's role."


def test_a_text_cannot_hold_a_file() -> None:
    assert refused("{{a}}", {"a": FILE})[:2] == ("unsupported_value", "prompt.variables.a")


def test_each_place_needs_a_value_and_each_value_a_place() -> None:
    missing = ("missing_required_parameter", "prompt.variables.city", "Missing required parameter: 'prompt.variables.city'.")
    assert refused("{{day}} {{city}}", {"day": "Monday"}) == missing
    code, param, words = refused("{{day}}", {"day": "", "town": ""})
    assert (code, param) == ("unknown_parameter", "prompt.variables.town")
    assert words == "Unknown parameter: 'prompt.variables.town': the prompt has no such variable."
    assert refused(None, {"x" * 100: ""})[1] == "prompt.variables." + "x" * 64 + "..."


@pytest.mark.parametrize(
    ("instructions", "said"),
    [(None, ""), ("a", "a"), ([message("user", "a"), message("user", [text("b"), PICTURE]), message("user", None)], "a\nb")],
)
def test_all_that_instructions_say(instructions: Any, said: str) -> None:
    assert text_of(instructions) == said
