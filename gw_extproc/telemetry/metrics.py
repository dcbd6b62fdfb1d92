"""What is counted of an exchange when it has ended, and of what happens outside of any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from gw_extproc import __version__
from gw_extproc.core.paths import RESPONSES
from gw_extproc.settings import Settings
from gw_extproc.telemetry import families
from gw_extproc.telemetry.bounds import CANCELLED, METHODS, OTHER, PROVIDERS, ModelNames, error_type, field_of, status_class
from gw_extproc.telemetry.families import FAMILIES
from gw_extproc.telemetry.record import Door, Exchange, Step, StepKind, Usage
from gw_extproc.telemetry.tables import Labels, Series, Table

_TRAILERS: Mapping[str, str] = {"request_trailers": "trailers", "response_trailers": "trailers"}

_YES_NO = {True: "true", False: "false", None: "false"}

_ANSWERED = frozenset({"completed", "incomplete"})


class _Names(NamedTuple):
    """Of an exchange's models, as labels."""

    model: str
    asked: Labels
    """Operation, provider, model: as the semantic conventions say it."""
    answered: str


class Metrics:
    """Reads exchanges into tables. The store's operations are told to it one by one: most belong to no exchange."""

    def __init__(self, settings: Settings) -> None:
        self._tables = {family: Table(family) for family in FAMILIES}
        given = settings.metrics_models
        self._models = ModelNames([*given, *settings.model_aliases] if given else ())
        self._answering = ModelNames(given)
        dialect = settings.upstream_dialect.name
        self._provider = PROVIDERS.get(dialect, dialect)
        self._open: set[Exchange] = set()
        self._tables[families.INFO].set((__version__, dialect), 1)
        self._tables[families.JOBS].set((), 0)

    def began(self, exchange: Exchange) -> None:
        self._open.add(exchange)

    def ended(self, exchange: Exchange) -> None:
        self._open.discard(exchange)
        if exchange.door is not Door.BACKGROUND:
            self._request(exchange)
        names = self._names(exchange)
        if exchange.route == RESPONSES and exchange.method == "POST":
            self._response(exchange, names)
        for step in exchange.steps:
            if step.kind is StepKind.MODEL:
                self._model_call(names, step)
            elif step.kind in (StepKind.TOOL, StepKind.LIST_TOOLS):
                self._tool(step)

    async def close(self) -> None:
        return

    def stored(self, step: Step) -> None:
        """An operation of the store is over."""
        labels = (step.name, step.failed or "ok")
        self._tables[families.STORAGE].add(labels)
        self._tables[families.STORAGE_DURATION].observe(labels, _seconds(step))

    def lagged(self, seconds: float) -> None:
        """The event loop came so much too late."""
        self._tables[families.LAG].observe((), seconds)

    def series(self) -> Mapping[str, Series]:
        """All tables, as they stand."""
        doors = Counter(exchange.door for exchange in self._open)
        for door in Door:
            self._tables[families.OPEN].set((door.text,), doors[door])
        self._tables[families.JOBS].set((), doors[Door.BACKGROUND])
        return {family.name: table.series for family, table in self._tables.items()}

    def _request(self, exchange: Exchange) -> None:
        method = exchange.method if exchange.method in METHODS else OTHER
        labels = (method, exchange.route, status_class(exchange.http_status), exchange.door.text)
        self._tables[families.REQUESTS].add(labels)

    def _names(self, exchange: Exchange) -> _Names:
        """The models' names, as far as they are to be seen; those of a success are learned first."""
        asked, answered = exchange.model or "", exchange.answered_model or ""
        if exchange.status in _ANSWERED:
            self._models.answered(asked)
            self._answering.answered(answered)
        model = self._models.label(asked)
        return _Names(model, ("chat", self._provider, model), self._answering.label(answered) if answered else "")

    def _response(self, exchange: Exchange, names: _Names) -> None:
        status = _status(exchange)
        for heading, name, rule in exchange.notices:
            self._tables[families.FIELDS].add((heading, field_of(heading, name), rule or ""))
        if status is None:
            return
        model, door = names.model, exchange.door.text
        self._tables[families.RESPONSES].add((model, status, door, _YES_NO[exchange.stream], _YES_NO[exchange.stored]))
        if status != "rejected":
            self._tables[families.DURATION].observe((model, status, _YES_NO[exchange.stream]), _between(exchange))
        if exchange.door is Door.INLINE:
            self._phases(exchange)
        if exchange.pace.count:
            self._stream(exchange, names)
        if exchange.usage is not None:
            self._tokens(exchange.usage, names)

    def _phases(self, exchange: Exchange) -> None:
        spent: dict[str, float] = {}
        for name, seconds in exchange.phases.items():
            if seconds:
                phase = _TRAILERS.get(name, name)
                spent[phase] = spent.get(phase, 0.0) + seconds
        for phase, seconds in spent.items():
            self._tables[families.EXT_PROC].observe((phase,), seconds)

    def _stream(self, exchange: Exchange, names: _Names) -> None:
        pace = exchange.pace
        if exchange.added_to_first_token is not None:
            self._tables[families.ADDED].observe((exchange.door.text,), exchange.added_to_first_token)
        if pace.count > 1:
            gaps = pace.gaps()
            self._tables[families.GAPS].merge((names.model,), gaps.counts, gaps.seconds)
        calls = [step for step in exchange.steps if step.kind is StepKind.MODEL]
        if exchange.status not in _ANSWERED or not calls or pace.first is None or pace.last is None:
            return
        self._tables[families.FIRST_TOKEN].observe(names.asked, pace.first - calls[0].began)
        usage = exchange.usage
        if len(calls) == 1 and usage is not None and usage.output > 1:
            seconds = (pace.last - pace.first) / (usage.output - 1)
            self._tables[families.PER_TOKEN].observe(names.asked, seconds)

    def _tokens(self, usage: Usage, names: _Names) -> None:
        labels = (*names.asked, names.answered)
        self._tables[families.TOKENS].observe((*labels, "input"), usage.input)
        self._tables[families.TOKENS].observe((*labels, "output"), usage.output)

    def _model_call(self, names: _Names, step: Step) -> None:
        failed = "" if step.failed is None else error_type(step.failed)
        labels = (*names.asked, names.answered, failed)
        self._tables[families.OPERATION].observe(labels, _seconds(step))
        if step.failed is not None and step.failed not in CANCELLED:
            self._tables[families.UPSTREAM_ERRORS].add((str(step.facts.get("http.response.status_code", "none")), failed))

    def _tool(self, step: Step) -> None:
        outcome = "ok" if step.failed is None else "timeout" if step.failed == "timeout" else "failed"
        self._tables[families.TOOLS].observe((step.name, outcome), _seconds(step))


def _status(exchange: Exchange) -> str | None:
    """What has become of the response; None where that is not known here: it is made in the background."""
    if exchange.status is not None:
        return exchange.status
    if exchange.error is not None:
        return "rejected" if exchange.response_id is None else "failed"
    return "cancelled" if exchange.left is not None else None


def _seconds(step: Step) -> float:
    return (step.ended or step.began) - step.began


def _between(exchange: Exchange) -> float:
    return (exchange.ended or exchange.began) - exchange.began
