"""What Envoy writes of each request: one line of JSON, which names it as the gateway's own line and trace do."""

from __future__ import annotations

from collections.abc import Mapping

from envoy_data_plane.envoy.config.accesslog import v3 as accesslog
from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.extensions.access_loggers.stream import v3 as stream
from envoy_data_plane.google.protobuf import Any, Struct, Value

from gw_extproc.core import ids
from gw_extproc.local.plan import AccessLog

FIELDS: Mapping[str, str] = {
    "time": "%START_TIME(%Y-%m-%dT%H:%M:%S.%3fZ)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "response_id": f"%RESP({ids.HEADER.upper()})%",
    "trace_id": "%TRACE_ID%",
    "traceparent": "%REQ(TRACEPARENT)%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ)%",
    "route": "%ROUTE_NAME%",
    "status": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "upstream": "%UPSTREAM_HOST%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
    "duration_ms": "%DURATION%",
    "upstream_first_byte_ms": "%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%",
    "first_byte_ms": "%COMMON_DURATION(DS_RX_BEG:DS_TX_BEG:ms)%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
}
"""Besides `listener`. No headers that may hold credentials, and no query strings."""


def access_logs(listener: str, to: AccessLog) -> list[accesslog.AccessLog]:
    """What a listener's connection manager writes."""
    if to is AccessLog.NOWHERE:
        return []
    fields = {"listener": listener, **FIELDS}
    line = Struct(fields={name: Value(string_value=value) for name, value in fields.items()})
    written = core.SubstitutionFormatString(json_format=line, omit_empty_values=True)
    kind = stream.StdoutAccessLog if to is AccessLog.STDOUT else stream.StderrAccessLog
    return [accesslog.AccessLog(name=f"envoy.access_loggers.{to.name.lower()}", typed_config=Any.pack(kind(log_format=written)))]
