"""Model, tier, usage, reason and sources."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core.facts import Facts
from gw_extproc.core.sse import Ending


def read(*chunks: dict[str, Any]) -> Facts:
    known = Facts()
    for chunk in chunks:
        known.read(chunk)
    return known


def test_the_last_word_counts_if_it_is_one() -> None:
    known = read(
        {"model": "a", "service_tier": "flex"}, {"model": "b", "service_tier": None}, {"model": "", "service_tier": 5}, {"model": {}}
    )
    assert (known.model, known.service_tier) == ("b", "flex")


def test_a_tier_of_another_name_is_none() -> None:
    assert read({"service_tier": "on_demand"}).service_tier is None


class TestUsage:
    def test_counts_that_come_in_parts_add_up_to_one(self) -> None:
        known = read(
            {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}, {"usage": None}, {"usage": {"completion_tokens": 2}}, {"usage": {}}
        )
        assert known.usage == {"prompt_tokens": 5, "completion_tokens": 2}

    def test_groq_and_moonshot_count_elsewhere(self) -> None:
        wrapped = read({"x_groq": {"id": "a"}}, {"x_groq": {"usage": {"prompt_tokens": 1}}}, {"x_groq": 5})
        assert wrapped.usage == {"prompt_tokens": 1}
        known = read({"usage": {"prompt_tokens": 1}})
        known.finished({"usage": {"completion_tokens": 2}})
        known.finished({"finish_reason": "stop", "usage": {}})
        assert known.usage == {"prompt_tokens": 1, "completion_tokens": 2}

    @pytest.mark.parametrize("usage", [None, {}, [], 5, "no"])
    def test_what_counts_nothing_is_none(self, usage: Any) -> None:
        assert read({"usage": usage}).usage is None


class TestFault:
    @staticmethod
    def code(known: Facts, ending: Ending) -> str | None:
        fault = known.fault(ending)
        return fault.code if fault else None

    def test_a_reason_is_an_end(self) -> None:
        known = read({"choices": []})
        known.finished({"finish_reason": "stop"})
        known.finished({"finish_reason": None})
        known.finished({"finish_reason": ""})
        known.finished({"finish_reason": "null"})
        known.finished({"finish_reason": 5})
        assert [self.code(known, ending) for ending in Ending] == [None, None, None]

    @pytest.mark.parametrize("reason", ["error", "ERROR", "insufficient_system_resource", "abort", "timeout"])
    def test_some_reasons_are_failures(self, reason: str) -> None:
        known = read({"choices": []})
        known.finished({"finish_reason": reason})
        assert {self.code(known, ending) for ending in Ending} == {"upstream_stream_ended"}

    def test_without_a_reason_the_ending_decides(self) -> None:
        known = read({"choices": [{}]})
        assert self.code(known, Ending.CUT) == "upstream_stream_ended"
        assert self.code(known, Ending.DONE) is None
        assert self.code(known, Ending.WHOLE) is None

    def test_a_closing_usage_chunk_is_an_end(self) -> None:
        assert self.code(read({"choices": [{}]}, {"choices": [], "usage": {"prompt_tokens": 1}}), Ending.CUT) is None
        assert self.code(read({"choices": [{}], "usage": {"prompt_tokens": 1}}), Ending.CUT) == "upstream_stream_ended"

    def test_a_usage_chunk_that_more_follows_is_no_end(self) -> None:
        counted = {"choices": [], "usage": {"prompt_tokens": 1}}
        assert self.code(read({"choices": [{}]}, counted, {"choices": [{}]}), Ending.CUT) == "upstream_stream_ended"
        assert self.code(read({"choices": [{}]}, counted, {"choices": []}, {"type": "ping"}), Ending.CUT) is None

    def test_json_without_choices_is_no_answer(self) -> None:
        assert self.code(read({"detail": "Not Found"}), Ending.WHOLE) == "bad_upstream_answer"
        assert self.code(Facts(), Ending.WHOLE) == "bad_upstream_answer"
        assert self.code(read({"choices": []}), Ending.WHOLE) is None


@pytest.mark.parametrize(
    ("reason", "incomplete"),
    [
        ("stop", None),
        ("tool_calls", None),
        ("function_call", None),
        ("length", "max_output_tokens"),
        ("MAX_TOKENS", "max_output_tokens"),
        ("model_length", "max_output_tokens"),
        ("content_filter", "content_filter"),
        ("model_context_window_exceeded", "max_output_tokens"),
        ("max_new_tokens", "max_output_tokens"),
        ("SAFETY", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("sensitive", "content_filter"),
        ("null", None),
        ("eos_token", None),
        (None, None),
    ],
)
def test_finish_reasons(reason: str | None, incomplete: str | None) -> None:
    known = Facts()
    known.finished({"finish_reason": reason})
    assert known.incomplete_reason() == incomplete


class TestSources:
    def test_markers_cite_sources(self) -> None:
        known = read({"citations": ["u1", "u2"], "search_results": [{"url": "u2", "title": "two"}]}, {"citations": None})
        assert list(known.citations("a[1]b[2][3][0]")) == [
            {"type": "url_citation", "start_index": 1, "end_index": 4, "url": "u1", "title": ""},
            {"type": "url_citation", "start_index": 5, "end_index": 8, "url": "u2", "title": "two"},
        ]

    def test_search_results_are_enough(self) -> None:
        known = read({"search_results": [{"url": "u1", "title": None}, {"title": "none"}, 5]})
        assert [each["url"] for each in known.citations("[1][2]")] == ["u1"]

    def test_are_texts_or_objects(self) -> None:
        known = read(
            {"citations": ["u1", {"url": "u2", "title": "two"}, {"link": "u3"}], "search_results": [{"link": "u1", "title": "one"}]}
        )
        told = [(each["url"], each["title"]) for each in known.citations("[1][2][3]")]
        assert told == [("u1", "one"), ("u2", "two"), ("u3", "")]

    @pytest.mark.parametrize("chunk", [{}, {"citations": 5}, {"citations": "u"}, {"citations": [5]}, {"search_results": {"url": "u"}}])
    def test_without_sources_markers_are_text(self, chunk: dict[str, Any]) -> None:
        assert list(read(chunk).citations("[1]")) == []
