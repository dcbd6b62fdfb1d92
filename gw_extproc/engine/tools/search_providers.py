"""Who searches the web: each provider is one way to ask and one way to read the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from gw_extproc.settings import Settings


@dataclass(frozen=True)
class Search:
    """What is searched."""

    query: str
    most: int
    """Results that are wanted."""
    domains: Sequence[str] = ()
    """Where to search only; empty: everywhere."""
    country: str | None = None
    """Two letters."""

    @property
    def with_domains(self) -> str:
        """The query for providers that have no parameter for domains."""
        return f"{self.query} ({' OR '.join(f'site:{domain}' for domain in self.domains)})" if self.domains else self.query


@dataclass(frozen=True)
class Result:
    url: str
    title: str
    text: str


class Provider(ABC):
    """`base` is where it is, `key` what it wants to be shown."""

    default_base = ""

    def __init__(self, base: str | None, key: str | None) -> None:
        self.base = (base or self.default_base).rstrip("/")
        self._key = key

    @abstractmethod
    def request(self, search: Search) -> httpx2.Request:
        """What is asked."""

    @abstractmethod
    def found(self, answer: Mapping[str, Any]) -> Iterator[Result]:
        """What was answered."""


class Brave(Provider):
    default_base = "https://api.search.brave.com"

    def request(self, search: Search) -> httpx2.Request:
        parameters: dict[str, str | int] = {"q": search.with_domains, "count": search.most}
        if search.country:
            parameters["country"] = search.country
        headers = {"accept": "application/json", "x-subscription-token": self._key or ""}
        return httpx2.Request("GET", f"{self.base}/res/v1/web/search", params=parameters, headers=headers)

    def found(self, answer: Mapping[str, Any]) -> Iterator[Result]:
        for each in _objects(_object(answer.get("web")).get("results")):
            more = [text for text in each.get("extra_snippets") or () if isinstance(text, str)]
            yield Result(str(each.get("url")), str(each.get("title") or ""), "\n".join([str(each.get("description") or ""), *more]))


class Tavily(Provider):
    default_base = "https://api.tavily.com"

    def request(self, search: Search) -> httpx2.Request:
        body: dict[str, Any] = {"query": search.query, "max_results": search.most}
        if search.domains:
            body["include_domains"] = list(search.domains)
        return httpx2.Request("POST", f"{self.base}/search", json=body, headers={"authorization": f"Bearer {self._key or ''}"})

    def found(self, answer: Mapping[str, Any]) -> Iterator[Result]:
        for each in _objects(answer.get("results")):
            yield Result(str(each.get("url")), str(each.get("title") or ""), str(each.get("content") or ""))


class Searxng(Tavily):
    """Answers in the same shape."""

    default_base = "http://127.0.0.1:8888"

    def request(self, search: Search) -> httpx2.Request:
        return httpx2.Request("GET", f"{self.base}/search", params={"q": search.with_domains, "format": "json"})


PROVIDERS: Mapping[str, type[Provider]] = {"brave": Brave, "tavily": Tavily, "searxng": Searxng}


def provider(settings: Settings) -> Provider:
    key = settings.web_search_key
    return PROVIDERS[settings.web_search](settings.web_search_url, None if key is None else key.get_secret_value())


def is_within(url: str, domains: Sequence[str]) -> bool:
    """Whether it is of one of the domains, or of one below; without any, always. What is no web address never is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    wanted = [domain.lower().lstrip(".") for domain in domains]
    inside = not wanted or any(host == domain or host.endswith(f".{domain}") for domain in wanted)
    return inside and parts.scheme in ("http", "https") and bool(host)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else ()
