"""The clusters of Envoy's configuration: the model server, and the gateway's workers twice, as processors and as HTTP servers."""

from __future__ import annotations

from datetime import timedelta

from envoy_data_plane.envoy.config.cluster import v3 as cluster
from envoy_data_plane.envoy.config.cluster.v3 import ClusterDiscoveryType as Discovery
from envoy_data_plane.envoy.config.cluster.v3 import ClusterDnsLookupFamily as Family
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.config.endpoint import v3 as endpoint
from envoy_data_plane.envoy.extensions.transport_sockets.tls import v3 as tls
from envoy_data_plane.envoy.extensions.upstreams.http import v3 as upstreams
from envoy_data_plane.envoy.type.matcher import v3 as matcher
from envoy_data_plane.google.protobuf import Any

from gw_extproc.local.addresses import is_ip, split_address
from gw_extproc.local.envoy_names import COLLECTOR, HTTP, MODEL, PROCESSOR
from gw_extproc.local.plan import Plan
from gw_extproc.settings import Upstream

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_SERVERS_KEEP = timedelta(seconds=4)  # many servers, uvicorn among them, close a connection that was idle for 5 s
_LIMIT = 16_384  # far above what one gateway serves; Envoy's default of 1024 would turn a busy hour into 503s


def model_cluster(plan: Plan) -> cluster.Cluster:
    """The Chat Completions server."""
    return _server(MODEL, plan.upstream, plan.ca_file)


def collector_clusters(plan: Plan) -> list[cluster.Cluster]:
    """The OpenTelemetry collector, where there is one."""
    return [_server(COLLECTOR, plan.tracing.collector, plan.ca_file)] if plan.tracing else []


def _server(name: str, upstream: Upstream, ca_file: str) -> cluster.Cluster:
    numeric = is_ip(upstream.host)
    return cluster.Cluster(
        name=name,
        type=Discovery.STATIC if numeric else Discovery.LOGICAL_DNS,
        dns_lookup_family=Family.AUTO if numeric else Family.ALL,
        connect_timeout=timedelta(seconds=5),
        circuit_breakers=_breakers(),
        typed_extension_protocol_options={_HTTP_OPTIONS: Any.pack(_model_protocol(upstream))},
        transport_socket=_transport(upstream.host, ca_file) if upstream.scheme == "https" else None,
        load_assignment=_assignment(name, [socket_address(upstream.host, upstream.port)]),
    )


def processor_cluster(plan: Plan) -> cluster.Cluster:
    """The workers as processors, over HTTP/2 without TLS."""
    http2 = core.Http2ProtocolOptions(max_concurrent_streams=128)
    config = upstreams.HttpProtocolOptionsExplicitHttpConfig(http2_protocol_options=http2)
    return _workers(PROCESSOR, plan.processors, upstreams.HttpProtocolOptions(explicit_http_config=config))


def http_cluster(plan: Plan) -> cluster.Cluster:
    """The workers as HTTP servers, over HTTP/1.1, which can be upgraded to WebSocket."""
    return _workers(HTTP, plan.http, _http1())


def _workers(name: str, addresses: tuple[str, ...], options: upstreams.HttpProtocolOptions) -> cluster.Cluster:
    hosts = [split_address(address)[0] for address in addresses if not address.startswith("unix:")]
    named = any(not is_ip(host) for host in hosts)
    return cluster.Cluster(
        name=name,
        type=Discovery.STRICT_DNS if named else Discovery.STATIC,
        lb_policy=cluster.ClusterLbPolicy.LEAST_REQUEST,
        connect_timeout=timedelta(seconds=1),
        circuit_breakers=_breakers(),
        typed_extension_protocol_options={_HTTP_OPTIONS: Any.pack(options)},
        load_assignment=_assignment(name, [address_of(address) for address in addresses]),
    )


def address_of(address: str) -> core.Address:
    """`unix:/path` or `host:port` as Envoy's message."""
    if address.startswith("unix:"):
        return core.Address(pipe=core.Pipe(path=address.removeprefix("unix:")))
    return socket_address(*split_address(address))


def socket_address(host: str, port: int) -> core.Address:
    return core.Address(socket_address=core.SocketAddress(address=host, port_value=port))


def _model_protocol(upstream: Upstream) -> upstreams.HttpProtocolOptions:
    if upstream.scheme == "https":
        return upstreams.HttpProtocolOptions(
            common_http_protocol_options=core.HttpProtocolOptions(idle_timeout=timedelta(seconds=60)),
            auto_config=upstreams.HttpProtocolOptionsAutoHttpConfig(
                http_protocol_options=core.Http1ProtocolOptions(), http2_protocol_options=core.Http2ProtocolOptions()
            ),
        )
    return _http1()


def _http1() -> upstreams.HttpProtocolOptions:
    return upstreams.HttpProtocolOptions(
        common_http_protocol_options=core.HttpProtocolOptions(idle_timeout=_SERVERS_KEEP),
        explicit_http_config=upstreams.HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=core.Http1ProtocolOptions()),
    )


def _transport(host: str, ca_file: str) -> core.TransportSocket:
    kind = tls.SubjectAltNameMatcherSanType.IP_ADDRESS if is_ip(host) else tls.SubjectAltNameMatcherSanType.DNS
    validation = tls.CertificateValidationContext(
        trusted_ca=core.DataSource(filename=ca_file),
        match_typed_subject_alt_names=[tls.SubjectAltNameMatcher(san_type=kind, matcher=matcher.StringMatcher(exact=host))],
    )
    context = tls.UpstreamTlsContext(
        sni="" if is_ip(host) else host,
        common_tls_context=tls.CommonTlsContext(validation_context=validation),
    )
    return core.TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _breakers() -> cluster.CircuitBreakers:
    limits = cluster.CircuitBreakersThresholds(max_connections=_LIMIT, max_pending_requests=_LIMIT, max_requests=_LIMIT)
    return cluster.CircuitBreakers(thresholds=[limits])


def _assignment(name: str, addresses: list[core.Address]) -> endpoint.ClusterLoadAssignment:
    ends = [endpoint.LbEndpoint(endpoint=endpoint.Endpoint(address=address)) for address in addresses]
    return endpoint.ClusterLoadAssignment(cluster_name=name, endpoints=[endpoint.LocalityLbEndpoints(lb_endpoints=ends)])
