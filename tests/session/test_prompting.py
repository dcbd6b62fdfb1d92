"""A request that names a prompt: what it takes from it, what it says itself, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pytest

from gw_extproc.core import ids
from gw_extproc.core.errors import CallerError
from gw_extproc.schema.prompts import CreatePrompt
from gw_extproc.schema.validation import validate
from gw_extproc.session.begin import begin
from gw_extproc.session.session import Session
from gw_extproc.store.errors import StoreDown
from gw_extproc.store.store import Store
from tests.events import Json
from tests.session.conftest import Made, talk
from tests.session.talk import LOOK, PICTURE, Talk, assistant, user
from tests.valkey import Valkey

UNKNOWN = ids.prompt_id("0" * 24)
IMAGE = {"type": "input_image", "image_url": PICTURE}


async def kept(me: Talk, *versions: Mapping[str, Any]) -> str:
    """A prompt with these versions."""
    unique, prompts, tenant = me.gateway.new_part(), me.store.prompts, me.caller.tenant
    first, *others = [orjson.dumps(validate(dict(version), CreatePrompt)) for version in versions]
    await prompts.create(tenant, unique, b"{}", first)
    for version in others:
        seen = (await prompts.load(tenant, unique)).stamp
        await prompts.update(tenant, unique, seen, me.gateway.new_part(), b"{}", version)
    return ids.prompt_id(unique)


async def begun(me: Talk, prompt: object, **fields: Any) -> Session:
    return await begin(orjson.dumps({"input": "hello", "prompt": prompt, **fields}), me.caller, me.gateway)


async def sent(me: Talk, prompt: object, **fields: Any) -> Json:
    """What the model receives."""
    found: Json = orjson.loads((await begun(me, prompt, **fields)).chat)
    return found


async def refused(me: Talk, prompt: object, **fields: Any) -> tuple[int, str | None, str | None]:
    with pytest.raises(CallerError) as caught:
        await begun(me, prompt, **fields)
    return caught.value.status, caught.value.code, caught.value.param


async def test_what_the_request_leaves_out_is_the_prompts(me: Talk) -> None:
    prompt = await kept(me, {"model": "m", "instructions": "Speak of {{city}}.", "temperature": 0.5, "tools": [LOOK]})
    chat = await sent(me, {"id": prompt, "variables": {"city": "Rome"}})
    assert (chat["model"], chat["temperature"]) == ("m", 0.5)
    assert chat["messages"] == [{"role": "system", "content": "Speak of Rome."}, user("hello")]
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["look"]


async def test_what_the_request_says_wins(me: Talk) -> None:
    prompt = {"id": await kept(me, {"model": "m", "instructions": "One.", "temperature": 0.5, "top_p": 0.5})}
    chat = await sent(me, prompt, model="other", instructions="Two.", temperature=0, top_p=None)
    assert (chat["model"], chat["temperature"], chat["top_p"]) == ("other", 0, 0.5)
    assert chat["messages"][0]["content"] == "Two."


async def test_messages_stand_before_everything_and_are_not_the_callers(me: Talk) -> None:
    messages = [{"role": "developer", "content": "Be {{how}}."}, user("Look at {{it}}"), assistant("Yes.")]
    prompt = {"id": await kept(me, {"instructions": messages}), "variables": {"how": "brief", "it": IMAGE}}
    first = await me.turn("one")
    turn = await me.turn("two", prompt=prompt, previous_response_id=first.id)
    picture = {"type": "image_url", "image_url": {"url": PICTURE}}
    shown = user([{"type": "text", "text": "Look at "}, picture])  # type: ignore[arg-type]
    system = {"role": "system", "content": "Be brief."}
    assert turn.messages == [system, shown, assistant("Yes."), user("one"), assistant("Hello!"), user("two")]
    assert [item["content"][0]["text"] for item in await me.inputs(turn.id)] == ["two"]
    third = await me.turn("three", previous_response_id=turn.id)
    assert [message["content"] for message in third.messages] == ["one", "Hello!", "two", "Hello!", "three"]


async def test_it_needs_no_input_of_the_request(me: Talk) -> None:
    prompt = {"id": await kept(me, {"model": "m", "instructions": [user("hello")]})}
    assert (await sent(me, prompt, input=None))["messages"] == [user("hello")]


async def test_the_response_says_what_it_was_made_from(me: Talk) -> None:
    prompt = {"id": await kept(me, {"instructions": "{{a}}"}, {"instructions": [user("{{a}}")]}), "variables": {"a": "x"}}
    turn = await me.turn(prompt=prompt)
    assert turn.response["prompt"] == {**prompt, "version": "2"}
    (told,) = turn.response["instructions"]
    assert told == {"type": "message", "status": "completed", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
    assert await me.stored(turn.id) == turn.response
    older = (await me.turn(prompt={**prompt, "version": "1"})).response
    assert (older["prompt"], older["instructions"]) == ({**prompt, "version": "1"}, "x")
    assert "prompt" not in (await me.turn()).response


@pytest.mark.parametrize(
    ("variables", "code", "param"),
    [
        (None, "missing_required_parameter", "prompt.variables.city"),
        ({"town": "Rome", "city": "Rome"}, "unknown_parameter", "prompt.variables.town"),
        ({"city": IMAGE}, "unsupported_value", "prompt.variables.city"),
        ({"city": 5}, "invalid_type", "prompt.variables.city"),
    ],
)
async def test_a_wrong_variable_is_named(me: Talk, variables: object, code: str, param: str) -> None:
    prompt = await kept(me, {"model": "m", "instructions": "Speak of {{city}}."})
    assert await refused(me, {"id": prompt, "variables": variables}) == (400, code, param)


async def test_a_model_is_named_by_one_of_both(me: Talk) -> None:
    assert await refused(me, {"id": await kept(me, {})}) == (400, "missing_required_parameter", "model")


async def test_the_rest_of_the_request_is_looked_at_as_ever(me: Talk) -> None:
    prompt = {"id": await kept(me, {"model": "m"})}
    assert await refused(me, prompt, temperature=3) == (400, "decimal_above_max_value", "temperature")
    assert await refused(me, prompt, instructions=[user("hi")]) == (400, "invalid_type", "instructions")
    assert await refused(me, "pmpt_1") == (400, "invalid_type", "prompt")
    assert await refused(me, {"id": ""}) == (400, "missing_required_parameter", "prompt.id")


async def test_what_is_not_there_is_404(me: Talk, stranger: Talk) -> None:
    id = await kept(me, {"model": "m"})
    for caller, unknown in ((me, UNKNOWN), (me, "pmpt_1"), (stranger, id)):
        assert await refused(caller, {"id": unknown}) == (404, "prompt_not_found", "prompt.id")
        assert await refused(caller, {"id": unknown, "version": "x"}) == (404, "prompt_not_found", "prompt.id")
    versions: Sequence[str] = ("", "0", "01", "2", "-1", "1.0", "\u0661", "1" * 100, "latest")
    for version in versions:
        assert await refused(me, {"id": id, "version": version}) == (404, "prompt_version_not_found", "prompt.version")


async def test_without_the_store_it_cannot_be_had(frail: Valkey, frail_store: Store, made: Made) -> None:
    me = talk(made(frail_store))
    prompt = {"id": await kept(me, {"model": "m"})}
    frail.kill()
    with pytest.raises(StoreDown):
        await begun(me, prompt)
