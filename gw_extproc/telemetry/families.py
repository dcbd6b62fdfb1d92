"""All metrics, in one table: their names and labels are what dashboards and alerts are made of."""

from __future__ import annotations

from collections.abc import Sequence

from gw_extproc.telemetry.pace import GAP_BOUNDS
from gw_extproc.telemetry.tables import Family, Kind

_LONG = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds of whole responses."""

_SHORT = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
"""Seconds of what the gateway does itself."""

# The next four are those of the semantic conventions for generative AI.
_OPERATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0)
_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)

_GEN_AI = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")

RESPONSES = Family(
    "responses_total",
    Kind.COUNTER,
    "Responses that have ended, and requests for one that were refused (rejected).",
    ("model", "status", "door", "stream", "stored"),
)
DURATION = Family(
    "response_duration_seconds",
    Kind.HISTOGRAM,
    "From the request to the end of its response; of a background response while it was being made.",
    ("model", "status", "stream"),
    _LONG,
)
TOOLS = Family(
    "tool_execution_duration_seconds",
    Kind.HISTOGRAM,
    "Calls of tools that the gateway runs, and fetching their lists.",
    ("tool", "outcome"),
    _LONG,
)
STORAGE = Family(
    "storage_operations_total", Kind.COUNTER, "Operations of the store; one that was repeated counts once.", ("operation", "outcome")
)
STORAGE_DURATION = Family(
    "gateway_store_operation_duration_seconds",
    Kind.HISTOGRAM,
    "How long they took, with repetitions.",
    ("operation", "outcome"),
    _SHORT,
)
OPERATION = Family(
    "gen_ai_client_operation_duration_seconds",
    Kind.HISTOGRAM,
    "Model calls, to the end of the answer.",
    (*_GEN_AI, "gen_ai_response_model", "error_type"),
    _OPERATION,
)
TOKENS = Family(
    "gen_ai_client_token_usage",
    Kind.HISTOGRAM,
    "Tokens of each response, in and out.",
    (*_GEN_AI, "gen_ai_response_model", "gen_ai_token_type"),
    _TOKENS,
)
FIRST_TOKEN = Family(
    "gen_ai_server_time_to_first_token_seconds",
    Kind.HISTOGRAM,
    "From the first model call to the first piece of a streamed answer.",
    _GEN_AI,
    _FIRST_TOKEN,
)
PER_TOKEN = Family(
    "gen_ai_server_time_per_output_token_seconds",
    Kind.HISTOGRAM,
    "After the first piece, of streamed answers of one model call.",
    _GEN_AI,
    _PER_TOKEN,
)
EXT_PROC = Family(
    "gateway_ext_proc_duration_seconds",
    Kind.HISTOGRAM,
    "What the processor added to an inline exchange, from Envoy's messages to the replies: the sum over those of each phase.",
    ("phase",),
    _SHORT,
)
ADDED = Family(
    "gateway_added_time_to_first_token_seconds",
    Kind.HISTOGRAM,
    "How much later the first token came because of the gateway's work, its store and the preparation of tools included.",
    ("door",),
    _SHORT,
)
GAPS = Family("gateway_chunk_gap_seconds", Kind.HISTOGRAM, "Between two pieces of a streamed answer.", ("model",), GAP_BOUNDS)
OPEN = Family("gateway_open_streams", Kind.GAUGE, "Exchanges that are not over.", ("door",))
REQUESTS = Family(
    "gateway_requests_total",
    Kind.COUNTER,
    "HTTP requests and turns of WebSockets; none: the client left before the answer.",
    ("method", "route", "status_class", "door"),
)
FIELDS = Family(
    "gateway_request_fields_total",
    Kind.COUNTER,
    "What x-gateway-notice says: fields that were left out, changed or repaired, how, and by which rule of the dialect.",
    ("treatment", "field", "rule"),
)
UPSTREAM_ERRORS = Family(
    "gateway_upstream_errors_total", Kind.COUNTER, "Model calls that failed; none: there was no answer.", ("status", "error_type")
)
QUEUE = Family("gateway_background_queue_depth", Kind.GAUGE, "Background responses that wait, in all replicas.", by_worker=False)
JOBS = Family("gateway_background_jobs", Kind.GAUGE, "Background responses that are being made.")
LAG = Family("gateway_event_loop_lag_seconds", Kind.HISTOGRAM, "How much too late a timer fired.", (), _SHORT)
WORKERS = Family("gateway_workers", Kind.GAUGE, "Workers that the gateway was started with.", by_worker=False)
UP = Family("gateway_workers_up", Kind.GAUGE, "Workers that are in this answer.", by_worker=False)
INFO = Family("gateway_info", Kind.GAUGE, "What runs.", ("version", "dialect"))

FAMILIES: Sequence[Family] = (
    *(RESPONSES, DURATION, TOOLS, STORAGE, STORAGE_DURATION),
    *(OPERATION, TOKENS, FIRST_TOKEN, PER_TOKEN),
    *(EXT_PROC, ADDED, GAPS, OPEN, REQUESTS, FIELDS, UPSTREAM_ERRORS),
    *(QUEUE, JOBS, LAG, WORKERS, UP, INFO),
)
