"""What Envoy says by itself when a call fails: an error object instead of its own plain text."""

from __future__ import annotations

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.filters.cel import v3 as cel
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager import v3 as hcm
from envoy_data_plane.google.protobuf import Any, NullValue, Struct, Value

from gw_extproc.core.errors import UPSTREAM_ERROR

FLAGS = ("UC", "UF", "UH", "UO", "UT", "URX", "NR", "LR", "UR", "UPE", "SI", "OM", "DF", "NC")
"""Envoy's response flags for what went wrong with the upstream, the route or the request; the processor's own answers have none."""


_NO_PROCESSOR = "response.code_details.startsWith('ext_proc_error')"
"""What Envoy notes where the processor cannot be reached or breaks off: it has no flag for that, and no words."""


def local_replies() -> hcm.LocalReplyConfig:
    """OpenAI's error object, around Envoy's own words where there are any."""
    failed = accesslog.AccessLogFilter(response_flag_filter=accesslog.ResponseFlagFilter(flags=list(FLAGS)))
    expression = Any.pack(cel.ExpressionFilter(expression=_NO_PROCESSOR))
    deserted = accesslog.AccessLogFilter(
        extension_filter=accesslog.ExtensionFilter(name="envoy.access_loggers.extension_filters.cel", typed_config=expression)
    )
    return hcm.LocalReplyConfig(
        mappers=[
            hcm.ResponseMapper(filter=failed, body_format_override=_error("%LOCAL_REPLY_BODY%", UPSTREAM_ERROR)),
            hcm.ResponseMapper(filter=deserted, body_format_override=_error("The gateway's processor failed.", "processor_error")),
        ]
    )


def _error(message: str, code: str) -> core.SubstitutionFormatString:
    error = Struct(
        fields={
            "message": Value(string_value=message),
            "type": Value(string_value="server_error"),
            "param": Value(null_value=NullValue.NULL_VALUE),
            "code": Value(string_value=code),
        }
    )
    return core.SubstitutionFormatString(json_format=Struct(fields={"error": Value(struct_value=error)}))
