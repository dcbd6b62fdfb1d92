"""web_search with a provider: what it is asked, what the model is told, and how it cites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gw_extproc.engine.tools.search_providers import PROVIDERS, Search, is_within
from tests.api.conftest import settings
from tests.api.serving import Api, Served, served
from tests.events import Json
from tests.real import chat
from tests.real.upstream import Upstream
from tests.tools import searxng
from tests.tools.searxng import Searxng
from tests.tools.talk import asked, calling, calling_whole, kinds, sent, streamed, whole

SEARCH = ("web_search", '{"query": "news of today"}')
TOOL = {"type": "web_search"}


@pytest.fixture(scope="module")
def web() -> Iterator[Searxng]:
    with searxng.running() as server:
        yield server


@pytest.fixture(scope="module")
def server(upstream: Upstream, store_url: str, web: Searxng) -> Iterator[Served]:
    with served(settings(upstream, store_url, web_search="searxng", web_search_url=web.url)) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh(web: Searxng) -> None:
    web.asked.clear()
    web.answer, web.status = None, 200


def call_of(response: Json) -> Json:
    return next(item for item in response["output"] if item["type"] == "web_search_call")


def test_the_model_cites_what_was_found(api: Api, upstream: Upstream, web: Searxng) -> None:
    model = upstream.script(calling(SEARCH), chat.answer("It rained [1], then [2] it did not [7]."))
    events = streamed(api, model, tools=[TOOL])
    response = events[-1]["response"]
    assert kinds(response) == ["web_search_call", "message"]
    call = call_of(response)
    assert call["action"] == {"type": "search", "query": "news of today", "queries": ["news of today"]}
    assert call["status"] == "completed"
    assert [event["type"] for event in events if "web_search" in event["type"]] == [
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
    ]
    part = response["output"][1]["content"][0]
    assert [(each["url"], each["title"], part["text"][each["start_index"] : each["end_index"]]) for each in part["annotations"]] == [
        ("https://news.example.com/one", "One", "[1]"),
        ("https://other.example.org/two", "Two", "[2]"),
    ]
    assert web.asked[0]["q"] == "news of today"
    assert web.asked[0]["format"] == "json"
    first, second = sent(upstream, model)
    assert "[2]" in first["tools"][0]["function"]["description"]
    told = second["messages"][-1]["content"]
    assert told.startswith("[1] One\nhttps://news.example.com/one\nThe first result.")
    assert "javascript" not in told


def test_the_numbers_go_on_in_the_next_search(api: Api, upstream: Upstream) -> None:
    model = upstream.script(calling_whole(SEARCH), calling_whole(SEARCH), whole("See [3]."))
    part = asked(api, model, tools=[TOOL])["output"][-1]["content"][0]
    assert [each["url"] for each in part["annotations"]] == ["https://news.example.com/one"]


@pytest.mark.parametrize("kind", ["web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"])
def test_all_names_of_the_tool_mean_it(api: Api, upstream: Upstream, kind: str) -> None:
    model = upstream.script(calling_whole(SEARCH), whole())
    assert kinds(asked(api, model, tools=[{"type": kind}], tool_choice={"type": kind})) == ["web_search_call", "message"]


def test_the_caller_says_where_to_search_and_where_he_is(api: Api, upstream: Upstream, web: Searxng) -> None:
    model = upstream.script(calling_whole(SEARCH), whole())
    location = {"type": "approximate", "country": "AT", "city": "Graz", "timezone": "Europe/Vienna"}
    tool = {**TOOL, "filters": {"allowed_domains": ["example.org"]}, "user_location": location, "search_context_size": "low"}
    response = asked(api, model, tools=[tool], include=["web_search_call.action.sources", "web_search_call.results"])
    assert web.asked[0]["q"] == "news of today (site:example.org)"
    call = call_of(response)
    assert call["action"]["sources"] == [{"type": "url", "url": "https://other.example.org/two"}]
    assert call["results"] == [{"url": "https://other.example.org/two", "title": "Two", "text": "The second result."}]
    assert "Graz, AT, time zone Europe/Vienna" in sent(upstream, model)[0]["tools"][0]["function"]["description"]


def test_a_later_turn_knows_what_was_asked_for_by_include(api: Api, upstream: Upstream) -> None:
    for include, told in (
        ([], "no longer at hand"),
        (["web_search_call.action.sources"], "Found:\nhttps://news.example.com/one"),
        (["web_search_call.results"], "One\nhttps://news.example.com/one\nThe first result."),
    ):
        model = upstream.script(calling_whole(SEARCH), whole())
        first = asked(api, model, tools=[TOOL], include=include)
        asked(api, model, tools=[TOOL], previous_response_id=first["id"])
        output = next(message for message in sent(upstream, model)[-1]["messages"] if message["role"] == "tool")
        assert told in output["content"]


@pytest.mark.parametrize(("status", "answer"), [(500, {}), (200, ["no object"]), (200, {"results": "none"}), (429, {"error": "slow"})])
def test_a_search_that_fails_is_told_to_the_model(api: Api, upstream: Upstream, web: Searxng, status: int, answer: Any) -> None:
    web.status, web.answer = status, answer
    model = upstream.script(calling(SEARCH), chat.answer())
    response = streamed(api, model, tools=[TOOL])[-1]["response"]
    told = sent(upstream, model)[-1]["messages"][-1]["content"]
    if "results" in answer:
        assert (call_of(response)["status"], told) == ("completed", "Nothing was found.")
    else:
        assert (call_of(response)["status"], told) == ("failed", f"Error: The search was refused (status {status}).")


def test_a_search_without_a_query_is_told_to_the_model(api: Api, upstream: Upstream) -> None:
    model = upstream.script(calling_whole(("web_search", "[]")), whole())
    assert call_of(asked(api, model, tools=[TOOL]))["status"] == "failed"
    assert "no query" in sent(upstream, model)[-1]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"search_context_size": "huge"}, "tools[0].search_context_size"),
        ({"filters": "all"}, "tools[0].filters"),
        ({"user_location": "here"}, "tools[0].user_location"),
        ({"filters": {"allowed_domains": [5]}}, "tools[0].filters.allowed_domains"),
    ],
)
def test_a_wrong_definition_is_refused(api: Api, upstream: Upstream, fields: Json, param: str) -> None:
    body = {"model": upstream.script(whole()), "input": "Hi", "tools": [{**TOOL, **fields}]}
    assert api.refused("POST", "/v1/responses", json=body)[1]["param"] == param


def test_a_search_without_the_web_is_left_out(api: Api, upstream: Upstream) -> None:
    body = {"model": upstream.script(whole()), "input": "Hi", "tools": [{**TOOL, "external_web_access": False}]}
    assert api.call("POST", "/v1/responses", json=body).headers["x-gateway-notice"] == "tools left out: web_search"


# Providers

SEARCHED = Search("cats", 3, ("example.org",), "AT")


@pytest.mark.parametrize(
    ("name", "url", "body"),
    [
        ("brave", "https://api.search.brave.com/res/v1/web/search?q=cats%20%28site%3Aexample.org%29&count=3&country=AT", b""),
        ("tavily", "https://api.tavily.com/search", b'{"query":"cats","max_results":3,"include_domains":["example.org"]}'),
        ("searxng", "http://here:1/search?q=cats%20%28site%3Aexample.org%29&format=json", b""),
    ],
)
def test_each_provider_is_asked_in_its_own_way(name: str, url: str, body: bytes) -> None:
    request = PROVIDERS[name]("http://here:1/" if name == "searxng" else None, "key").request(SEARCHED)
    assert (str(request.url).replace("+", "%20"), request.read()) == (url, body)
    shown = {"brave": "x-subscription-token", "tavily": "authorization"}.get(name)
    assert shown is None or request.headers[shown].endswith("key")


def test_braves_answer_is_read() -> None:
    result = {"url": "https://a.b", "title": "A", "description": "short", "extra_snippets": ["long"]}
    found = list(PROVIDERS["brave"](None, None).found({"web": {"results": [result, "none"]}}))
    assert [(each.url, each.title, each.text) for each in found] == [("https://a.b", "A", "short\nlong")]
    assert not list(PROVIDERS["brave"](None, None).found({"web": None}))


def test_domains_are_compared_as_domains() -> None:
    assert is_within("https://www.Example.org/x", ["example.org"])
    assert not is_within("https://badexample.org/x", ["example.org"])
    assert not is_within("https://example.org.evil.com/", ["example.org"])
    assert not is_within("ftp://example.org/", [])
    assert not is_within("https://[", [])
