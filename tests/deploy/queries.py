"""What a PromQL query asks for, and which labels its answer has: read from its syntax tree, checked against the metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import promql_parser as promql

from gw_extproc.telemetry.families import FAMILIES
from gw_extproc.telemetry.tables import Kind

TARGET = frozenset({"instance", "job"})
"""Labels that Prometheus adds."""

PROCESS = ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds")
"""Of the process collector of prometheus-client."""
_SUFFIXES = {Kind.HISTOGRAM: ("_bucket", "_sum", "_count")}
_LABELLESS = frozenset({"absent", "time", "scalar", "vector"})

Labels = frozenset[str]


class WrongQuery(Exception):
    """It asks for what does not exist."""


def _known() -> Mapping[str, Labels]:
    """Every series by its name, with its labels."""
    known = {"up": TARGET, **dict.fromkeys(PROCESS, TARGET | {"worker"})}
    for family in FAMILIES:
        labels = TARGET | set(family.labels) | ({"worker"} if family.by_worker else set())
        for suffix in _SUFFIXES.get(family.kind, ("",)):
            known[f"{family.name}{suffix}"] = labels | ({"le"} if suffix == "_bucket" else set())
    return known


KNOWN = _known()


def labels_of(query: str) -> Labels:
    """The labels of the answer; raises WrongQuery for an unknown metric or label, ValueError for what is no PromQL."""
    return _labels(promql.parse(query))


def _labels(node: promql.Expr) -> Labels:
    match node:
        case promql.VectorSelector():
            return _selected(node)
        case promql.MatrixSelector():
            return _labels(node.vector_selector)
        case promql.SubqueryExpr() | promql.ParenExpr() | promql.UnaryExpr():
            return _labels(node.expr)
        case promql.AggregateExpr():
            return _aggregated(node)
        case promql.BinaryExpr():
            right = _labels(node.rhs)
            return right if isinstance(node.lhs, promql.NumberLiteral) or _is_time(node.lhs) else _labels(node.lhs)
        case promql.Call():
            return _called(node)
        case _:
            return frozenset()


def _selected(node: promql.VectorSelector) -> Labels:
    if node.name is None or node.name not in KNOWN:
        raise WrongQuery(f"there is no {node.name}")
    if unknown := {matcher.name for matcher in node.matchers.matchers} - KNOWN[node.name]:
        raise WrongQuery(f"{node.name} has no {', '.join(sorted(unknown))}")
    return KNOWN[node.name]


def _aggregated(node: promql.AggregateExpr) -> Labels:
    inner = _labels(node.expr)
    by = frozenset(node.modifier.labels if node.modifier is not None else ())
    if unknown := by - inner:
        raise WrongQuery(f"nothing in {node.expr.prettify()} has {', '.join(sorted(unknown))}")
    return by


def _called(node: promql.Call) -> Labels:
    name, arguments = node.func.name, [_labels(argument) for argument in node.args]
    if name == "histogram_quantile":
        if "le" not in arguments[1]:
            raise WrongQuery("a quantile without le")
        return arguments[1] - {"le"}
    return frozenset() if name in _LABELLESS else frozenset().union(*arguments)


def _is_time(node: promql.Expr) -> bool:
    return isinstance(node, promql.Call) and node.func.name == "time"


def metrics_of(query: str) -> Sequence[str]:
    """The series that it reads."""
    found: list[str] = []

    def visit(node: promql.Expr) -> bool:
        if isinstance(node, promql.VectorSelector) and node.name is not None:
            found.append(node.name)
        return True

    promql.walk(promql.parse(query), pre_visit=visit)
    return found
