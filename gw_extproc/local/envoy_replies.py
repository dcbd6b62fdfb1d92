"""What Envoy says by itself when a call fails: an error object instead of its own plain text."""

from __future__ import annotations

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import NullValue, Struct, Value

FLAGS = ("UC", "UF", "UH", "UO", "UT", "URX", "NR", "LR", "UR", "UPE", "DPE", "SI", "OM", "DF", "NC")
"""Envoy's response flags for what went wrong with the upstream, the route or the request; the processor's own answers have none."""


def local_replies() -> hcm.LocalReplyConfig:
    """OpenAI's error object around Envoy's own words."""
    error = Struct(
        fields={
            "message": Value(string_value="%LOCAL_REPLY_BODY%"),
            "type": Value(string_value="server_error"),
            "param": Value(null_value=NullValue.NULL_VALUE),
            "code": Value(string_value="upstream_error"),
        }
    )
    body = core.SubstitutionFormatString(json_format=Struct(fields={"error": Value(struct_value=error)}))
    failed = accesslog.AccessLogFilter(response_flag_filter=accesslog.ResponseFlagFilter(flags=list(FLAGS)))
    return hcm.LocalReplyConfig(mappers=[hcm.ResponseMapper(filter=failed, body_format_override=body)])
