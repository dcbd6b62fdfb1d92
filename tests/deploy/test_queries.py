"""Every query of the dashboard and of the alerts asks for what the gateway really tells."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from gw_extproc.telemetry.families import FAMILIES
from tests.deploy.queries import WrongQuery, labels_of, metrics_of

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD: Any = json.loads((ROOT / "deploy/grafana/dashboards/gateway.json").read_text())
RULES: Any = [rule for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"] for rule in group["rules"]]

_VARIABLES = {"$__rate_interval": "5m", '"$model"': '".*"'}
_LEGEND = re.compile(r"{{(\w+)}}")
_LABEL = re.compile(r"\$labels\.(\w+)")


def _drawn() -> Iterator[tuple[str, str, str]]:
    """Panel, query and legend."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in _VARIABLES.items():
                query = query.replace(name, value)
            yield panel["title"], query, target["legendFormat"]


DRAWN = list(_drawn())


@pytest.mark.parametrize(("query", "legend"), [drawn[1:] for drawn in DRAWN], ids=[drawn[0] for drawn in DRAWN])
def test_a_panel_asks_for_what_there_is(query: str, legend: str) -> None:
    assert "$" not in query, "a variable that the dashboard does not have"
    assert set(_LEGEND.findall(legend)) == labels_of(query), "the legend names what tells the curves apart"


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_what_there_is(rule: Mapping[str, Any]) -> None:
    assert set(_LABEL.findall(rule["annotations"]["summary"])) <= labels_of(rule["expr"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_says_what_to_do(rule: Mapping[str, Any]) -> None:
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    assert f"\n## {rule['alert']}\n" in (ROOT / page).read_text()


@pytest.mark.parametrize("rule", [rule for rule in RULES if " / " in rule["expr"]], ids=lambda rule: rule["alert"])
def test_a_share_is_only_of_what_happens_often_enough(rule: Mapping[str, Any]) -> None:
    """One failure of one request is all of them, and no reason to wake anybody."""
    assert re.search(r"\n\s*and [^\n]*rate\([^\n]*\) > 0\.\d+$", rule["expr"].rstrip())


def test_every_metric_is_drawn() -> None:
    drawn = {metric for _, query, _ in DRAWN for metric in metrics_of(query)}
    shown = {family.name for family in FAMILIES if any(metric.startswith(family.name) for metric in drawn)}
    assert {family.name for family in FAMILIES} - shown == set()


@pytest.mark.parametrize(
    "query",
    [
        "sum(rate(response_total[5m]))",
        'responses_total{state="failed"}',
        "sum by (tool) (rate(responses_total[5m]))",
        "histogram_quantile(0.9, sum by (model) (rate(gateway_chunk_gap_seconds_bucket[5m])))",
        "sum(gateway_background_queue_depth{worker='1'})",
    ],
)
def test_a_wrong_query_is_found(query: str) -> None:
    with pytest.raises(WrongQuery):
        labels_of(query)


def test_the_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for place in places)
    assert not [pair for pair in combinations(places, 2) if _overlap(*pair)]


def test_the_panels_use_the_chosen_data_source() -> None:
    names = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert names["datasource"]["type"] == "datasource"
    provided = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/datasources.yaml").read_text())["datasources"]
    assert names["datasource"]["current"]["value"] in {source["uid"] for source in provided}
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "targets" in panel} == {"${datasource}"}
    asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", names["model"]["definition"])
    assert asked is not None
    assert asked[2] in labels_of(asked[1])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_agrees() -> None:
    for kind, name in (("config", "prometheus.yml"), ("rules", "alerts.yml")):
        subprocess.run(["promtool", "check", kind, PROMETHEUS / name], check=True, capture_output=True)


def _overlap(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return all(one[at] < other[at] + other[long] and other[at] < one[at] + one[long] for at, long in (("x", "w"), ("y", "h")))
