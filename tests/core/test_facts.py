"""Model, tier, usage, reason and sources."""

from __future__ import annotations

from typing import Any

import pytest

from gw_extproc.core import facts
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
    def test_both_details_are_always_there(self) -> None:
        assert read({"usage": {"prompt_tokens": 5, "completion_tokens": 3}}).counted() == {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 8,
        }

    def test_details_are_kept(self) -> None:
        usage = {
            "prompt_tokens": 5,
            "completion_tokens": 3,
            "total_tokens": 10,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
            "completion_tokens_details": {"reasoning_tokens": 2},
        }
        assert read({"usage": usage}).counted() == {
            "input_tokens": 5,
            "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
            "output_tokens": 3,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 10,
        }

    @pytest.mark.parametrize("name", ["cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens"])
    def test_cached_tokens_have_many_names(self, name: str) -> None:
        usage = read({"usage": {"prompt_tokens": 5, name: 4, "cache_creation_input_tokens": 1, "reasoning_tokens": 2}}).counted()
        assert usage is not None
        assert usage["input_tokens_details"] == {"cached_tokens": 4, "cache_write_tokens": 1}
        assert usage["output_tokens_details"] == {"reasoning_tokens": 2}

    def test_the_last_one_counts(self) -> None:
        known = read(
            {"usage": {"prompt_tokens": 5, "completion_tokens": 1}}, {"usage": None}, {"usage": {"completion_tokens": 2}}, {"usage": {}}
        )
        assert known.counted() == facts.estimated(0, 8)

    def test_groq_and_moonshot_count_elsewhere(self) -> None:
        wrapped = read({"x_groq": {"id": "a"}}, {"x_groq": {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}}, {"x_groq": 5})
        assert wrapped.counted() == facts.estimated(4, 8)
        known = Facts()
        known.finished({"finish_reason": "stop", "usage": {"prompt_tokens": 1, "completion_tokens": 2}})
        known.finished({"finish_reason": "stop", "usage": {}})
        assert known.counted() == facts.estimated(4, 8)

    @pytest.mark.parametrize("usage", [None, {}, [], 5, "no", {"prompt_tokens": 0}, {"prompt_tokens": "5"}, {"completion_tokens": [3]}])
    def test_what_counts_nothing_is_none(self, usage: Any) -> None:
        assert read({"usage": usage}).counted() is None

    def test_details_of_the_wrong_type_are_zero(self) -> None:
        usage = {"prompt_tokens": 5.0, "completion_tokens": 1e300, "prompt_tokens_details": [], "completion_tokens_details": "no"}
        counted = read({"usage": usage}).counted()
        assert counted == facts.estimated(20, 0)
        assert counted["input_tokens"].__class__ is int

    def test_an_estimate_is_four_bytes_a_token(self) -> None:
        usage = facts.estimated(9, 1)
        assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (3, 1, 4)


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"content": [{"text": "ab"}, {"refusal": "é"}, {"text": ""}]}, 4),
        ({"arguments": "{}"}, 2),
        ({"input": "abc"}, 3),
        ({"action": {"commands": ["ls"]}}, 19),
        ({"arguments": {"query": "q"}}, 13),
    ],
)
def test_what_the_model_said_has_a_size(item: dict[str, Any], size: int) -> None:
    assert facts.said(item) == size


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
        known.finished({"finish_reason": 5})
        assert [self.code(known, ending) for ending in Ending] == [None, None, None]

    @pytest.mark.parametrize("reason", ["error", "ERROR", "insufficient_system_resource"])
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
        ("SAFETY", "content_filter"),
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

    @pytest.mark.parametrize("chunk", [{}, {"citations": 5}, {"citations": "u"}, {"citations": [5]}, {"search_results": {"url": "u"}}])
    def test_without_sources_markers_are_text(self, chunk: dict[str, Any]) -> None:
        assert list(read(chunk).citations("[1]")) == []
