"""Prompts and their versions: the seven operations."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from gw_extproc.core.ids import prompt_id
from gw_extproc.schema import answers, prompts
from tests.api.serving import Api, good, strictly
from tests.api.test_conversations import not_found
from tests.api.upstream_answers import says
from tests.events import Json
from tests.real.upstream import Upstream

PROMPTS = "/v1/prompts"
UNKNOWN = prompt_id("0" * 24)
TEMPLATE: Json = {
    "instructions": [{"role": "user", "content": "Speak of {{city}}, {{day}}."}],
    "model": "m",
    "tools": [{"type": "function", "name": "look", "parameters": {"type": "object"}}],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "max_tool_calls": 3,
    "max_output_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.5,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "top_logprobs": 2,
    "reasoning": {"effort": "low"},
    "text": {"format": {"type": "json_object"}},
    "truncation": "disabled",
}
READS: list[tuple[str, str, Json | None]] = [
    ("GET", "", None),
    ("POST", "", {"name": "x"}),
    ("DELETE", "", None),
    ("GET", "/versions", None),
    ("GET", "/versions/1", None),
    ("GET", "/versions/x", None),
]


def kept(api: Api, *instructions: str) -> str:
    """The path of a prompt with these versions."""
    first, *others = instructions
    place = f"{PROMPTS}/{api.post(PROMPTS, {'instructions': first})['id']}"
    for each in others:
        api.post(place, {"instructions": each})
    return place


def test_a_prompt_with_everything(api: Api) -> None:
    made = api.post(PROMPTS, {**TEMPLATE, "name": "cities", "metadata": {"a": "b"}})
    strictly(prompts.Prompt, made)
    assert made.items() >= TEMPLATE.items()
    assert made["id"].startswith("pmpt_")
    described = {name: made[name] for name in ("object", "name", "metadata", "version", "variables")}
    assert described == {
        "object": "prompt",
        "name": "cities",
        "metadata": {"a": "b"},
        "version": "1",
        "variables": ["city", "day"],
    }
    assert api.get(f"{PROMPTS}/{made['id']}") == made
    (listed,) = api.get(PROMPTS)["data"]
    assert listed == made


def test_a_prompt_with_nothing(api: Api) -> None:
    made = api.post(PROMPTS)
    assert made.keys() == {"id", "object", "created_at", "name", "metadata", "version", "variables"}
    assert (made["name"], made["metadata"], made["variables"]) == (None, {}, [])
    assert api.post(PROMPTS, {"name": None, "instructions": None, "metadata": None}).keys() == made.keys()


def test_a_change_makes_a_version_and_keeps_what_it_leaves_out(api: Api) -> None:
    made = api.post(PROMPTS, {**TEMPLATE, "name": "cities"})
    place = f"{PROMPTS}/{made['id']}"
    changed = api.post(place, {"temperature": 1, "tools": None})
    expected = {**made, "version": "2", "temperature": 1}
    del expected["tools"]
    assert changed == expected == api.get(place)
    first = api.get(f"{place}/versions/1")
    strictly(prompts.PromptVersion, first)
    assert first.items() >= TEMPLATE.items()
    assert (first["id"], first["object"], first["prompt_id"]) == ("1", "prompt.version", made["id"])


def test_name_and_metadata_belong_to_the_prompt(api: Api) -> None:
    place = kept(api, "one")
    renamed = api.post(place, {"name": "n", "metadata": {"a": "b"}})
    assert (renamed["name"], renamed["metadata"], renamed["version"]) == ("n", {"a": "b"}, "1")
    assert api.post(place, {}) == renamed
    both = api.post(place, {"name": None, "metadata": None, "instructions": "two"})
    assert (both["name"], both["metadata"], both["version"], both["instructions"]) == (None, {}, "2", "two")
    assert renamed["created_at"] <= both["created_at"]


def test_changes_at_once_are_all_made(api: Api) -> None:
    place = kept(api, "one")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: api.post(place, {"top_logprobs": number})["version"], range(8)))
    assert sorted(made, key=int) == [str(number) for number in range(2, 10)]
    assert len(api.get(f"{place}/versions")["data"]) == 9


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_follow_each_other(api: Api, order: str) -> None:
    names = "abcde"
    place = kept(api, *names)
    for path, first in ((f"{place}/versions", True), (PROMPTS, False)):
        if not first:
            for name in names[1:]:
                kept(api, name)
        found, page = [], api.get(path, limit=2, order=order)
        while True:
            strictly(prompts.PromptVersionList if first else prompts.PromptList, page)
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
            found += [each["instructions"] for each in page["data"]]
            if not page["has_more"]:
                break
            page = api.get(path, limit=2, order=order, after=page["last_id"])
        expected = list(names) if first else ["e", *names[1:]]
        assert found == (expected if order == "asc" else expected[::-1])


def test_who_has_no_prompts_has_an_empty_list(api: Api) -> None:
    assert api.get(PROMPTS) == {"object": "list", "data": [], "first_id": "", "last_id": "", "has_more": False}


@pytest.mark.parametrize("after", ["pmpt_1", UNKNOWN])
def test_a_page_after_nothing_is_refused(api: Api, after: str) -> None:
    status, error = api.refused("GET", PROMPTS, params={"after": after})
    assert (status, error["message"], error["param"]) == (400, f"Invalid 'after': prompt with id '{after}' not found.", "after")


@pytest.mark.parametrize("after", ["x", "2", "01"])
def test_a_page_after_no_version_is_refused(api: Api, after: str) -> None:
    status, error = api.refused("GET", f"{kept(api, 'one')}/versions", params={"after": after})
    assert (status, error["message"], error["param"]) == (400, f"Invalid 'after': version with id '{after}' not found.", "after")
    unknown = api.refused("GET", f"{PROMPTS}/{UNKNOWN}/versions", params={"after": after})
    assert unknown == not_found("Prompt", UNKNOWN)


def test_a_deleted_prompt_is_gone(api: Api) -> None:
    place = kept(api, "one", "two")
    id = place.rpartition("/")[2]
    gone = api.delete(place)
    strictly(prompts.DeletedPrompt, gone)
    assert gone == {"id": id, "object": "prompt.deleted", "deleted": True}
    for method, path, body in READS:
        assert api.refused(method, f"{place}{path}", json=body) == not_found("Prompt", id)


@pytest.mark.parametrize(("method", "path", "body"), READS)
def test_an_unknown_prompt_is_404_and_so_is_somebody_elses(api: Api, stranger: Api, method: str, path: str, body: Json | None) -> None:
    for id in (UNKNOWN, "pmpt_1", "conv_1"):
        assert api.refused(method, f"{PROMPTS}/{id}{path}", json=body) == not_found("Prompt", id)
    place = kept(api, "one")
    before = api.get(place)
    assert stranger.refused(method, f"{place}{path}", json=body) == not_found("Prompt", place.rpartition("/")[2])
    assert api.get(place) == before
    assert stranger.get(PROMPTS)["data"] == []


@pytest.mark.parametrize("version", ["0", "2", "x", "01"])
def test_an_unknown_version_is_404(api: Api, version: str) -> None:
    assert api.refused("GET", f"{kept(api, 'one')}/versions/{version}") == not_found("Version", version)


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({"metadata": {"k": "v" * 513}}, 400, "metadata.k", "string_above_max_length"),
        ({"input": "hello"}, 400, "input", "unknown_parameter"),
        ({"temperature": 5}, 400, "temperature", "decimal_above_max_value"),
        ({"instructions": [{"role": "user"}]}, 400, "instructions[0].content", "missing_required_parameter"),
        ({"tools": [{"type": "function"}]}, 400, "tools[0].name", "missing_required_parameter"),
    ],
)
def test_a_wrong_body_is_refused_by_its_path(api: Api, body: Json, status: int, param: str, code: str) -> None:
    for path in (PROMPTS, kept(api, "one")):
        found, error = api.refused("POST", path, json=body)
        assert (found, error["param"], error["code"]) == (status, param, code)


@pytest.mark.parametrize("depth", [240, 400])
def test_a_prompt_that_cannot_be_written_in_a_list_is_refused(api: Api, depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    body = '{"tools": [{"type": "function", "name": "x", "parameters": ' + deep + "}]}"
    answer = api.call("POST", PROMPTS, content=body, headers={"content-type": "application/json"})
    if answer.status_code == 200:
        assert api.get(PROMPTS)["data"] == [answer.json()]
    else:
        assert answer.json()["error"]["code"] == "invalid_json"
    assert (answer.status_code == 200) is (depth == 240)


@pytest.mark.parametrize(("field", "value"), [("authorization", "secret"), ("headers", {"key": "secret"})])
def test_a_prompt_keeps_no_credentials(api: Api, field: str, value: object) -> None:
    server = {"type": "mcp", "server_label": "x", "server_url": "https://example.com"}
    body = {"tools": [TEMPLATE["tools"][0], {**server, field: value}]}
    for path in (PROMPTS, kept(api, "one")):
        status, error = api.refused("POST", path, json=body)
        assert (status, error["param"], error["code"]) == (400, f"tools[1].{field}", "unsupported_parameter")
    assert api.post(PROMPTS, {"tools": [{**server, field: None}]})["tools"][0]["server_label"] == "x"


def test_a_response_is_made_from_it(api: Api, upstream: Upstream) -> None:
    model = says(upstream)
    made = api.post(PROMPTS, {"model": model, "instructions": "Speak of {{city}}."})
    prompt = {"id": made["id"], "variables": {"city": "Rome"}}
    response = good(api.call("POST", "/v1/responses", json={"prompt": prompt, "input": "hello"}))
    strictly(answers.Response, response)
    assert response["prompt"] == {**prompt, "version": "1"}
    assert response["instructions"] == "Speak of Rome."
    counted = api.post("/v1/responses/input_tokens", {"prompt": prompt, "input": "hello"})
    plain = api.post("/v1/responses/input_tokens", {"instructions": "Speak of Rome.", "input": "hello"})
    assert counted == plain


def test_a_response_with_a_list_of_instructions(api: Api, upstream: Upstream) -> None:
    made = api.post(PROMPTS, {**TEMPLATE, "model": says(upstream)})
    prompt = {"id": made["id"], "variables": {"city": "Rome", "day": "Monday"}}
    response = api.post("/v1/responses", {"prompt": prompt, "input": "hello", "tools": []})
    strictly(answers.Response, response)
    assert response["instructions"][0]["content"] == [{"type": "input_text", "text": "Speak of Rome, Monday."}]
    assert (response["temperature"], response["tools"], response["max_tool_calls"]) == (0.5, [], 3)
