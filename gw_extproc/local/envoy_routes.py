"""Which requests Envoy hands to whom: the processor, the gateway's HTTP listener, the model server."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from gw_extproc.core.paths import BULK, OWN, PROBES, RESPONSES
from gw_extproc.local.envoy_names import EGRESS, FILTER, HTTP, KEY_VARIABLE, LISTENER, MODEL
from gw_extproc.local.plan import Plan

_WEBSOCKET = route.HeaderMatcher(name="upgrade", string_match=matcher.StringMatcher(exact="websocket", ignore_case=True))

_NO_LIMIT = timedelta(0)
_PATIENCE = timedelta(hours=1)  # of what may be silent for long: a WebSocket between two turns, a call of several models and tools


def ingress_routes(plan: Plan) -> route.RouteConfiguration:
    """For clients; the first that matches counts."""
    routes = [_websocket(), *map(_probe, PROBES), *map(_bulk, BULK), *(_own(plan, path) for path in OWN), *_others(plan)]
    return _configuration(LISTENER, routes)


def egress_routes(plan: Plan) -> route.RouteConfiguration:
    """For the gateway's own model calls: only the host is changed."""
    return _configuration(EGRESS, [route.Route(name="model", match=route.RouteMatch(prefix="/"), route=_to_model(plan))])


def _websocket() -> route.Route:
    return route.Route(
        name="websocket",
        match=route.RouteMatch(path=RESPONSES, headers=[_WEBSOCKET]),
        route=route.RouteAction(
            cluster=HTTP,
            timeout=_NO_LIMIT,
            idle_timeout=_PATIENCE,
            upgrade_configs=[route.RouteActionUpgradeConfig(upgrade_type="websocket")],
        ),
    )


def _probe(path: str) -> route.Route:
    return route.Route(name=path, match=route.RouteMatch(path=path), route=route.RouteAction(cluster=HTTP))


def _bulk(path: str) -> route.Route:
    action = route.RouteAction(cluster=HTTP, timeout=_NO_LIMIT)
    return route.Route(name=path, match=route.RouteMatch(path_separated_prefix=path), route=action)


def _own(plan: Plan, path: str) -> route.Route:
    return route.Route(
        name=path,
        match=route.RouteMatch(path_separated_prefix=path),
        route=_to_model(plan, idle_timeout=_PATIENCE),
        typed_per_filter_config={FILTER: Any.pack(ext_proc.ExtProcPerRoute(overrides=ext_proc.ExtProcOverrides()))},
    )


def _others(plan: Plan) -> list[route.Route]:
    base_path = route.Route(
        name="base-path",
        match=route.RouteMatch(prefix="/v1/"),
        route=_to_model(plan, prefix_rewrite=f"{plan.upstream.base_path}/"),
        request_headers_to_add=_authorization(plan),
    )
    return [base_path, route.Route(name="rest", match=route.RouteMatch(prefix="/"), route=_to_model(plan))]


def _to_model(plan: Plan, *, prefix_rewrite: str = "", idle_timeout: timedelta | None = None) -> route.RouteAction:
    return route.RouteAction(
        cluster=MODEL,
        host_rewrite_literal=plan.upstream.authority,
        prefix_rewrite=prefix_rewrite,
        timeout=_NO_LIMIT,
        idle_timeout=idle_timeout,
        retry_policy=route.RetryPolicy(retry_on="connect-failure,refused-stream,reset-before-request", num_retries=2),
    )


def _authorization(plan: Plan) -> list[core.HeaderValueOption]:
    if not plan.bearer:
        return []
    return [
        core.HeaderValueOption(
            header=core.HeaderValue(key="authorization", value=f"Bearer %ENVIRONMENT({KEY_VARIABLE})%"),
            append_action=core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        )
    ]


def _configuration(name: str, routes: list[route.Route]) -> route.RouteConfiguration:
    return route.RouteConfiguration(name=name, virtual_hosts=[route.VirtualHost(name=name, domains=["*"], routes=routes)])
