"""web_search: the model asks, a provider searches, and the model is told how to cite what it was given.

The results are numbered through all searches of a response, and the model is asked to cite them as `[n]`. Such a marker in its text
becomes a `url_citation` that stands on the marker; the text stays as the model wrote it (docs/decisions/0016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import httpx2
import orjson

from gw_extproc.core.errors import CallerError
from gw_extproc.core.facts import Source
from gw_extproc.core.hosted import Form, Hosted, Told
from gw_extproc.core.toolkinds import BadArguments, Tool, parse_arguments
from gw_extproc.engine.tools.guarded import GuardedTransport, Trust
from gw_extproc.engine.tools.search_providers import Provider, Result, Search, is_within, provider
from gw_extproc.engine.tools.tool import Fields, Given, HostedTool, Outcome, Request, Running, ToolFailure
from gw_extproc.settings import Settings

TYPES = ("web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11")

SIZES: Mapping[str, tuple[int, int]] = {"low": (3, 500), "medium": (6, 1500), "high": (10, 4000)}
"""By `search_context_size`: results, and characters of each."""

NAME = "web_search"

PARAMETERS: Fields = {
    "type": "object",
    "properties": {"query": {"type": "string", "description": "What to search for, in a few words."}},
    "required": ["query"],
    "additionalProperties": False,
}
DESCRIPTION = (
    "Searches the web for what is current, or what you do not know. The results are numbered. Where your answer rests on one, write "
    "its number in brackets directly behind the statement, such as [2]; cite nothing else in that way, and add no list of sources."
)

SOURCES, RESULTS = "web_search_call.action.sources", "web_search_call.results"
"""What `include` may ask for."""


def _told(item: Given) -> Told:
    """On later turns: what the item still holds of what was found."""
    action = item.get("action") or {}
    results, sources = item.get("results"), action.get("sources")
    if results:
        output = "\n\n".join(f"{each.get('title', '')}\n{each.get('url', '')}\n{each.get('text', '')}" for each in results)
    elif isinstance(sources, list) and sources:
        output = "Found:\n" + "\n".join(str(each.get("url")) for each in sources if isinstance(each, Mapping))
    else:
        output = "The results of this search are no longer at hand." if item.get("status") != "failed" else "The search failed."
    return Told(Tool("web_search", NAME), orjson.dumps({"query": str(action.get("query") or "")}).decode(), output)


def _opening(fields: Given) -> Fields:
    action = {name: value for name, value in fields["action"].items() if name != "sources"}
    return {"action": action} | ({"results": None} if "results" in fields else {})


CALL = Form(
    "web_search_call",
    "ws",
    told=_told,
    opening=_opening,
    opened="response.web_search_call.in_progress",
    running="response.web_search_call.searching",
    ended={"completed": "response.web_search_call.completed"},
    broken_off="failed",
)


class WebSearchTool(HostedTool):
    reads: Mapping[str, Sequence[str]] = dict.fromkeys(
        TYPES, ("filters", "user_location", "search_context_size", "external_web_access")
    )

    def __init__(self, settings: Settings) -> None:
        self.provider = provider(settings)

    def runs(self, definition: Given) -> bool:
        """A search without access to the web, in what somebody has stored, is none that the gateway has."""
        return definition.get("external_web_access") is not False

    def check(self, definition: Given, path: str) -> None:
        if (definition.get("search_context_size") or "medium") not in SIZES:
            message = f"Invalid value for '{path}.search_context_size': expected one of {', '.join(SIZES)}."
            raise CallerError(message, code="invalid_value", param=f"{path}.search_context_size")
        for name in ("filters", "user_location"):
            if not isinstance(definition.get(name) or {}, Mapping):
                raise CallerError(f"Invalid type for '{path}.{name}': expected an object.", code="invalid_type", param=f"{path}.{name}")
        domains = (definition.get("filters") or {}).get("allowed_domains")
        if domains is not None and not (isinstance(domains, list) and all(isinstance(each, str) and each for each in domains)):
            param = f"{path}.filters.allowed_domains"
            raise CallerError(f"Invalid type for '{param}': expected an array of domains.", code="invalid_type", param=param)

    def running(self, request: Request) -> RunningWebSearch:
        return RunningWebSearch(self.provider, request)


class RunningWebSearch(Running):
    def __init__(self, provider: Provider, request: Request) -> None:
        self._provider = provider
        self._include = request.include
        self._definition: Given = request.definitions[-1]
        self._sources: list[Source] = []
        transport = GuardedTransport(httpx2.URL(provider.base), {}, Trust(private=True))
        self._client = httpx2.AsyncClient(transport=transport, trust_env=False, timeout=None)

    @property
    def sources(self) -> Sequence[Source]:
        return self._sources

    def offers(self, definition: Given) -> Sequence[Hosted]:
        place = _place(definition.get("user_location") or {})
        description = f"{DESCRIPTION} The user is in {place}." if place else DESCRIPTION
        return [Hosted(Tool(definition["type"], NAME), CALL, description, PARAMETERS, self._fields)]

    async def call(self, hosted: Hosted, arguments: str) -> Outcome:
        query = _query(arguments)
        if not query:
            raise ToolFailure("The search has no query: give a text as `query`.")
        definition = self._definition
        most, length = SIZES[definition.get("search_context_size") or "medium"]
        domains = (definition.get("filters") or {}).get("allowed_domains") or ()
        country = (definition.get("user_location") or {}).get("country")
        found = await self._found(Search(query, most, domains, country if isinstance(country, str) else None))
        results = [each for each in found if is_within(each.url, domains)][:most]
        first = len(self._sources) + 1
        self._sources += [(each.url, each.title) for each in results]
        told = [f"[{number}] {each.title}\n{each.url}\n{each.text[:length]}" for number, each in enumerate(results, first)]
        return Outcome("completed", self._ended(query, results, length), "\n\n".join(told) or "Nothing was found.")

    def failed(self, hosted: Hosted, arguments: str, reason: str) -> Outcome:
        return Outcome("failed", output=f"Error: {reason}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _found(self, search: Search) -> Sequence[Result]:
        try:
            response = await self._client.send(self._provider.request(search))
            answer = orjson.loads(response.content) if response.status_code == 200 else None
        except (httpx2.HTTPError, orjson.JSONDecodeError):
            raise ToolFailure("The search cannot be made at the moment.") from None
        if not isinstance(answer, dict):
            raise ToolFailure(f"The search was refused (status {response.status_code}).")
        return list(self._provider.found(answer))

    def _fields(self, arguments: str) -> Fields:
        query = _query(arguments)
        asked: Fields = {"action": {"type": "search", "query": query, "queries": [query]}}
        return asked | ({"results": None} if RESULTS in self._include else {})

    def _ended(self, query: str, results: Sequence[Result], length: int) -> Fields:
        ended = self._fields(orjson.dumps({"query": query}).decode())
        if SOURCES in self._include:
            ended["action"]["sources"] = [{"type": "url", "url": each.url} for each in results]
        if RESULTS in self._include:
            ended["results"] = [{"url": each.url, "title": each.title, "text": each.text[:length]} for each in results]
        return ended


def _query(arguments: str) -> str:
    """What the model wants to know, where it said so."""
    try:
        query = parse_arguments(arguments).get("query")
    except BadArguments:
        return ""
    return query.strip() if isinstance(query, str) else ""


def _place(location: Given) -> str:
    named = [str(location[name]) for name in ("city", "region", "country") if location.get(name)]
    zone = f"time zone {location['timezone']}" if location.get("timezone") else ""
    return ", ".join([*named, zone] if zone else named)
