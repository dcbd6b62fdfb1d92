"""`gw-extproc envoy-config`: Envoy's configuration as text, with the reasons beside the settings."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gw_extproc.core.paths import OWN
from gw_extproc.local import plan
from gw_extproc.local.commented_yaml import CommentedYaml, comment_lines
from gw_extproc.local.envoy_binary import binary, complaint
from gw_extproc.local.envoy_clusters import processor_cluster
from gw_extproc.local.envoy_config import as_json, bootstrap_of, filter_of
from gw_extproc.local.errors import LocalError
from gw_extproc.settings import Settings

_FILTER = {
    "http_filters[envoy.filters.http.ext_proc]": "Hands requests and answers to the processor over gRPC.",
    "grpc_service": "failure_mode_allow stays off: a Responses call means nothing to the model server, so without the "
    "processor it has to fail.",
    "grpc_service.retry_policy": "Where nobody listens at one endpoint any more (a replica was stopped), the exchange begins at "
    "another; nothing has happened yet, so nothing happens twice.",
    "processing_mode": "Both bodies flow through the processor in both directions at once (full duplex): it reads the "
    "whole request before it answers the headers, and rewrites a streamed answer chunk by chunk. Envoy wants the trailers "
    "sent in this mode, and sets no limit on bodies: the processor has its own (--max-body).",
    "message_timeout": "Has no effect in full duplex, where the processor answers when it can; it would in other modes.",
    "mutation_rules": "The processor changes the path and ordinary headers, never host, method, scheme or x-envoy-*. A "
    "change that Envoy does not allow shall be an error, not a silence.",
    "status_on_error": "A processor that is down or fails is our fault and may pass: 503 rather than 500.",
    "allow_content_length_header": "Model servers that cannot read chunked requests need the right content-length, which "
    "the processor sets. Envoy 1.38 and later; leave the line out for 1.37.",
}

_CLUSTER = {
    "clusters[gw_extproc]": "The processor's workers. There is no health check, which would only delay the start: an exchange "
    "that finds nobody at one endpoint begins at another (retry_policy of the filter's grpc_service).",
    "lb_policy": "A stream stays with its worker for minutes: count what each has, do not just take turns.",
    "max_concurrent_streams": "Envoy opens a further connection beyond this many streams. Workers that share one TCP port "
    "get their share of connections, so it should not be large.",
}

_REST = {
    "ingress].traffic_direction": "Draining stops what is inbound; the gateway's own calls, outbound, may then still finish.",
    "ingress].address": "Where clients connect. For other machines use 0.0.0.0, with TLS and authentication in front.",
    "enable_reuse_port": "One listening socket for all threads: a taken port is an error, and exact_balance spreads few, "
    "long connections evenly.",
    "routes[websocket]": "WebSocket cannot pass through the processor: these go straight to the gateway's HTTP listener.",
    "upgrade_configs": "Lets the upgrade through, on this route alone.",
    "routes[/healthz]": "For load balancers and probes: does the gateway live, and (/readyz) can it serve?",
    "routes[/v1/responses]": "What the processor answers for, with everything below. A POST /v1/responses that needs one model call "
    "it turns into a Chat Completions call, path and all, and the answer back; what is stored and all else it answers itself, and "
    "the cluster is not asked.",
    "routes[websocket].route.idle_timeout": "Longer than the listener's stream_idle_timeout: a client may think between two turns, "
    "and where the processor answers itself, several model calls may come before the first byte.",
    "listeners[egress]": "The gateway's own model calls (`serve --egress`): the same cluster, retries and limits as for those that "
    "Envoy makes itself. Only the host is changed. Nobody else may connect here.",
    "host_rewrite_literal": "Hosted model servers tell their tenants by this name.",
    "timeout": "No limit on the whole answer: Envoy's 15 s would cut streams off. stream_idle_timeout ends dead ones.",
    "retry_policy": "Only where the model cannot have seen the request: no answer is ever made, and paid for, twice.",
    "typed_per_filter_config": "Turns the filter on; it is off elsewhere, so that the other paths cost nothing.",
    "routes[base-path]": "All else goes through untouched; /v1/ becomes the base path of the upstream.",
    "routes[rest]": "What is no path of the API goes through as it is, without the gateway's key.",
    "request_headers_to_add": "The upstream's key, from the environment of the Envoy process: start it with "
    "GW_UPSTREAM_API_KEY set, and this file stays free of secrets. On its own paths the processor adds it.",
    "local_reply_config": "What Envoy says by itself when a call fails becomes an error object that clients can read.",
    "access_log": "A line of JSON for "
    "each request, with the ids that the gateway's own line has: x-request-id, the response's, the trace's. Never a body, a query or "
    "a key.",
    "tracing": "Envoy's own spans, above the gateway's (--otlp-endpoint). Who is in front decides what is traced; random_sampling is "
    "for the rest.",
    "clusters[otlp]": "The OpenTelemetry collector.",
    "disabled": "Routes that want the filter say so.",
    "suppress_envoy_headers": "Neither the model server nor the client needs x-envoy-*.",
    "server_header_transformation": "The upstream's own headers reach the client.",
    "stream_idle_timeout": "A model may think for minutes before its next token.",
    "request_headers_timeout": "But a client that cannot finish its headers only holds a connection.",
    "normalize_path": "`/v1/../x` is `/x`: what the routes decide on is what the model server gets.",
    "preserve_external_request_id": "The caller's x-request-id is the one to find in all logs.",
    "clusters[gw_extproc_http]": "The workers once more, as HTTP servers.",
    "clusters[model]": "The Chat Completions server.",
    "dns_lookup_family": "Tries IPv6 and IPv4 side by side, as browsers do: `localhost` works whichever the server uses. For "
    "a name with one address per replica (a headless service) use STRICT_DNS above.",
    "circuit_breakers": "Envoy's default of 1024 would turn a busy hour into 503s.",
    "common_http_protocol_options.idle_timeout": "Shorter than servers keep idle connections (often 5 s, where a new one is cheap): "
    "a request must not meet a connection that is just being closed.",
    "auto_config": "HTTP/2 where the server offers it, else HTTP/1.1.",
    "trusted_ca.filename": "The certificates that this machine trusts. Red Hat and its like keep them in "
    "/etc/pki/tls/certs/ca-bundle.crt, macOS in /etc/ssl/cert.pem.",
    "match_typed_subject_alt_names": "The certificate has to be for this very host.",
    "admin": "Statistics, readiness, draining. It has no password: never let it leave this machine.",
    "overload_manager": "Connections beyond this many are refused, before they use up the memory.",
}

COMMENTS = _FILTER | _CLUSTER | _REST
"""All comments of the complete configuration."""

_TITLE = """\
Envoy in front of a Chat Completions server, with the Responses API that gw-extproc adds to it.
Printed by `gw-extproc envoy-config`, whose --help says what can be chosen. Envoy 1.38 or later.

  gw-extproc serve --grpc {grpc} --http {http} --egress {egress} \\
    --upstream {upstream} --store redis://127.0.0.1:6379
  envoy -c envoy.yaml
"""

_EXAMPLE = "\nNo upstream was named: this one is an example.\n"

_FILTER_TITLE = """\
For an Envoy of your own, 1.38 or later. Besides these two pieces it needs a route with `timeout: 0s` to a
Chat Completions server, for {own} and all below. Where a
request takes one model call, the processor changes its path to {base_path}/chat/completions;
the rest it answers itself. That is everything but WebSocket, which takes a route of its own to the
gateway's HTTP listener: the complete configuration has it.

  gw-extproc serve --grpc {grpc} --http {http} \\
    --upstream {upstream} --store redis://127.0.0.1:6379
"""

_FILTER_PLACE = """\
Goes before the router, in the http_filters of the http_connection_manager. As it stands, it runs on every route and lets
through what is not its own; `disabled: true` here and, in a route,
  typed_per_filter_config:
    envoy.filters.http.ext_proc:
      "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExtProcPerRoute
      overrides: {}
confine it to that route."""


def complete(settings: Settings) -> str:
    """The whole configuration."""
    title = _TITLE + ("" if settings.upstream else _EXAMPLE)
    writer = CommentedYaml(COMMENTS)
    return _titled(title, settings, writer.text(as_json(bootstrap_of(plan.printed(settings)))))


def filter_only(settings: Settings) -> str:
    """The filter and the processor's cluster."""
    key = "http_filters[envoy.filters.http.ext_proc]"
    writer = CommentedYaml(_FILTER | _CLUSTER | {key: f"{_FILTER[key]} {_FILTER_PLACE}"})
    pieces = {
        "http_filters": [as_json(filter_of())],
        "clusters": [as_json(processor_cluster(plan.printed(settings)))],
    }
    return _titled(_FILTER_TITLE, settings, writer.text(pieces))


def check(settings: Settings) -> None:
    """Lets the embedded Envoy validate the configuration; raises LocalError where it does not take it."""
    here = replace(plan.printed(settings), ca_file=plan.ca_file())  # the printed file need not exist on this machine
    if found := asyncio.run(complaint(binary(), as_json(bootstrap_of(here)))):
        raise LocalError(f"Envoy refuses the configuration: {found}")


def _titled(title: str, settings: Settings, body: str) -> str:
    upstream = plan.printed(settings).upstream
    egress = settings.egress or f"http://{plan.CUSTOMARY_EGRESS}{upstream.base_path}"
    filled = title.format(
        grpc=settings.grpc,
        http=settings.http,
        egress=egress,
        upstream=upstream.url,
        base_path=upstream.base_path,
        own=", ".join(OWN),
    )
    return "\n".join(comment_lines(filled.rstrip())) + "\n\n" + body
