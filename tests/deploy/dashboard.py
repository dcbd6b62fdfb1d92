"""deploy/grafana/dashboards/gateway.json: rows of panels, each a few queries. `python -m tests.generated dashboard` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_COLUMNS = 24
_HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    """A graph. `queries` is what is drawn, by its legend."""

    title: str
    about: str
    unit: str
    queries: Mapping[str, str]
    stacked: bool = False


@dataclass(frozen=True)
class Row:
    title: str
    panels: Sequence[Panel]


def rate(metric: str, by: str, where: str = "") -> str:
    """How often a second, summed over workers and all else that is not named."""
    return f"sum by ({by}) (rate({metric}{_selected(where)}{_RATE}))"


def quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{_selected(where)}{_RATE})))"


def quantiles(metric: str, by: str = "", where: str = "") -> Mapping[str, str]:
    legend = f" {{{{{by}}}}}" if by else ""
    return {f"{round(share * 100)} %{legend}": quantile(share, metric, by, where) for share in (0.5, 0.95, 0.99)}


def _selected(where: str) -> str:
    return f"{{{where}}}" if where else ""


_MODEL = 'model=~"$model"'
_GEN_AI = 'gen_ai_request_model=~"$model"'

ROWS = (
    Row(
        "Traffic",
        (
            Panel(
                "Responses",
                "By how they ended; rejected is what was no valid request.",
                "reqps",
                {"{{status}}": rate("responses_total", "status", _MODEL)},
                stacked=True,
            ),
            Panel("Responses by model", "", "reqps", {"{{model}}": rate("responses_total", "model", _MODEL)}, stacked=True),
            Panel(
                "Requests",
                "All endpoints, by operation and class of status.",
                "reqps",
                {"{{method}} {{route}} {{status_class}}": rate("gateway_requests_total", "method, route, status_class")},
            ),
            Panel(
                "Open streams",
                "Exchanges that are not over.",
                "short",
                {"{{door}}": "sum by (door) (gateway_open_streams)"},
                stacked=True,
            ),
            Panel(
                "Fields dropped or repaired",
                "What x-gateway-notice says, by treatment and field, and the dialect's rule that did it.",
                "reqps",
                {"{{treatment}}: {{field}} {{rule}}": rate("gateway_request_fields_total", "treatment, field, rule")},
            ),
            Panel(
                "Failed model calls",
                "By the upstream's status and error.",
                "reqps",
                {"{{status}} {{error_type}}": rate("gateway_upstream_errors_total", "status, error_type")},
            ),
        ),
    ),
    Row(
        "Latency",
        (
            Panel("Whole responses", "", "s", quantiles("response_duration_seconds", where=_MODEL)),
            Panel(
                "Model calls, 95 %",
                "",
                "s",
                {
                    "{{gen_ai_request_model}}": quantile(
                        0.95, "gen_ai_client_operation_duration_seconds", "gen_ai_request_model", _GEN_AI
                    )
                },
            ),
            Panel(
                "Time to first token",
                "Of the model server.",
                "s",
                quantiles("gen_ai_server_time_to_first_token_seconds", where=_GEN_AI),
            ),
            Panel(
                "Time per output token, 95 %",
                "",
                "s",
                {
                    "{{gen_ai_request_model}}": quantile(
                        0.95, "gen_ai_server_time_per_output_token_seconds", "gen_ai_request_model", _GEN_AI
                    )
                },
            ),
            Panel(
                "Gaps between chunks", "What a reader sees as stuttering.", "s", quantiles("gateway_chunk_gap_seconds", where=_MODEL)
            ),
            Panel(
                "Failed responses",
                "Share of all responses.",
                "percentunit",
                {
                    "{{model}}": f"{rate('responses_total', 'model', _MODEL + ', status=' + chr(34) + 'failed' + chr(34))}"
                    f" / {rate('responses_total', 'model', _MODEL)}"
                },
            ),
        ),
    ),
    Row(
        "Tokens",
        (
            Panel(
                "Tokens per second",
                "As the model server counted them, or estimated.",
                "short",
                {"{{gen_ai_token_type}}": rate("gen_ai_client_token_usage_sum", "gen_ai_token_type", _GEN_AI)},
                stacked=True,
            ),
            Panel(
                "Tokens per second by model",
                "",
                "short",
                {
                    "{{gen_ai_request_model}} {{gen_ai_token_type}}": rate(
                        "gen_ai_client_token_usage_sum", "gen_ai_request_model, gen_ai_token_type", _GEN_AI
                    )
                },
                stacked=True,
            ),
            Panel(
                "Tokens per response",
                "The mean.",
                "short",
                {
                    "{{gen_ai_token_type}}": f"{rate('gen_ai_client_token_usage_sum', 'gen_ai_token_type', _GEN_AI)}"
                    f" / {rate('gen_ai_client_token_usage_count', 'gen_ai_token_type', _GEN_AI)}"
                },
            ),
        ),
    ),
    Row(
        "ext_proc",
        (
            Panel(
                "Time in the processor, 95 %",
                "Per exchange, by phase.",
                "s",
                {"{{phase}}": quantile(0.95, "gateway_ext_proc_duration_seconds", "phase")},
            ),
            Panel(
                "Added time to first token, 95 %",
                "How much later the first token came because of the gateway.",
                "s",
                {"{{door}}": quantile(0.95, "gateway_added_time_to_first_token_seconds", "door")},
            ),
            Panel(
                "Event loop lag, 99 %",
                "",
                "s",
                {"{{instance}} worker {{worker}}": quantile(0.99, "gateway_event_loop_lag_seconds", "instance, worker")},
            ),
        ),
    ),
    Row(
        "Tools",
        (
            Panel(
                "Calls",
                "Of tools that the gateway runs.",
                "reqps",
                {"{{tool}} {{outcome}}": rate("tool_execution_duration_seconds_count", "tool, outcome")},
                stacked=True,
            ),
            Panel("Duration, 95 %", "", "s", {"{{tool}}": quantile(0.95, "tool_execution_duration_seconds", "tool")}),
        ),
    ),
    Row(
        "Store",
        (
            Panel("Operations", "", "ops", {"{{operation}}": rate("storage_operations_total", "operation")}, stacked=True),
            Panel(
                "Duration, 99 %", "", "s", {"{{operation}}": quantile(0.99, "gateway_store_operation_duration_seconds", "operation")}
            ),
            Panel(
                "Refused and failed",
                "Refused: the store is full, or a rule of the gateway's says no.",
                "ops",
                {"{{operation}} {{outcome}}": rate("storage_operations_total", "operation, outcome", 'outcome!="ok"')},
            ),
        ),
    ),
    Row(
        "Background",
        (
            Panel("Waiting", "In the queue of all replicas.", "short", {"waiting": "max(gateway_background_queue_depth)"}),
            Panel("Being made", "", "short", {"{{instance}}": "sum by (instance) (gateway_background_jobs)"}, stacked=True),
        ),
    ),
    Row(
        "Process",
        (
            Panel("Workers", "", "short", {"{{instance}}": "sum by (instance) (gateway_workers_up)"}),
            Panel("CPU", "", "percentunit", {"{{instance}} worker {{worker}}": rate("process_cpu_seconds_total", "instance, worker")}),
            Panel(
                "Memory", "", "bytes", {"{{instance}} worker {{worker}}": "sum by (instance, worker) (process_resident_memory_bytes)"}
            ),
            Panel("Open files", "", "short", {"{{instance}} worker {{worker}}": "sum by (instance, worker) (process_open_fds)"}),
            Panel(
                "Age",
                "A drop is a worker that was started again.",
                "s",
                {"{{instance}} worker {{worker}}": "time() - max by (instance, worker) (process_start_time_seconds)"},
            ),
            Panel(
                "Versions",
                "Workers, by what they run.",
                "short",
                {"{{version}}, {{dialect}}": "count by (version, dialect) (gateway_info)"},
            ),
        ),
    ),
)


def text() -> str:
    """The dashboard as Grafana reads it."""
    return json.dumps(_dashboard(), indent=2) + "\n"


def _dashboard() -> Mapping[str, object]:
    return {
        "uid": "gw-extproc",
        "title": "Open Responses gateway",
        "description": "Generated by `python -m tests.generated dashboard`.",
        "tags": ["gw-extproc"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source_variable(), _model_variable()]},
        "annotations": {"list": []},
        "links": [],
        "panels": [{"id": number, **panel} for number, panel in enumerate(_panels(), 1)],
    }


def _panels() -> Iterator[Mapping[str, object]]:
    top = 0
    for row in ROWS:
        yield {"type": "row", "title": row.title, "collapsed": False, "panels": [], "gridPos": _place(0, top, _COLUMNS, 1)}
        top += 1
        across = min(3, len(row.panels))
        width = _COLUMNS // across
        for number, panel in enumerate(row.panels):
            place = _place(number % across * width, top + number // across * _HEIGHT, width, _HEIGHT)
            yield {**_graph(panel), "gridPos": place}
        top += -(-len(row.panels) // across) * _HEIGHT


def _place(x: int, y: int, width: int, height: int) -> Mapping[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _graph(panel: Panel) -> Mapping[str, object]:
    drawn = {
        "lineWidth": 1,
        "fillOpacity": 20 if panel.stacked else 5,
        "showPoints": "never",
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }
    return {
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _SOURCE, "expr": query, "legendFormat": legend, "range": True}
            for number, (legend, query) in enumerate(panel.queries.items())
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": drawn}, "overrides": []},
        "options": {
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    }


def _source_variable() -> Mapping[str, object]:
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "current": {"text": "Prometheus", "value": "prometheus"},
        "hide": 0,
    }


def _model_variable() -> Mapping[str, object]:
    query = "label_values(responses_total, model)"
    return {
        "name": "model",
        "label": "Model",
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": "model"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
        "hide": 0,
    }
