"""Stories: what a Chat server sends, and what the caller gets."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gw_extproc.core.errors import UpstreamError
from gw_extproc.core.sse import Ending
from gw_extproc.core.usage import estimated
from tests.events import Json

from .answers import (
    NOW,
    Answer,
    answer,
    assembler,
    called,
    chunk,
    completion,
    event,
    function,
    piece,
    said,
    stream,
    told,
    usage,
)

CREATED = ["response.created", "response.in_progress"]
FAILED = ["error", "response.failed"]
TOOLS = [
    function("f"),
    {"type": "custom", "name": "c"},
    {"type": "apply_patch"},
    {"type": "shell"},
    {"type": "local_shell"},
    {"type": "tool_search", "execution": "client"},
    {"type": "namespace", "name": "n", "description": "", "tools": [function("g")]},
]
LIMIT: Json = {"error": {"message": "slow down", "type": "rate_limit", "code": 429}}
TOKENS = [{"token": text, "logprob": -1, "bytes": [97], "top_logprobs": []} for text in "ab"]
CITED = {"type": "url_citation", "url_citation": {"url": "u", "title": "t", "start_index": 0, "end_index": 1}}
LENGTH, FILTER = {"reason": "max_output_tokens"}, {"reason": "content_filter"}


class TestText:
    def test_streams_from_created_to_completed(self) -> None:
        got = answer(stream(chunk({"role": "assistant", "content": ""}), *said("Hel", "lo"), usage(), finish=None))
        assert got.types == [
            *CREATED,
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
        assert got.wire.endswith(b"\n\ndata: [DONE]\n\n")
        assert (got.text, got.status, got.response["completed_at"], got.response["model"]) == ("Hello", "completed", NOW, "m")
        assert got.response["usage"]["total_tokens"] == 8

    def test_created_leaves_before_the_models_first_token(self) -> None:
        first = Answer(assembler().start(), {}, False)
        assert first.types == CREATED
        assert first.events[0]["response"]["status"] == "in_progress"
        assert first.events[0]["response"]["output"] == []

    @pytest.mark.parametrize(
        "content",
        ["Hello", [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}], {"type": "text", "text": "Hello"}],
    )
    def test_content_as_string_parts_or_object(self, content: Any) -> None:
        assert answer(stream(*said(content))).text == answer(completion({"content": content})).text == "Hello"

    def test_an_object_that_is_no_part_is_json(self) -> None:
        assert answer(completion({"content": {"answer": 42}})).text == '{"answer":42}'

    def test_numbers_are_text(self) -> None:
        assert answer(stream(*said("$", 0, ".00", 5))).text == "$0.005"

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (2, 1), ("a", "b"), (None, None)])
    def test_of_several_choices_the_first_to_speak_counts(self, first: object, second: object) -> None:
        def choice(index: object, content: str) -> Json:
            return {"index": index, "delta": {"content": content}}

        both = {"choices": [choice(second, "other"), choice(first, "lo")]}
        if first is None:
            both["choices"].reverse()
        assert answer(stream({"choices": [choice(first, "Hel"), choice(second, "other")]}, both, finish=None)).text == "Hello"

    def test_a_refusal_may_be_a_part_of_the_content(self) -> None:
        got = answer(completion({"content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}]}))
        assert [part["type"] for part in got.output[0]["content"]] == ["output_text", "refusal"]

    @pytest.mark.parametrize(
        "body",
        [
            b'{"result":{"response":"Hello","usage":{"prompt_tokens":5}},"success":true,"errors":[],"messages":[]}',
            b'data: {"response":"Hel","p":"x"}\n\ndata: {"response":"lo"}\n\ndata: {"response":"","usage":{}}\n\ndata: [DONE]\n\n',
            b'{"choices":[{"text":"Hello","index":0,"finish_reason":"stop"}]}',
            b'{"choices":[{"message":{"content":null,"audio":{"id":"x","data":"AA==","transcript":"Hello"}},"finish_reason":"stop"}]}',
        ],
        ids=["wrapped", "bare", "legacy", "spoken"],
    )
    def test_comes_in_other_forms_too(self, body: bytes) -> None:
        got = answer(body)
        assert (got.text, got.status) == ("Hello", "completed")

    def test_a_refusal_is_a_part_of_its_own(self) -> None:
        got = answer(stream(chunk({"refusal": "N"}), chunk({"refusal": "o", "content": None})))
        assert got.output[0]["content"] == [{"type": "refusal", "refusal": "No"}]
        assert [each["delta"] for each in got.of("response.refusal.delta")] == ["N", "o"]
        assert got.response == answer(completion({"refusal": "No", "content": None}, usage=None)).response

    def test_an_empty_answer_is_an_empty_message(self) -> None:
        for body in (stream(), stream(finish=None), completion({"content": None}), completion({"content": ""}, None)):
            got = answer(body)
            assert (got.status, [item["type"] for item in got.output], got.text) == ("completed", ["message"], "")


class TestReasoning:
    @pytest.mark.parametrize(
        "deltas",
        [
            [{"reasoning_content": "Hm"}, {"content": "Yes"}],
            [{"reasoning": "Hm"}, {"content": "Yes"}],
            [{"reasoning": "H", "reasoning_details": [{"text": "H"}]}, {"reasoning": "m"}, {"content": "Yes"}],
            [{"reasoning_details": [{"type": "reasoning.text", "text": "Hm"}]}, {"content": "Yes"}],
            [{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]}, {"content": "Yes"}],
            [{"content": [{"type": "thinking", "thinking": "Hm"}, {"type": "text", "text": "Yes"}]}],
            [{"content": "<think>Hm</think>Yes"}],
            [{"content": text} for text in "<think>\nHm\n</think>\n\nYes"],
            [{"reasoning_content": "Hm", "content": ""}, {"reasoning_content": None, "content": "Yes"}],
        ],
    )
    def test_comes_from_any_field(self, deltas: list[dict[str, Any]]) -> None:
        got = answer(stream(*map(chunk, deltas)))
        assert (got.thought, got.text) == ("Hm", "Yes")
        assert [item["summary"] for item in got.output[:-1]] == [[]]

    def test_between_tags_only_repeats_what_has_a_field_of_its_own(self) -> None:
        for body in (
            stream(chunk({"reasoning": "Hm"}), *said("<think>H", "m", "</think>Yes")),
            completion({"reasoning": "Hm", "content": "<think>Hm</think>Yes"}),
        ):
            got = answer(body)
            assert (got.thought, got.text) == ("Hm", "Yes")

    def test_between_tags_that_were_never_closed_is_a_repetition_to_its_last_letter(self) -> None:
        got = answer(stream(chunk({"reasoning": "Hm"}), *said("<think>Hm</"), finish="length"))
        assert (got.thought, got.text) == ("Hm", "")

    def test_closed_before_the_text_leaves_no_tag(self) -> None:
        got = answer(stream(chunk({"reasoning": "Hm"}), *said("</th", "ink>\n\nYes")))
        assert (got.thought, got.text) == ("Hm", "Yes")

    def test_is_a_summary_where_the_caller_asked_for_one(self) -> None:
        got = answer(stream(chunk({"reasoning": "Hm"}), *said("Yes")), reasoning={"summary": "auto"})
        assert got.output[0]["summary"] == [{"type": "summary_text", "text": "Hm"}]
        assert got.thought == "Hm"
        assert [each["delta"] for each in got.of("response.reasoning_summary_text.delta")] == ["Hm"]
        assert not got.of("response.reasoning_text.delta")

    def test_has_the_name_of_the_profile(self) -> None:
        body = stream(chunk({"reasoning": "Hm"}))
        assert answer(body).of("response.reasoning_text.delta")
        assert answer(body, profile="open-responses").of("response.reasoning.delta")

    def test_that_is_cut_off_is_incomplete(self) -> None:
        got = answer(stream(chunk({"reasoning": "Hm"}), finish="length"))
        assert [(item["type"], item["status"]) for item in got.output] == [("reasoning", "incomplete")]

    def test_a_tag_that_was_never_closed_ends_with_the_first_call(self) -> None:
        got = answer(stream(*said("<think>Hm</"), called(piece(0, "c1", "f", "{}"))))
        assert (got.thought, got.calls) == ("Hm</", [("f", "{}")])


class TestCalls:
    def test_stream_their_arguments(self) -> None:
        got = answer(stream(called(piece(0, "c1", "f", "")), called(piece(0, arguments='{"a"')), called(piece(0, arguments=":1}"))))
        item = {"id": "fc_0", "type": "function_call", "status": "completed", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
        assert got.output == [item]
        assert [each["delta"] for each in got.of("response.function_call_arguments.delta")] == ['{"a"', ":1}"]

    def test_in_parallel_and_interleaved_close_in_order(self) -> None:
        got = answer(
            stream(
                called(piece(0, "c1", "f", '{"a"'), piece(1, "c2", "f", '{"b"')),
                called(piece(1, arguments=":2}")),
                called(piece(0, arguments=":1}")),
                finish="tool_calls",
            )
        )
        assert got.calls == [("f", '{"a":1}'), ("f", '{"b":2}')]
        assert [each["output_index"] for each in got.of("response.output_item.done")] == [0, 1]

    def test_of_a_namespace_and_of_a_custom_tool_come_back_as_such(self) -> None:
        got = answer(stream(called(piece(0, "c1", "n__g", "{}"), piece(1, "c2", "c", '{"input":"x\\n"}'))), tools=TOOLS)
        assert [(item["type"], item["name"], item.get("namespace")) for item in got.output] == [
            ("function_call", "g", "n"),
            ("custom_tool_call", "c", None),
        ]
        assert got.output[1]["input"] == "x\n"

    @pytest.mark.parametrize(
        ("name", "arguments", "fields"),
        [
            ("shell", '{"commands":["ls"]}', {"type": "shell_call", "environment": None}),
            ("local_shell", '{"command":["ls"]}', {"type": "local_shell_call"}),
            (
                "apply_patch",
                '{"operation":{"type":"delete_file","path":"a"}}',
                {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
            ),
            ("tool_search", '{"query":"q"}', {"type": "tool_search_call", "execution": "client", "arguments": {"query": "q"}}),
        ],
    )
    def test_of_tools_with_items_of_their_own(self, name: str, arguments: str, fields: dict[str, Any]) -> None:
        got = answer(stream(called(piece(0, "c1", name, arguments[:5])), called(piece(0, arguments=arguments[5:]))), tools=TOOLS)
        assert got.output[0].items() >= {"status": "completed", "call_id": "c1", **fields}.items()
        assert got.estimated

    def test_with_bad_arguments_fail_the_response_and_close_nothing(self) -> None:
        got = answer(stream(called(piece(0, "c1", "shell", "{}"), piece(1, "c2", "f", "{}"))), tools=TOOLS)
        assert got.types[-2:] == FAILED
        assert [(item["type"], item["status"]) for item in got.output] == [("function_call", "incomplete")]
        assert not got.of("response.output_item.done")
        assert "`commands` is not a list of strings" in got.response["error"]["message"]

    def test_that_were_cut_off_are_left_out_where_the_item_must_be_whole(self) -> None:
        got = answer(stream(called(piece(0, "c1", "shell", '{"comm'))), tools=TOOLS)
        assert got.status == "failed"
        got = answer(stream(called(piece(0, "c1", "shell", '{"comm')), finish="length"), tools=TOOLS)
        assert (got.status, got.output, got.response["incomplete_details"]) == ("incomplete", [], LENGTH)

    def test_length_cuts_the_last_of_several(self) -> None:
        got = answer(stream(called(piece(0, "c1", "f", "{}"), piece(1, "c2", "f", '{"a"')), finish="length"))
        assert [item["status"] for item in got.output] == ["completed", "incomplete"]

    def test_of_withheld_tools_never_reach_the_caller(self) -> None:
        allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
        got = answer(stream(called(piece(0, "c1", "h", "{}"))), tools=[function("f"), function("h")], tool_choice=allowed)
        assert (got.status, got.text, [item["type"] for item in got.output]) == ("completed", "", ["message"])

    @pytest.mark.parametrize(
        "entry",
        [
            piece(0, "c1", "f", '{"a":1}'),
            {"id": "c1", "name": "f", "arguments": {"a": 1}},
            {"id": "c1", "function": {"name": "f", "parameters": {"a": 1}}},
        ],
    )
    def test_come_as_a_list_or_alone_nested_or_flat(self, entry: Json) -> None:
        for calls in ([entry], entry):
            for body in (stream(chunk({"tool_calls": calls})), completion({"tool_calls": calls})):
                assert answer(body).calls == [("f", '{"a":1}')]

    def test_that_are_repeated_at_the_end_count_once(self) -> None:
        whole = called(piece(0, "c1", "f", '{"a":1}'))
        assert answer(stream(called(piece(0, "c1", "f", '{"a"')), called(piece(0, arguments=":1}")), whole)).calls == [("f", '{"a":1}')]

    def test_legacy_function_calls_count(self) -> None:
        legacy = (chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "{}"}}))
        got = answer(stream(*legacy, finish="function_call"))
        assert (got.status, got.calls) == ("completed", [("f", "{}")])

    def test_text_before_and_after(self) -> None:
        got = answer(stream(*said("a"), called(piece(0, "c1", "f", "{")), *said("b"), called(piece(0, arguments="}"))))
        assert [item["type"] for item in got.output] == ["message", "function_call", "message"]
        assert (got.text, got.calls) == ("ab", [("f", "{}")])


class TestErrorsOfAChoice:
    def test_fail_the_response_in_their_own_words(self) -> None:
        got = answer(stream(*said("Hel"), {"choices": [{"index": 0, "delta": {}, "error": {"code": 429, "message": "Too fast."}}]}))
        assert got.types[-1] == "response.failed"
        assert got.response["error"] == {"code": "rate_limit_exceeded", "message": "Too fast."}


class TestMessagesAfterDeltas:
    """Some servers end a stream with the whole message, beside the last delta or instead of it."""

    @staticmethod
    def repeated(delta: Json | None, **message: Any) -> Json:
        last = chunk(delta)
        last["choices"][0]["message"] = {"role": "assistant", **message}
        if delta is None:
            del last["choices"][0]["delta"]
        return last

    @pytest.mark.parametrize("delta", [None, {}, {"role": "assistant", "content": ""}, {"content": "lo"}])
    def test_are_not_said_again(self, delta: Json | None) -> None:
        before = said("Hel") if delta and delta["content"] else said("Hel", "lo")
        got = answer(stream(chunk({"reasoning": "Hm"}), *before, self.repeated(delta, reasoning="Hm", content="Hello")))
        assert (got.thought, got.text) == ("Hm", "Hello")

    def test_count_where_there_was_no_delta(self) -> None:
        got = answer(stream(chunk({"role": "assistant"}), self.repeated({"content": ""}, content="Hello")))
        assert got.text == "Hello"

    def test_may_come_piece_by_piece_instead_of_deltas(self) -> None:
        assert answer(stream(self.repeated(None, content="Hel"), self.repeated(None, content="lo"))).text == "Hello"

    def test_name_the_calls_that_no_delta_named(self) -> None:
        entry = piece(0, "c1", "f", "{}")
        got = answer(stream(*said("a"), self.repeated({}, content="a", tool_calls=[entry])))
        assert (got.text, got.calls) == ("a", [("f", "{}")])

    def test_say_what_no_delta_said(self) -> None:
        got = answer(stream(chunk({"reasoning": "Hm"}), chunk({"provider": "x"}), self.repeated({}, reasoning="Hm", content="Hello")))
        assert (got.thought, got.text) == ("Hm", "Hello")

    def test_do_not_name_other_calls_again(self) -> None:
        entry = piece(0, "c1", "f", "{}")
        assert answer(stream(called(entry), self.repeated({}, tool_calls=[{**entry, "id": "other"}]))).calls == [("f", "{}")]


class TestBodies:
    def test_json_although_a_stream_was_asked_for(self) -> None:
        got = answer(completion({"content": "Hello"}))
        assert got.types[-1] == "response.completed"
        assert got.text == "Hello"

    @pytest.mark.parametrize(
        "body",
        [
            stream(*said("Hel", "lo")).replace(b"\n", b"\r\n"),
            stream(*said("Hel", "lo")).replace(b"data: ", b"data:"),
            b": PROCESSING\n\n" + stream(*said("Hel", "lo")).replace(b"}\n\n", b"}\n\n: ping\n\n"),
            stream(*said("Hel", "lo"), done=False),
            stream(*said("Hel", "lo"), finish=None),
            stream(*said("Hel", "lo"), usage(), finish=None, done=False),
            stream({"choices": [], "prompt_filter_results": []}, *said("Hel", "lo"), usage()),
            stream(chunk({"content": "Hel", "role": "assistant"}), chunk({"content": "lo"}), finish=""),
            stream(*said("Hel", "lo"), finish="null"),
            stream(*said("Hel"), {"type": "ping"}, *said("lo")),
            b"event: ping\ndata: hi\n\n" + stream(*said("Hel", "lo")),
            stream(*(each | {"error": {"code": 0, "message": ""}} for each in (*said("Hel", "lo"), usage()))),
            stream(*(each | {"base_resp": {"status_code": 0, "status_msg": ""}} for each in said("Hel", "lo"))),
        ],
        ids=[
            *("crlf", "no space", "comments", "no [DONE]", "no reason", "usage at the end", "azure", "empty reason"),
            *("null reason", "ping", "named ping", "no error", "minimax"),
        ],
    )
    def test_streams_as_servers_send_them(self, body: bytes) -> None:
        got = answer(body)
        assert (got.text, got.status) == ("Hello", "completed")

    @pytest.mark.parametrize("body", [b"{}", b"[]", b'{"message":"hi"}', b'{"choices":null}', b'{"choices":"no"}'])
    def test_json_that_is_no_completion_fails(self, body: bytes) -> None:
        assert answer(body).response["error"]["message"] == "The upstream's answer is not a Chat completion: it has no choices."


class TestReasons:
    @pytest.mark.parametrize("reason", ["stop", "tool_calls", "function_call", "eos_token"])
    def test_completed(self, reason: str) -> None:
        got = answer(stream(*said("a"), finish=reason))
        assert (got.status, got.response["incomplete_details"], got.response["error"]) == ("completed", None, None)

    @pytest.mark.parametrize(("reason", "details"), [("length", LENGTH), ("content_filter", FILTER)])
    def test_incomplete(self, reason: str, details: dict[str, str]) -> None:
        for body in (stream(*said("a"), finish=reason), completion({"content": "a"}, reason)):
            got = answer(body)
            assert (got.types[-1], got.status, got.response["incomplete_details"]) == ("response.incomplete", "incomplete", details)
            assert got.output[0]["status"] == "incomplete"
            assert got.response["completed_at"] is None
            assert got.response["usage"] is not None

    @pytest.mark.parametrize(
        "body", [stream(*said("a"), finish=None, done=False), stream(*said("a"), finish="error"), b"", stream(finish=None, done=False)]
    )
    def test_broken_off_is_failed_never_completed(self, body: bytes) -> None:
        got = answer(body)
        assert got.types[-2:] == FAILED
        assert got.response["error"] == {"code": "server_error", "message": "The upstream's answer broke off."}

    def test_a_body_is_complete_whatever_it_names(self) -> None:
        assert answer(completion({"content": "a"}, None)).status == "completed"


class TestErrors:
    def test_in_a_stream_end_it_with_what_there_was(self) -> None:
        got = answer(stream(*said("a"), called(piece(0, "c1", "f", "{")), LIMIT, *said("too late")))
        assert got.types[-2:] == FAILED
        assert got.response["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}
        assert [(item["type"], item["status"]) for item in got.output] == [("message", "completed"), ("function_call", "incomplete")]
        assert got.response["usage"] is None

    def test_keep_the_usage_that_was_counted(self) -> None:
        assert answer(stream(usage(), LIMIT)).response["usage"]["total_tokens"] == 8

    def test_are_flat_or_nested(self) -> None:
        (flat,) = answer(event(LIMIT)).of("error")
        (nested,) = answer(event(LIMIT), profile="open-responses").of("error")
        fields = {"code": "429", "message": "slow down", "param": None}
        assert {name: flat[name] for name in fields} == fields
        assert nested["error"] == {"type": "rate_limit", **fields}

    @pytest.mark.parametrize(
        "body",
        [
            b'{"detail":"no"}',
            b'{"object":"error","message":"no","code":404}',
            b'{"base_resp":{"status_code":1004,"status_msg":"no"}}',
            b'{"result":null,"success":false,"errors":[{"message":"no"}]}',
            b'error: {"message":"no"}\n\n',
            stream({"code": "Throttled", "message": "no"}),
        ],
    )
    def test_with_status_200_are_errors(self, body: bytes) -> None:
        got = answer(body)
        assert (got.status, got.response["error"]["message"]) == ("failed", "no")

    def test_of_an_error_event_count(self) -> None:
        assert answer(b'event: error\ndata: {"message":"no"}\n\n').response["error"]["message"] == "no"

    def test_that_are_not_json_count_and_so_does_what_came_before(self) -> None:
        got = answer(stream(*said("a"), finish=None, done=False) + b"data: oops\n\n")
        assert "oops" in got.response["error"]["message"]
        assert got.text == "a"


class TestFacts:
    def test_model_and_tier_are_the_upstreams(self) -> None:
        got = answer(completion({"content": "a"}, model="real", service_tier="flex"), service_tier="auto")
        assert (got.response["model"], got.response["service_tier"]) == ("real", "flex")

    def test_usage_is_estimated_where_the_upstream_does_not_count(self) -> None:
        got = answer(stream(*said("x" * 8)))
        assert got.estimated
        assert got.response["usage"]["output_tokens"] == 2
        assert got.response["usage"]["input_tokens"] > 0
        assert not answer(completion({"content": "a"})).estimated


class TestLogprobs:
    @staticmethod
    def body() -> bytes:
        chunks = said("", "ab", "")
        for each, token in zip(chunks, [*TOKENS, None], strict=True):
            each["choices"][0]["logprobs"] = {"content": [token]} if token else None
        return stream(*chunks)

    def test_are_told_where_the_caller_asked_for_them(self) -> None:
        got = answer(self.body(), include=["message.output_text.logprobs"])
        assert [each["logprobs"] for each in got.of("response.output_text.delta")] == [TOKENS]
        assert got.output[0]["content"][0]["logprobs"] == TOKENS

    def test_are_not_told_otherwise(self) -> None:
        assert answer(self.body()).output[0]["content"][0]["logprobs"] == []


class TestAnnotations:
    @pytest.mark.parametrize("message", [{"content": "a"}, {"content": "a", "tool_calls": [piece(0, "c1", "f", "{}")]}])
    def test_stand_on_the_text_before_them(self, message: dict[str, Any]) -> None:
        got = answer(completion({**message, "annotations": [CITED]}))
        told = {"type": "url_citation", "start_index": 0, "end_index": 1, "url": "u", "title": "t"}
        assert got.output[0]["content"][0]["annotations"] == [told]
        assert [each["annotation"] for each in got.of("response.output_text.annotation.added")] == [told]

    def test_may_come_first_or_last(self) -> None:
        cited = chunk({"annotations": [CITED]})
        for body in (stream(cited, *said("a")), stream(*said("a"), cited)):
            assert len(answer(body).output[0]["content"][0]["annotations"]) == 1

    def test_said_with_every_chunk_count_once(self) -> None:
        got = answer(stream(*(chunk({"content": text, "annotations": [CITED]}) for text in "ab")))
        assert len(got.output[0]["content"][0]["annotations"]) == 1

    def test_markers_cite_the_sources(self) -> None:
        got = answer(stream(chunk({"content": "a[1]"}, citations=["u"])))
        assert [(each["url"], each["start_index"]) for each in got.output[0]["content"][0]["annotations"]] == [("u", 1)]


class TestKeeping:
    """What is said of a response and what is stored are the same, once it has ended."""

    def test_the_object_is_kept_without_its_items_and_these_one_by_one(self) -> None:
        made = assembler()
        got = told(made, stream(chunk({"reasoning": "hm"}), *said("a"), called(piece(0, "c1", "f", "{}"))))
        assert [orjson.loads(item) for item in made.outputs] == got.output
        assert orjson.loads(made.kept()) == {**got.response, "output": []}

    def test_there_are_no_items_before_the_end(self) -> None:
        made = assembler()
        made.start()
        made.feed(chunk({"content": "a"}))
        assert (made.ended, made.outputs) == (False, ())

    def test_items_are_told_as_they_stand(self) -> None:
        made = assembler()
        made.start()
        made.feed(chunk({"content": "a"}))
        (item,) = made.items()
        assert (item["status"], item["content"][0]["text"]) == ("in_progress", "a")

    def test_what_the_end_adds_and_why_it_came_is_told_to_who_keeps_count(self) -> None:
        made = assembler()
        got = told(made, stream(*said("a"), finish="length"))
        assert made.finish_reason == "length"
        assert made.ended_with["incomplete_details"] == got.response["incomplete_details"] == LENGTH

    def test_where_nobody_wants_events_the_object_is_the_same(self) -> None:
        made, silent = assembler(), assembler(events=False)
        body = stream(*said("a"), usage())
        assert told(silent, body).response == told(made, body).response

    @pytest.mark.parametrize("stored", [True, False])
    def test_the_end_says_whether_it_is_stored(self, stored: bool) -> None:
        made = assembler()
        told(made, stream(*said("a")))
        assert orjson.loads(made.response(stored=stored))["store"] is stored
        assert orjson.loads(made.kept())["store"] is True

    @pytest.mark.parametrize("store", [True, False])
    def test_the_beginning_says_whether_it_will_be(self, store: bool) -> None:
        first = Answer(assembler(store=store).start(), {}, False)
        assert [each["response"]["store"] for each in first.events] == [store, store]

    def test_ids_are_those_that_were_announced(self) -> None:
        shell = called(piece(0, "c1", "shell", '{"commands":["ls"]}'))
        got = answer(stream(chunk({"reasoning": "hm"}), *said("a"), shell), tools=TOOLS)
        assert [item["id"] for item in got.output] == ["rs_0", "msg_1", "sh_2"]
        assert [each["item"]["id"] for each in got.of("response.output_item.added")] == ["rs_0", "msg_1", "sh_2"]

    def test_reasoning_is_sealed_where_the_caller_carries_it(self) -> None:
        made = assembler(seal="sealed {}".format)
        got = told(made, stream(chunk({"reasoning": "hm"}), *said("a")))
        assert got.output[0]["encrypted_content"] == "sealed hm"


def test_what_comes_after_the_end_is_ignored() -> None:
    made = assembler()
    made.start()
    assert made.fail(UpstreamError("no"))
    assert made.feed(chunk({"content": "a"})) == made.end(Ending.DONE) == made.fail(UpstreamError("no")) == b""


class TestACondensedContext:
    """The output begins with what it became; the response took both model calls."""

    def test_comes_first(self) -> None:
        made = assembler()
        made.condense("sealed", estimated(40, 4))
        got = told(made, stream(*said("Hi"), usage()))
        compaction, message = got.response["output"]
        assert compaction == {"id": "cmp_0", "type": "compaction", "status": "completed", "encrypted_content": "sealed"}
        assert (message["id"], message["type"]) == ("msg_1", "message")
        alone = told(assembler(), stream(*said("Hi"), usage())).response["usage"]
        assert got.response["usage"]["total_tokens"] == alone["total_tokens"] + 11

    @pytest.mark.parametrize("body", [stream(*said("Hi")), stream(*said(""))])
    def test_is_followed_by_the_answer_even_an_empty_one(self, body: bytes) -> None:
        made = assembler()
        made.condense("sealed", None)
        response = told(made, body).response
        assert [item["type"] for item in response["output"]] == ["compaction", "message"]
        assert made.usage_estimated

    def test_counts_also_where_the_answer_fails(self) -> None:
        made = assembler()
        made.condense("sealed", estimated(40, 4))
        made.start()
        made.fail(UpstreamError("no"))
        assert orjson.loads(made.response(stored=True))["usage"]["total_tokens"] == 11


def test_what_the_upstream_says_of_one_model_call() -> None:
    making = assembler()
    making.start()
    for each in (*said("Hello"), chunk(finish="stop"), usage(prompt_tokens=5, completion_tokens=3)):
        making.feed(each)
    model, reason, counted = making.call_ended
    assert (model, reason) == ("m", "stop")
    assert counted is not None
    assert (counted["input_tokens"], counted["output_tokens"]) == (5, 3)
