"""What real servers sent: right text, calls, reasoning, usage and status, by the laws and valid, however it is cut."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gw_extproc.core import upstream_errors
from gw_extproc.core.events import PROFILES
from tests.beside import INDEX, body, documents, needs_recordings

from .answers import Answer, answer, cut
from .lawful import check
from .schemas import faults

ANSWERS = [entry["name"] for entry in INDEX if entry["status"] == 200 and "error" not in entry["name"]]
ERRORS = [(entry["name"], entry["status"]) for entry in INDEX if entry["status"] != 200 or "error" in entry["name"]]

pytestmark = needs_recordings


def parts(name: str, *fields: str) -> list[Any]:
    """What the first of these fields held in each delta of the first choice."""
    found = []
    for chunk in documents(body(name)):
        for choice in chunk.get("choices") or ():
            if not choice.get("index"):
                delta = choice.get("delta") or choice.get("message") or {}
                found.append(next((delta[field] for field in fields if delta.get(field)), None))
    return [part for part in found if part]


@pytest.mark.parametrize("name", ANSWERS)
class TestAnswers:
    def test_are_lawful_and_valid(self, name: str) -> None:
        for profile in PROFILES:
            got = answer(body(name), profile=profile)
            check(got.wire)
            assert faults(got.events, profile) == []

    def test_are_the_same_in_any_split(self, name: str) -> None:
        whole = answer(body(name))
        assert answer(cut(body(name), range(0, len(body(name)), 7))) == whole
        assert answer(cut(body(name), range(0, len(body(name)), 1000))) == whole

    def test_are_told_to_the_end(self, name: str) -> None:
        got = answer(body(name))
        assert got.status == ("incomplete" if "length" in name else "completed")

    def test_say_all_that_the_server_said(self, name: str) -> None:
        got = answer(body(name))
        said = "".join(part for part in parts(name, "content") if isinstance(part, str))
        if not said.lstrip().startswith("<think>"):
            assert got.text.strip() == said.strip()
        thoughts = "".join(part for part in parts(name, "reasoning_content", "reasoning") if isinstance(part, str))
        if thoughts.strip():
            assert got.thought.strip() == thoughts.strip()

    def test_call_what_the_server_called(self, name: str) -> None:
        entries = [entry for part in parts(name, "tool_calls") for entry in part]
        named: dict[Any, str] = {}
        for entry in entries:
            if function := entry["function"].get("name"):
                named.setdefault((entry.get("index"), entry.get("id")), function)
        got = answer(body(name))
        assert [each for each, _ in got.calls] == list(named.values())
        assert all(isinstance(orjson.loads(arguments), dict) for _, arguments in got.calls)
        assert "".join(arguments for _, arguments in got.calls if arguments != "{}") == "".join(
            text for entry in entries if (text := entry["function"].get("arguments")) and text != "{}"
        )

    def test_count_what_the_server_counted(self, name: str) -> None:
        counted = [chunk.get("usage") or (chunk.get("x_groq") or {}).get("usage") for chunk in documents(body(name))]
        known = [usage for usage in counted if usage and usage.get("prompt_tokens")]
        got = answer(body(name))
        assert got.estimated == (not known)
        if known:
            assert got.response["usage"]["input_tokens"] == known[-1]["prompt_tokens"]
            assert got.response["usage"]["output_tokens"] == known[-1]["completion_tokens"]


@pytest.mark.parametrize(("name", "status"), ERRORS)
def test_errors_keep_their_message(name: str, status: int) -> None:
    given = body(name)
    error = upstream_errors.reshape(status, given)
    assert error.status == status
    assert error.message in orjson.loads(given)["error"]["message"]
    assert error.message


def test_an_error_with_status_200_is_one() -> None:
    got: Answer = answer(body("azure-error-prompt-filtered.json"))
    assert got.status == "failed"
    assert got.response["error"]["code"] == "invalid_prompt"
