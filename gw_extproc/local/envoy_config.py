"""Envoy's bootstrap from typed messages: listeners and filters; what leads where is in envoy_routes and envoy_clusters."""

from __future__ import annotations

from datetime import timedelta

import betterproto2
from envoy_data_plane.envoy.config.bootstrap import v3 as bootstrap
from envoy_data_plane.envoy.config.common.mutation_rules import v3 as mutation_rules
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.listener import v3 as listener
from envoy_data_plane.envoy.config.overload import v3 as overload
from envoy_data_plane.envoy.config.route import v3 as route
from envoy_data_plane.envoy.extensions.filters.http.ext_proc import v3 as ext_proc
from envoy_data_plane.envoy.extensions.filters.http.router import v3 as router
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections import v3 as monitor
from envoy_data_plane.envoy.extensions.retry.host.previous_hosts import v3 as previous_hosts
from envoy_data_plane.envoy.type import v3 as envoy_type
from envoy_data_plane.google.protobuf import Any

from gw_extproc.local.envoy_access_log import access_logs
from gw_extproc.local.envoy_clusters import (
    address_of,
    collector_clusters,
    http_cluster,
    model_cluster,
    processor_cluster,
    socket_address,
)
from gw_extproc.local.envoy_names import EGRESS, FILTER, LISTENER, PROCESSOR
from gw_extproc.local.envoy_replies import local_replies
from gw_extproc.local.envoy_routes import egress_routes, ingress_routes
from gw_extproc.local.envoy_tracing import tracing_of
from gw_extproc.local.plan import Plan

_CONNECTIONS = 50_000

_SEND = ext_proc.ProcessingModeHeaderSendMode.SEND
_DUPLEX = ext_proc.ProcessingModeBodySendMode.FULL_DUPLEX_STREAMED


def bootstrap_of(plan: Plan) -> bootstrap.Bootstrap:
    """A whole Envoy: listeners for clients and for the gateway's own calls, clusters, admin interface."""
    return bootstrap.Bootstrap(
        overload_manager=_connection_limit(),
        admin=bootstrap.Admin(address=address_of(plan.admin)),
        static_resources=bootstrap.BootstrapStaticResources(
            listeners=[_ingress(plan), _egress(plan)],
            clusters=[model_cluster(plan), processor_cluster(plan), http_cluster(plan), *collector_clusters(plan)],
        ),
    )


def _connection_limit() -> overload.OverloadManager:
    limit = monitor.DownstreamConnectionsConfig(max_active_downstream_connections=_CONNECTIONS)
    name = "envoy.resource_monitors.global_downstream_max_connections"
    return overload.OverloadManager(resource_monitors=[overload.ResourceMonitor(name=name, typed_config=Any.pack(limit))])


def filter_of() -> hcm.HttpFilter:
    """The ext_proc filter, running on every route."""
    return hcm.HttpFilter(
        name=FILTER,
        typed_config=Any.pack(
            ext_proc.ExternalProcessor(
                grpc_service=core.GrpcService(
                    envoy_grpc=core.GrpcServiceEnvoyGrpc(cluster_name=PROCESSOR), retry_policy=_another_processor()
                ),
                processing_mode=ext_proc.ProcessingMode(
                    request_header_mode=_SEND,
                    response_header_mode=_SEND,
                    request_body_mode=_DUPLEX,
                    response_body_mode=_DUPLEX,
                    request_trailer_mode=_SEND,
                    response_trailer_mode=_SEND,
                ),
                message_timeout=timedelta(seconds=5),
                mutation_rules=mutation_rules.HeaderMutationRules(disallow_is_error=True),
                status_on_error=envoy_type.HttpStatus(code=envoy_type.StatusCode.ServiceUnavailable),
                allow_content_length_header=True,
            )
        ),
    )


def _another_processor() -> core.RetryPolicy:
    """Where nobody listens at one endpoint any more, the exchange begins at another."""
    others = core.RetryPolicyRetryHostPredicate(
        name="envoy.retry_host_predicates.previous_hosts", typed_config=Any.pack(previous_hosts.PreviousHostsPredicate())
    )
    return core.RetryPolicy(
        retry_on="connect-failure", num_retries=3, retry_host_predicate=[others], host_selection_retry_max_attempts=5
    )


def as_json(message: betterproto2.Message) -> dict[str, object]:
    """The message as Envoy reads it, with the field names of Envoy's documentation."""
    return message.to_dict(casing=betterproto2.Casing.SNAKE)


def _ingress(plan: Plan) -> listener.Listener:
    processor = filter_of()
    processor.disabled = True
    return listener.Listener(
        name=LISTENER,
        address=socket_address(plan.host, plan.port),
        traffic_direction=core.TrafficDirection.INBOUND,
        enable_reuse_port=False,
        connection_balance_config=listener.ListenerConnectionBalanceConfig(
            exact_balance=listener.ListenerConnectionBalanceConfigExactBalance()
        ),
        filter_chains=[_chain(plan, LISTENER, ingress_routes(plan), [processor])],
    )


def _egress(plan: Plan) -> listener.Listener:
    return listener.Listener(
        name=EGRESS,
        address=address_of(plan.egress),
        traffic_direction=core.TrafficDirection.OUTBOUND,
        enable_reuse_port=False,
        filter_chains=[_chain(plan, EGRESS, egress_routes(plan), [])],
    )


def _chain(plan: Plan, name: str, routes: route.RouteConfiguration, filters: list[hcm.HttpFilter]) -> listener.FilterChain:
    routing = hcm.HttpFilter(name="envoy.filters.http.router", typed_config=Any.pack(router.Router(suppress_envoy_headers=True)))
    manager = hcm.HttpConnectionManager(
        stat_prefix=name,
        codec_type=hcm.HttpConnectionManagerCodecType.AUTO,
        stream_idle_timeout=timedelta(minutes=10),
        request_headers_timeout=timedelta(seconds=10),
        normalize_path=True,
        merge_slashes=True,
        preserve_external_request_id=True,
        server_header_transformation=hcm.HttpConnectionManagerServerHeaderTransformation.APPEND_IF_ABSENT,
        local_reply_config=local_replies(),
        access_log=access_logs(name, plan.access_log),
        tracing=tracing_of(plan.tracing),
        route_config=routes,
        http_filters=[*filters, routing],
    )
    packed = listener.Filter(name="envoy.filters.network.http_connection_manager", typed_config=Any.pack(manager))
    return listener.FilterChain(filters=[packed])
