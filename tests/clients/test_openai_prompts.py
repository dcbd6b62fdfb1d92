"""The unmodified openai SDK with stored prompts: it uses them by itself, and reaches their operations by its plain verbs."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import OpenAI
from openai.types.responses import Response

PICTURE = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
UNKNOWN = "pmpt_" + "0" * 24


def kept(client: OpenAI, **fields: Any) -> str:
    return str(client.post("/prompts", cast_to=dict, body={"model": "demo", **fields})["id"])


def said(client: OpenAI, prompt: Any, **fields: Any) -> Response:
    response = client.responses.create(prompt=prompt, **fields)
    assert isinstance(response, Response)
    return response


def test_a_prompt_s_life(client: OpenAI) -> None:
    id = kept(client, instructions=[{"role": "user", "content": "What of {{city}}?"}])
    first = said(client, {"id": id, "variables": {"city": "Rome"}})
    assert '"What of Rome?"' in first.output_text
    assert first.prompt is not None
    assert (first.prompt.id, first.prompt.version) == (id, "1")
    client.post(f"/prompts/{id}", cast_to=dict, body={"instructions": [{"role": "user", "content": "Why {{city}}?"}]})
    assert '"Why Rome?"' in said(client, {"id": id, "variables": {"city": "Rome"}}).output_text
    assert '"What of Rome?"' in said(client, {"id": id, "version": "1", "variables": {"city": "Rome"}}).output_text
    assert client.responses.retrieve(first.id) == first
    client.delete(f"/prompts/{id}", cast_to=dict)
    with pytest.raises(openai.NotFoundError) as raised:
        said(client, {"id": id})
    assert (raised.value.code, raised.value.param) == ("prompt_not_found", "prompt.id")


def test_a_picture_is_a_variable_and_the_answer_streams(client: OpenAI) -> None:
    id = kept(client, instructions=[{"role": "user", "content": "Look at {{it}}"}])
    prompt: Any = {"id": id, "variables": {"it": {"type": "input_image", "image_url": PICTURE}}}
    with client.responses.stream(prompt=prompt, model="demo", input="Well?") as stream:
        final = stream.get_final_response()
    assert "1 image" in final.output_text
    assert isinstance(final.instructions, list)


def test_a_wrong_variable_is_named(client: OpenAI) -> None:
    id = kept(client, instructions="Speak of {{city}}.")
    for variables, param in (({}, "prompt.variables.city"), ({"city": "Rome", "day": "x"}, "prompt.variables.day")):
        with pytest.raises(openai.BadRequestError) as raised:
            said(client, {"id": id, "variables": variables}, input="Hello")
        assert raised.value.param == param


def test_a_stranger_finds_nothing(client: OpenAI, stranger: OpenAI) -> None:
    id = kept(client, instructions="Speak.")
    errors = []
    for each in (id, UNKNOWN):
        with pytest.raises(openai.NotFoundError) as raised:
            said(stranger, {"id": each}, input="Hello", model="demo")
        errors.append(str(raised.value.body).replace(each, "ID"))
    assert errors[0] == errors[1]


def test_over_a_socket(client: OpenAI) -> None:
    id = kept(client, instructions=[{"role": "user", "content": "What of {{city}}?"}])
    with client.responses.connect() as connection:
        connection.response.create(prompt={"id": id, "variables": {"city": "Rome"}}, model="demo")
        for event in connection:
            if event.type == "response.completed":
                assert '"What of Rome?"' in event.response.output_text
                break
