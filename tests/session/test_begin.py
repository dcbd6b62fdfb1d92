"""A session begins: any body is accepted, and then the model's request is legal, or refused with a documented error."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gw_extproc.core.dialects import DIALECTS, GENERIC, Dialect
from gw_extproc.core.errors import CallerError
from gw_extproc.core.events import PROFILES
from gw_extproc.session import answers
from gw_extproc.session.begin import begin
from gw_extproc.session.gateway import Caller, Gateway, gateway, new_part, now
from gw_extproc.session.session import Session
from gw_extproc.settings import Settings
from gw_extproc.store.store import Store
from gw_extproc.upstream import UpstreamClient
from tests.beside import codex_requests, needs_recordings
from tests.core.anything import ANY_JSON, REQUESTS, with_one_change
from tests.core.translated import legal
from tests.real.chat import completion
from tests.store.stores import DAY
from tests.valkey import Valkey

Fields = dict[str, Any]

ALL_DIALECTS = st.sampled_from(list(DIALECTS.values()))
EVERY_DIALECT = pytest.mark.parametrize("name", sorted(DIALECTS))


@dataclass(frozen=True)
class Door:
    """Where bodies come in: a loop and a store that all tests of this module share, since hypothesis knows no others."""

    runner: asyncio.Runner
    store: Store
    upstream: UpstreamClient

    def gateway(self, dialect: Dialect = GENERIC, *, reject: bool = False) -> Gateway:
        options: Fields = {"dialect": dialect.name, "unsupported_tools": "reject" if reject else "omit"}
        return gateway(Settings.read(options), self.store, self.upstream)

    def begin(self, body: bytes, dialect: Dialect = GENERIC, *, reject: bool = False) -> Session:
        return self.runner.run(begin(body, Caller(self.store, "credential"), self.gateway(dialect, reject=reject)))

    def concluded(self, session: Session) -> str:
        """The id under which the response is kept after a short answer."""
        answer = answers.choose(session, 200, {})

        async def play() -> None:
            await answer.body(completion(content="Hello!", reasoning_content="Who?"))
            await answer.end()

        self.runner.run(play())
        assert session.kept
        return session.id


DOORS: list[Door] = []


@pytest.fixture(scope="module", autouse=True)
def _door(valkey_server: Valkey) -> Iterator[None]:
    with asyncio.Runner() as runner:
        store = runner.run(Store.open(valkey_server.url, attempt_seconds=20, retries=2, retention=DAY))
        DOORS.append(Door(runner, store, UpstreamClient(Settings.read({}))))
        yield
        runner.run(DOORS.pop().store.close())


def answer(body: bytes, dialect: Dialect = GENERIC, *, reject: bool = False) -> Session | CallerError:
    try:
        return DOORS[0].begin(body, dialect, reject=reject)
    except CallerError as error:
        return error


def begun(payload: object, dialect: Dialect = GENERIC, *, reject: bool = False) -> Session | None:
    """The session, whose Chat request is legal; None where the request was refused as it should be."""
    session = answer(orjson.dumps(payload), dialect, reject=reject)
    if isinstance(session, CallerError):
        assert session.status in (400, 404)
        assert session.code or session.param  # what is not found has, as with OpenAI, no code
        assert session.message.endswith(".")
        assert len(session.body()) < 4096
        return None
    legal(orjson.loads(session.chat), dialect)
    line = session.plan.notices.header()
    assert line is None or re.fullmatch(r"[ -~]{1,2048}", line)
    return session


@settings(max_examples=400)
@given(REQUESTS, ALL_DIALECTS, st.booleans())
def test_any_request_becomes_a_legal_chat_request_or_is_refused(payload: Fields, dialect: Dialect, reject: bool) -> None:
    begun(payload, dialect, reject=reject)


@given(REQUESTS, ALL_DIALECTS)
def test_the_same_request_always_becomes_the_same_and_stays_as_it_was(payload: Fields, dialect: Dialect) -> None:
    before = copy.deepcopy(payload)
    first, second = begun(payload, dialect), begun(payload, dialect)
    assert (first is None) == (second is None)
    assert first is None or second is None or first.chat == second.chat
    assert payload == before


@settings(max_examples=60)
@given(REQUESTS, REQUESTS, ALL_DIALECTS)
def test_whatever_was_stored_can_be_continued(payload: Fields, following: Fields, dialect: Dialect) -> None:
    first = begun({**payload, "store": True, "stream": False}, dialect)
    if first is not None:
        id = DOORS[0].concluded(first)
        assert begun({"model": "m", "input": "and?", "previous_response_id": id}, dialect) is not None
        begun({**following, "previous_response_id": id}, dialect)


@given(REQUESTS, ALL_DIALECTS, st.data())
def test_a_request_with_one_change_is_accepted_or_refused(payload: Fields, dialect: Dialect, data: st.DataObject) -> None:
    begun(with_one_change(copy.deepcopy(payload), data), dialect)


@given(ANY_JSON)
def test_any_json_is_accepted_or_refused(payload: object) -> None:
    begun(payload)
    begun({"model": "m", "input": payload})


@given(st.binary(max_size=20))
def test_any_bytes_are_accepted_or_refused(body: bytes) -> None:
    with pytest.raises(CallerError) as caught:
        DOORS[0].begin(body)
    assert caught.value.code in ("invalid_json", "invalid_type", "missing_required_parameter")


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [{"type": "function", "name": "f", "parameters": 0}]},
        {"text": {"format": {"type": "json_schema", "name": "a", "schema": 0}}},
        {"input": [{"type": "tool_search_call", "arguments": 0}]},
        {"input": [{"type": "item of tomorrow", "more": 0}, {"role": "user", "content": "hello"}]},
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hello", "more": 0}]}]},
    ],
    ids=lambda fields: next(iter(fields)),
)
@pytest.mark.parametrize("depth", [400, 1000])
def test_what_is_nested_too_deeply_to_be_written_is_refused(fields: Fields, depth: int) -> None:
    body = orjson.dumps({"model": "m", "input": "hello", **fields}).replace(b"0", b'{"a":' * depth + b"0" + b"}" * depth)
    with pytest.raises(CallerError, match=r"^The request body is nested too deeply\.$"):
        DOORS[0].begin(body)
    assert DOORS[0].begin(orjson.dumps({"model": "m", "input": "hello", **fields}).replace(b"0", b"{}"))


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(CallerError, match=r"^The request body is not JSON: .+\.$"):
        DOORS[0].begin(b'{"model": ')


def test_a_session_has_an_id_a_chat_request_and_an_assembler() -> None:
    session = DOORS[0].begin(b'{"model": "m", "input": "hello", "stream": true}')
    assert re.fullmatch(r"resp_[0-9a-f]{48}", session.id)
    assert orjson.loads(session.chat)["messages"] == [{"role": "user", "content": "hello"}]
    assert session.plan.stream
    assert f'"id":"{session.id}"'.encode() in session.assembler.start()


def test_a_gateway_is_made_from_settings() -> None:
    door = DOORS[0]
    made = gateway(Settings.read({"upstream": "https://api.mistral.ai/v1"}), door.store, door.upstream)
    assert (made.dialect.name, made.profile) == ("mistral", PROFILES["openai"])
    made = gateway(Settings.read({"upstream": None, "wire_profile": "open-responses"}), door.store, door.upstream)
    assert (made.dialect.name, made.profile) == ("generic", PROFILES["open-responses"])


def test_parts_of_ids_are_long_and_never_the_same() -> None:
    assert re.fullmatch(r"[0-9a-f]{24}", new_part())
    assert new_part() != new_part()
    assert now() > 1_700_000_000


def codex(name: str, dialect: str) -> tuple[Session, Fields]:
    session = begun(codex_requests()[name]["body"], DIALECTS[dialect])
    assert session is not None
    return session, orjson.loads(session.chat)


def names(chat: Fields) -> list[str]:
    return [tool["function"]["name"] for tool in chat["tools"]]


@needs_recordings
@EVERY_DIALECT
def test_a_coding_agent_may_call_its_functions_its_namespaces_and_its_free_form_tools(name: str) -> None:
    session, chat = codex("unknown-model-first-turn", name)
    assert {"exec_command", "multi_agent_v1__spawn_agent", "multi_agent_v1__wait_agent"} <= set(names(chat))
    assert chat["tool_choice"] == "auto"
    assert chat["stream"] is True
    line = session.plan.notices.header() or ""
    assert "fields not sent: client_metadata" in line
    assert "tools left out: web_search" in line

    session, chat = codex("gpt-5.5-first-turn", name)
    patch = next(tool["function"] for tool in chat["tools"] if tool["function"]["name"] == "apply_patch")
    assert patch["parameters"]["required"] == ["input"]
    assert "start: begin_patch" in patch["description"]
    assert "tool_search" in names(chat)
    resolved = session.plan.toolbox.resolve("apply_patch")
    assert resolved is not None
    assert (resolved.kind, resolved.name) == ("custom", "apply_patch")


@needs_recordings
@EVERY_DIALECT
def test_tools_that_stand_in_the_input_are_offered(name: str) -> None:
    _, chat = codex("gpt-6.1-code-mode-first-turn", name)
    assert len(chat["tools"]) == 11
    assert {"functions__exec", "clock__sleep", "collaboration__spawn_agent"} <= set(names(chat))
    assert chat.get("parallel_tool_calls") is (False if "parallel_tool_calls" in DIALECTS[name].hints else None)


@needs_recordings
@EVERY_DIALECT
def test_a_coding_agent_sends_its_calls_and_outputs_back(name: str) -> None:
    _, chat = codex("unknown-model-parallel-tool-outputs", name)
    *_, answer, first, second = chat["messages"]
    assert [call["function"]["name"] for call in answer["tool_calls"]] == ["exec_command"] * 2
    assert [call["id"] for call in answer["tool_calls"]] == [first["tool_call_id"], second["tool_call_id"]]
    assert first["content"].startswith("Chunk ID: 265b93")

    _, chat = codex("gpt-5.5-custom-tool-output", name)
    *_, answer, result = chat["messages"]
    assert json.loads(answer["tool_calls"][0]["function"]["arguments"])["input"].startswith('{"input": "*** Begin Patch')
    assert result["content"].startswith("apply_patch verification failed")
